import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/core/errors.ts'
import { beginning, reachOf } from '../../src/features/egress/reach.ts'
import { checkDraft, draftChange } from '../../src/features/tenants/draft.ts'
import { readGiven } from '../../src/features/tenants/fields.ts'

type Input = Parameters<typeof readGiven>[0]

const guid = '11111111-2222-4333-8444-555555555555'
const graph = { clientId: guid, tenantId: guid, clientSecret: 's' }
const windows = { mode: 'windows-proxy' as const, host: 'h', username: 'u', password: 'p' }

const policy = reachOf([beginning({})], {})

function problemsOf(input: Input): string[] {
  const empty = { values: {}, held: new Set<never>(), shown: new Map() }
  const draft = draftChange(empty, readGiven({ ...input, graph: { ...graph, ...input.graph } }))
  const certificate =
    input.graph?.certificateId === 1
      ? { thumbprint: 'A'.repeat(40), thumbprintSha256: 'B'.repeat(64) }
      : undefined
  try {
    checkDraft(draft, { certificate, clouds: ['global', 'china'], policy, nowMs: Date.now() })
    return []
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return error.fields.map(({ field }) => field.replace('body.', '')).sort()
  }
}

describe('fine', () => {
  test.each<[string, Input]>([
    ['what every tenant needs', {}],
    ['a certificate instead of a secret', { graph: { clientSecret: null, certificateId: 1 } }],
    ['both', { graph: { certificateId: 1 } }],
    ['a thumbprint alone', { graph: { certificateThumbprint: 'c'.repeat(40) } }],
    ['the PowerShell service', { powershell: { mode: 'service' } }],
    ['Teams by app registration', { powershell: { mode: 'service' }, teams: { enabled: true } }],
    ['a Windows proxy', { powershell: windows }],
    ['an IPv4 host', { powershell: { ...windows, host: '8.8.8.8' } }],
    ['an IPv6 host', { powershell: { ...windows, host: '2603:1006::7' } }],
    ['Teams disabled on a Windows proxy', { powershell: windows, teams: { enabled: false } }],
    [
      'Teams by service account',
      {
        powershell: windows,
        teams: { enabled: true, adminUsername: 'admin@contoso.com', adminPassword: 'p' },
      },
    ],
    ['an HTTP proxy', { httpProxy: { use: true } }],
    ['authentication of a proxy not in use', { httpProxy: { use: false, authenticate: true } }],
    [
      'an HTTP proxy with sign-in',
      { httpProxy: { use: true, authenticate: true, username: 'u', password: 'p' } },
    ],
    [
      'Exchange by thumbprint',
      {
        exchange: {
          enabled: true,
          organization: 'contoso.onmicrosoft.com',
          certificateThumbprint: 'aa '.repeat(20),
        },
      },
    ],
    [
      'Exchange by certificate',
      { graph: { certificateId: 1 }, exchange: { enabled: true, organization: 'contoso.com' } },
    ],
    ['Exchange fields while it is disabled', { exchange: { organization: 'anything' } }],
    ['a proxy', { graph: { proxy: 'https://proxy.contoso.com:3128/' } }],
    ['a proxy by address, by http', { graph: { proxy: 'http://8.8.8.8:8080' } }],
    ['a proxy with sign-in', { graph: { secureProxy: 'https://u:p%40s@proxy.contoso.com:8443/' } }],
  ])('%s', (_what, input) => {
    expect(problemsOf(input)).toEqual([])
  })
})

describe('refused, naming the field', () => {
  test.each<[string, Input, string[]]>([
    ['no client id', { graph: { clientId: '' } }, ['graph.clientId']],
    ['a client id that is no GUID', { graph: { clientId: 'patchbay' } }, ['graph.clientId']],
    ['no tenant id', { graph: { tenantId: null } }, ['graph.tenantId']],
    ['no credential', { graph: { clientSecret: null } }, ['graph.clientSecret']],
    ['an unknown cloud', { graph: { cloud: 'moon' } }, ['graph.cloud']],
    [
      'a thumbprint of another certificate',
      { graph: { certificateId: 1, certificateThumbprint: 'c'.repeat(40) } },
      ['graph.certificateThumbprint'],
    ],
    [
      'no thumbprint',
      { graph: { certificateThumbprint: 'hello' } },
      ['graph.certificateThumbprint'],
    ],
    [
      'a Windows proxy without its account',
      { powershell: { mode: 'windows-proxy' } },
      ['powershell.host', 'powershell.password', 'powershell.username'],
    ],
    [
      'a domain account',
      { powershell: { ...windows, username: 'CONTOSO\\svc' } },
      ['powershell.username'],
    ],
    [
      'a user principal name',
      { powershell: { ...windows, username: 'svc@contoso.com' } },
      ['powershell.username'],
    ],
    ...['a/b', 'h:5986', 'https://h', 'a b', 'u@h', 'h#x', 'h?x', "h'; x", '[::1]:5986', 'h/'].map(
      (host): [string, Input, string[]] => [
        `the host ${host}`,
        { powershell: { ...windows, host } },
        ['powershell.host'],
      ],
    ),
    [
      'Teams through a Windows proxy without its account',
      { powershell: windows, teams: { enabled: true } },
      ['teams.adminPassword', 'teams.adminUsername'],
    ],
    [
      'a proxy that authenticates nobody',
      { httpProxy: { use: true, authenticate: true } },
      ['httpProxy.password', 'httpProxy.username'],
    ],
    [
      'Exchange without anything',
      { exchange: { enabled: true } },
      ['exchange.certificateThumbprint', 'exchange.organization'],
    ],
    [
      'Exchange with something that is no domain',
      { graph: { certificateId: 1 }, exchange: { enabled: true, organization: "x' -or 1" } },
      ['exchange.organization'],
    ],
    [
      'an Exchange thumbprint that is none',
      { exchange: { certificateThumbprint: '12' } },
      ['exchange.certificateThumbprint'],
    ],
  ])('%s', (_what, input, fields) => {
    expect(problemsOf(input)).toEqual(fields)
  })
})
