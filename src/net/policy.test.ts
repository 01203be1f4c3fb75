import { describe, expect, it } from 'vitest'
import { createAddressCheck } from './addresses.ts'
import { parseEndpoint } from './endpoint.ts'
import {
  boundsOf,
  covers,
  defaultRules,
  type EgressRule,
  exceedsConfigured,
  mayReach,
  readTarget,
} from './policy.ts'

const rule = (target: string, ports: EgressRule['ports'] = 'usual'): EgressRule => ({
  target,
  ports,
})
const proxy = (text: string) => parseEndpoint('proxy', 'proxy', text)

/** Whether a connection to `address` under the name in `text` is let through. */
function lets(list: readonly EgressRule[], text: string, address: string): boolean {
  return createAddressCheck(['10.0.0.0/8', '127.0.0.0/8'], [boundsOf(list, proxy(text))])(address)
}

describe('an allow-list', () => {
  it('knows names, names below a name, ranges and all that is public', () => {
    const list = [rule('proxy.contoso.com'), rule('*.fabrikam.com'), rule('10.1.0.0/16')]
    expect(lets(list, 'http://proxy.contoso.com:3128', '8.8.8.8')).toBe(true)
    expect(lets(list, 'http://a.b.fabrikam.com:3128', '8.8.8.8')).toBe(true)
    expect(lets(list, 'http://fabrikam.com:3128', '8.8.8.8')).toBe(false)
    expect(lets(list, 'http://notfabrikam.com:3128', '8.8.8.8')).toBe(false)
    expect(lets(list, 'http://other.com:3128', '8.8.8.8')).toBe(false)
    expect(lets(list, 'http://other.com:3128', '10.1.2.3')).toBe(true)
    expect(lets([rule('public')], 'http://other.com:3128', '8.8.8.8')).toBe(true)
  })

  it('G1: opens no private address by a name', () => {
    for (const target of ['public', 'proxy.contoso.com', '*.contoso.com']) {
      expect(lets([rule(target)], 'http://proxy.contoso.com:3128', '10.1.2.3')).toBe(false)
    }
  })

  it('G1: opens ports of other services only by number', () => {
    for (const port of [22, 25, 5432, 3389, 6379]) {
      const text = `http://proxy.contoso.com:${port}`
      expect(lets([rule('public')], text, '8.8.8.8')).toBe(false)
      expect(lets([rule('public', 'any')], text, '8.8.8.8')).toBe(false)
      expect(lets([rule('public', [port])], text, '8.8.8.8')).toBe(true)
    }
    expect(lets([rule('public')], 'http://proxy.contoso.com:9999', '8.8.8.8')).toBe(false)
    expect(lets([rule('public', 'any')], 'http://proxy.contoso.com:9999', '8.8.8.8')).toBe(true)
  })

  it('begins with what is public and what the server names', () => {
    const list = defaultRules(['127.0.0.0/8'])
    expect(lets(list, 'http://proxy.contoso.com:3128', '8.8.8.8')).toBe(true)
    expect(lets(list, 'http://proxy.contoso.com:50123', '127.0.0.1')).toBe(true)
    expect(lets(list, 'http://proxy.contoso.com:22', '127.0.0.1')).toBe(false)
    expect(lets(list, 'http://proxy.contoso.com:3128', '10.1.2.3')).toBe(false)
  })

  it('tells before the name is resolved what cannot be', () => {
    const may = (list: EgressRule[], text: string) =>
      mayReach(proxy(text), ['10.0.0.0/8'], [boundsOf(list, proxy(text))])
    expect(may([rule('10.1.0.0/16')], 'http://proxy.contoso.com:3128')).toBe(true)
    expect(may([rule('10.1.0.0/16')], 'http://10.1.2.3:3128')).toBe(true)
    expect(may([rule('10.1.0.0/16')], 'http://10.2.2.3:3128')).toBe(false)
    expect(may([rule('other.com')], 'http://proxy.contoso.com:3128')).toBe(false)
    expect(may([], 'http://proxy.contoso.com:3128')).toBe(false)
  })

  it.each<[string, EgressRule, EgressRule, boolean]>([
    ['the same', rule('a.com'), rule('a.com'), true],
    ['public and a host', rule('public'), rule('a.com'), true],
    ['public and a private range', rule('public'), rule('10.1.0.0/16'), false],
    ['a wider pattern', rule('*.com'), rule('*.a.com'), true],
    ['a pattern and a host in it', rule('*.a.com'), rule('x.a.com'), true],
    ['a pattern and its own name', rule('*.a.com'), rule('a.com'), false],
    ['a host and a pattern', rule('a.com'), rule('*.a.com'), false],
    ['a wider range', rule('10.0.0.0/8'), rule('10.1.0.0/16'), true],
    ['a narrower range', rule('10.1.0.0/16'), rule('10.0.0.0/8'), false],
    ['another range', rule('10.1.0.0/16'), rule('10.2.0.0/16'), false],
    ['a range and a host', rule('10.0.0.0/8'), rule('a.com'), false],
    ['usual and one of them', rule('a.com'), rule('a.com', [443]), true],
    ['usual and another', rule('a.com'), rule('a.com', [22]), false],
    ['any and another', rule('a.com', 'any'), rule('a.com', [9999]), true],
    ['some and any', rule('a.com', [9999]), rule('a.com', 'any'), false],
    ['some and usual', rule('a.com', [443]), rule('a.com'), false],
  ])('covers or does not: %s', (_what, outer, inner, expected) => {
    expect(covers([outer], inner)).toBe(expected)
  })

  it('knows which ranges the server has to open first', () => {
    expect(exceedsConfigured(rule('10.1.0.0/16'), ['10.0.0.0/8'])).toBe(false)
    expect(exceedsConfigured(rule('10.1.0.0/16'), ['10.1.0.0/24'])).toBe(true)
    expect(exceedsConfigured(rule('20.0.0.0/8'), [])).toBe(false)
    expect(exceedsConfigured(rule('public'), [])).toBe(false)
  })

  it.each([
    ['Proxy.Contoso.com', 'proxy.contoso.com'],
    ['*.Bücher.example', '*.xn--bcher-kva.example'],
    ['10.1.2.3', '10.1.2.3/32'],
    ['fd12::9', 'fd12::9/128'],
    ['10.1.0.0/16', '10.1.0.0/16'],
    ['Public', 'public'],
  ])('writes %s as %s', (text, target) => {
    expect(readTarget('target', text)).toBe(target)
  })

  it.each([
    '',
    '*',
    '*.',
    'https://a.com',
    'a.com:443',
    'a.com/x',
    'u@a.com',
    '10.0.0.0/99',
    '2130706433',
    'a b',
    'a;b',
    '-a.com',
  ])('takes no target for %j', (text) => {
    expect(() => readTarget('target', text)).toThrow(/^target /)
  })
})
