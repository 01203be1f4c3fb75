import { describe, expect, it } from 'vitest'
import { AppError } from '../core/errors.ts'
import { type EndpointRules, parseEndpoint } from './endpoint.ts'

const https: EndpointRules = { field: 'graph', schemes: { https: 443 } }
const proxy: EndpointRules = {
  field: 'proxy',
  schemes: { http: 80, https: 443 },
  ports: 'any',
  userinfo: true,
}

describe('endpoint', () => {
  it('takes an address apart', () => {
    expect(parseEndpoint('HTTPS://Graph.Example.COM/', https)).toEqual({
      scheme: 'https',
      host: 'graph.example.com',
      port: 443,
      origin: 'https://graph.example.com',
      path: '/',
      user: undefined,
      password: undefined,
    })
    const given = parseEndpoint('http://joe:p%40ss%3A@proxy.example:8080', proxy)
    expect(given).toMatchObject({ origin: 'http://proxy.example:8080', user: 'joe' })
    expect(given.password?.reveal()).toBe('p@ss:')
    expect(JSON.stringify(given)).not.toContain('p@ss')
  })

  it('encodes names and unmasks numbers', () => {
    expect(parseEndpoint('https://bücher.example', https).host).toBe('xn--bcher-kva.example')
    for (const host of ['2130706433', '0x7f000001', '017700000001', '127.1', '127.0.0.1']) {
      expect(parseEndpoint(`https://${host}`, https).host).toBe('127.0.0.1')
    }
    expect(parseEndpoint('https://[::1]', https)).toMatchObject({
      host: '::1',
      origin: 'https://[::1]',
    })
  })

  it('knows the ports of schemes that URL does not know', () => {
    const ldap: EndpointRules = { field: 'ldap', schemes: { ldap: 389, ldaps: 636 }, ports: 'any' }
    expect(parseEndpoint('ldap://dc.example', ldap)).toMatchObject({
      port: 389,
      origin: 'ldap://dc.example',
    })
    expect(parseEndpoint('ldap://DC.example:443', ldap).origin).toBe('ldap://dc.example:443')
    expect(parseEndpoint('ldaps://2130706433', ldap).host).toBe('127.0.0.1')
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
    ['https://graph.example:22', /must use port 443/],
    ['https://graph.example:99999', /not an address/],
    ['https://graph.example/x', /a path/],
    ['https://graph.example#x', /a fragment/],
    ['https://graph.example#', /a fragment/],
    ['https://graph.example?x', /a query/],
    ['https://localhost.', /end its host with a dot/],
    ['https://127.0.0.1%2f.example', /not an address/],
  ])('refuses %j', (text, problem) => {
    const attempt = () => parseEndpoint(text, https)
    expect(attempt).toThrow(AppError)
    expect(attempt).toThrow(problem)
  })

  it.each(['http://a%0d%0aX-Evil:1@proxy.example', 'http://%zz@proxy.example'])(
    'refuses a proxy user that cannot be sent: %s',
    (text) => {
      expect(() => parseEndpoint(text, proxy)).toThrow(/cannot be sent/)
    },
  )
})
