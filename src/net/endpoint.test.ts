import { describe, expect, it } from 'vitest'
import { AppError } from '../core/errors.ts'
import { parseEndpoint } from './endpoint.ts'

describe('endpoint', () => {
  it('takes an address apart', () => {
    expect(parseEndpoint('webhook', 'alerts', 'HTTPS://Hooks.Example.COM/Patchbay')).toEqual({
      kind: 'webhook',
      scheme: 'https',
      host: 'hooks.example.com',
      port: 443,
      origin: 'https://hooks.example.com',
      path: '/Patchbay',
      user: undefined,
      password: undefined,
    })
    const given = parseEndpoint('proxy', 'proxy', 'http://joe:p%40ss%3A@proxy.example:8080')
    expect(given).toMatchObject({ origin: 'http://proxy.example:8080', user: 'joe' })
    expect(given.password?.reveal()).toBe('p@ss:')
    expect(JSON.stringify(given)).not.toContain('p@ss')
  })

  it('encodes names and unmasks numbers', () => {
    const read = (text: string) => parseEndpoint('webhook', 'webhook', text)
    expect(read('https://bücher.example').host).toBe('xn--bcher-kva.example')
    for (const host of ['2130706433', '0x7f000001', '017700000001', '127.1', '127.0.0.1']) {
      expect(read(`https://${host}`).host).toBe('127.0.0.1')
    }
    expect(read('https://[::1]')).toMatchObject({ host: '::1', origin: 'https://[::1]' })
  })

  it.each([
    ['winrm.contoso.com', 'winrm.contoso.com'],
    ['10.1.2.3', '10.1.2.3'],
    ['2130706433', '127.0.0.1'],
    ['fd12::9', 'fd12::9'],
    ['[fd12::9]', 'fd12::9'],
  ])('reads the computer %s', (text, host) => {
    const endpoint = parseEndpoint('windows-computer', 'host', text)
    expect(endpoint).toMatchObject({ host, port: 5986, scheme: 'https' })
  })

  it.each([
    'https://host',
    'host:5986',
    'host/path',
    'host?x',
    'host#x',
    'user@host',
    '[fd12::9]:22',
    'host.',
    'a b',
    '$(reboot)',
    'host;reboot',
    'host`id`',
    "host'or'1",
    'host|id',
    'host&id',
  ])('F6: takes no computer for %j', (text) => {
    expect(() => parseEndpoint('windows-computer', 'host', text)).toThrow(AppError)
  })

  it.each([
    ['http://graph.example', /must begin with https/],
    ['file:///etc/passwd', /must begin with https/],
    ['gopher://graph.example', /must begin with https/],
    ['graph.example', /must begin with https/],
    ['__proto__://graph.example', /must begin with https/],
    ['', /must begin with https/],
    ['https://', /not an address/],
    ['https://exa mple', /spaces/],
    ['https://example\\@evil.example', /spaces, control characters or/],
    ['https://exam\tple', /spaces/],
    ['https://a\r\nb', /spaces/],
    ['https://graph.example@evil.example', /user or password/],
    ['https://@evil.example', /user or password/],
    ['https://graph.example:99999', /not an address/],
    ['https://graph.example:0', /no valid port/],
    ['https://graph.example#x', /a fragment/],
    ['https://graph.example#', /a fragment/],
    ['https://graph.example?x', /a query/],
    ['https://localhost.', /end its host with a dot/],
    ['https://127.0.0.1%2f.example', /no name and no IP address/],
    ["https://a';reboot", /no name and no IP address/],
    ['https://$(reboot)', /no name and no IP address/],
    ['https://a;b.example', /no name and no IP address/],
  ])('F6, G1: refuses %j', (text, problem) => {
    const attempt = () => parseEndpoint('webhook', 'webhook', text)
    expect(attempt).toThrow(AppError)
    expect(attempt).toThrow(problem)
  })

  it('takes a path only where there is one', () => {
    expect(() => parseEndpoint('proxy', 'proxy', 'https://proxy.example/x')).toThrow(/a path/)
  })

  it.each(['http://a%0d%0aX-Evil:1@proxy.example', 'http://%zz@proxy.example'])(
    'F6: refuses a proxy user that cannot be sent: %s',
    (text) => {
      expect(() => parseEndpoint('proxy', 'proxy', text)).toThrow(/cannot be sent/)
    },
  )
})
