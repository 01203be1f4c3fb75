import { Errors } from 'typebox/value'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { TenantCreate } from '../../src/contract/tenantFields.ts'
import type { TenantAnswer } from '../../src/features/tenants/answer.ts'
import { referencedFields } from '../../src/features/tenants/reference.ts'
import { inScope } from '../../src/store/scope.ts'
import { type Bench, openBench } from './support.ts'
import { type Input, tenantBench } from './tenantBench.ts'

/** What the model table of the reference says of a field, and what it then does here. */
interface Told {
  group: string
  reference: string
  /** The longest text it takes. */
  longest?: number
  /** What it is where nobody gave it; left away where it has to be given. */
  blank?: unknown
  /** Something it takes, and what is shown of that when it is not the same. */
  takes: string | number | boolean
  shows?: unknown
  /** What it does not take. */
  refuses?: (string | number)[]
  /** It lies encrypted: the row of the tenant does not hold it. */
  sealed?: boolean
  /** What it does not go without. */
  beside?: Record<string, string>
}

let bench: Bench
let bare: TenantAnswer
const { attach, secretOf } = tenantBench(() => bench)

beforeAll(async () => {
  bench = await openBench()
  bare = (await attach()).tenant
})
afterAll(() => bench.close())

const form = {
  windows: 'Microsoft Teams Powershell',
  proxy: 'Microsoft Teams HTTP Proxy',
  teams: 'Microsoft Teams',
  graph: 'Microsoft 365',
  exchange: 'Microsoft Exchange',
}
const isSet = { set: true, changedAt: expect.any(String) }
const notSet = { set: false, changedAt: null }
const secret = { takes: 'a word that tells', shows: isSet, sealed: true }
const size = { blank: null, takes: 250, refuses: [0, 1_000, 2.5, 'many'] }

/** A request, or a part of one, in which one field says something. */
function saying(path: string, value: unknown, beside: object = {}): Partial<Input> {
  const [group = '', name] = path.split('.')
  return name === undefined ? { [group]: value } : { [group]: { ...beside, [name]: value } }
}

function fieldOf(tenant: TenantAnswer, path: string): unknown {
  return path.split('.').reduce<unknown>((at, name) => Reflect.get(Object(at), name), tenant)
}

function isTaken(path: string, value: unknown): boolean {
  const body = { nodeId: 1, name: 'T', ...saying(path, value) }
  const at = `/${path.replace('.', '/')}`
  return Errors(TenantCreate, body).every(({ instancePath }) => instancePath !== at)
}

/** The row of a tenant as it lies in the database, and everything beside it in the vault. */
async function lying({ id, nodePath }: TenantAnswer): Promise<string> {
  return await inScope(bench.store.db, nodePath, async (tx) => {
    const row = await tx.selectFrom('tenant').selectAll().where('id', '=', id).execute()
    const sealed = await tx.selectFrom('secret').select(['field', 'sealed']).execute()
    const bytes = sealed.map((each) => `${each.field} ${each.sealed.toString('latin1')}`)
    return JSON.stringify([row, bytes])
  })
}

describe('is as the reference has it', () => {
  test.each<[string, Told]>([
    [
      'name',
      {
        ...{ group: 'Tenant', reference: 'Tenant.name', longest: 255 },
        ...{ takes: 'T-1_a. b', refuses: ['', 'a/b', 'ä', 'a\nb', 'a,b'] },
      },
    ],
    [
      'description',
      {
        ...{ group: 'Tenant', reference: 'Tenant.description', longest: 255 },
        ...{ blank: null, takes: 'Größe: 5/6, 7' },
      },
    ],
    [
      'powershell.host',
      {
        ...{ group: form.windows, reference: `${form.windows}.hostName`, longest: 255 },
        ...{ blank: null, takes: 'proxy.contoso.com' },
      },
    ],
    [
      'powershell.username',
      {
        ...{ group: form.windows, reference: `${form.windows}.proxyUsername`, longest: 255 },
        ...{ blank: null, takes: 'svc-patchbay' },
      },
    ],
    [
      'powershell.password',
      {
        ...{ group: form.windows, reference: `${form.windows}.proxyPassword`, longest: 255 },
        ...{ blank: notSet, ...secret },
      },
    ],
    [
      'httpProxy.use',
      {
        ...{ group: form.proxy, reference: `${form.proxy}.use_proxy` },
        ...{ blank: false, takes: true, refuses: ['yes', 1] },
      },
    ],
    [
      'httpProxy.authenticate',
      {
        ...{ group: form.proxy, reference: `${form.proxy}.use_http_proxy_auth` },
        ...{ blank: false, takes: true, refuses: ['yes', 1] },
      },
    ],
    [
      'httpProxy.username',
      {
        ...{ group: form.proxy, reference: `${form.proxy}.http_proxy_username`, longest: 255 },
        ...{ blank: null, takes: 'joe' },
      },
    ],
    [
      'httpProxy.password',
      {
        ...{ group: form.proxy, reference: `${form.proxy}.http_proxy_password`, longest: 255 },
        ...{ blank: notSet, ...secret },
      },
    ],
    [
      'teams.adminUsername',
      {
        ...{ group: form.teams, reference: `${form.teams}.tenantUsername`, longest: 255 },
        ...{ blank: null, takes: 'admin@contoso.com' },
      },
    ],
    [
      'teams.adminPassword',
      {
        ...{ group: form.teams, reference: `${form.teams}.tenantPassword`, longest: 255 },
        ...{ blank: notSet, ...secret },
      },
    ],
    [
      'graph.clientId',
      {
        ...{ group: form.graph, reference: `${form.graph}.client_id` },
        takes: '77777777-2222-4333-8444-555555555555',
      },
    ],
    [
      'graph.tenantId',
      {
        ...{ group: form.graph, reference: `${form.graph}.tenant_id` },
        takes: '88888888-2222-4333-8444-555555555555',
      },
    ],
    [
      'graph.clientSecret',
      { group: form.graph, reference: `${form.graph}.client_secret`, ...secret },
    ],
    [
      'graph.certificateThumbprint',
      {
        ...{ group: form.graph, reference: `${form.graph}.graph_api_certificate_thumbprint` },
        ...{ blank: null, takes: 'A'.repeat(40) },
      },
    ],
    [
      'graph.proxy',
      {
        ...{ group: form.graph, reference: `${form.graph}.http_proxy` },
        ...{ blank: null, takes: 'https://proxy.contoso.com:3128/', sealed: true },
      },
    ],
    [
      'graph.secureProxy',
      {
        ...{ group: form.graph, reference: `${form.graph}.https_proxy`, blank: null },
        ...{ takes: 'https://joe:word@proxy.contoso.com:3128/', sealed: true },
        shows: 'https://***@proxy.contoso.com:3128/',
      },
    ],
    [
      'graph.userPageSize',
      { group: form.graph, reference: `${form.graph}.msol_user_api_page_size`, ...size },
    ],
    [
      'graph.groupPageSize',
      { group: form.graph, reference: `${form.graph}.groups_api_page_size`, ...size },
    ],
    [
      'exchange.enabled',
      {
        ...{ group: form.exchange, reference: `${form.exchange}.enable_exchange` },
        ...{ blank: false, takes: true, refuses: ['yes', 1] },
        beside: { organization: 'contoso.com', certificateThumbprint: 'C'.repeat(40) },
      },
    ],
    [
      'exchange.certificateThumbprint',
      {
        ...{ group: form.exchange, reference: `${form.exchange}.exchange_certificate_thumbprint` },
        ...{ blank: null, takes: 'B'.repeat(40), sealed: true },
      },
    ],
  ])('%s', async (path, told) => {
    const field = referencedFields.find((each) => each.path === path)
    expect([field?.group, field?.schema.reference]).toEqual([told.group, told.reference])
    if ('blank' in told) expect(fieldOf(bare, path)).toEqual(told.blank)

    const { takes, shows = takes, beside, sealed = false } = told
    const { tenant } = await attach(saying(path, takes, beside))
    expect(fieldOf(tenant, path)).toEqual(shows)
    if (typeof takes === 'string') expect((await lying(tenant)).includes(takes)).toBe(!sealed)
    expect(await secretOf(tenant.id, path)).toBe(sealed ? takes : undefined)

    if (told.longest !== undefined) {
      expect(isTaken(path, 'x'.repeat(told.longest))).toBe(true)
      expect(isTaken(path, 'x'.repeat(told.longest + 1))).toBe(false)
    }
    for (const wrong of told.refuses ?? []) expect([wrong, isTaken(path, wrong)]).toContain(false)
  })
})

test('a certificate is chosen by its number, in the group of Microsoft 365', () => {
  const field = referencedFields.find(({ path }) => path === 'graph.certificateId')
  expect(field?.group).toBe(form.graph)
  expect(field?.schema.reference).toBe('Microsoft 365.certificate_bkey')
  expect([7, 0, 'Contoso'].map((value) => isTaken('graph.certificateId', value))).toEqual([
    ...[true, false, false],
  ])
})
