import { afterAll, beforeAll, expect, it } from 'vitest'
import { createCertificate } from '../../src/features/certificates/certificates.ts'
import { importTenant } from '../../src/features/tenants/importTenant.ts'
import { importNames } from '../../src/features/tenants/reference.ts'
import { readTenant } from '../../src/features/tenants/tenants.ts'
import {
  actorAt,
  addNode,
  type Bench,
  contosoId,
  directory,
  failureOf,
  openBench,
  provider,
} from './support.ts'

let bench: Bench
let nodes = 0
const clientId = '33333333-2222-4333-8444-555555555555'

beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.close())

const newNode = async () => {
  nodes += 1
  return await addNode(bench, 1, 'customer', `Customer ${nodes}`)
}

async function bring(fields: object, more: { nodeId?: number; dryRun?: boolean } = {}) {
  const nodeId = more.nodeId ?? (await newNode()).id
  return await importTenant(provider, bench.store, directory, {
    ...{ nodeId, fields: JSON.parse(JSON.stringify(fields)) },
    ...(more.dryRun !== undefined && { dryRun: more.dryRun }),
  })
}

let tenants = 0
/** A Microsoft tenant of its own each time. */
const anotherId = () => {
  tenants += 1
  return `44444444-2222-4333-8444-${String(tenants).padStart(12, '0')}`
}

it('takes an export nested as the form is, figures and switches written as text', async () => {
  const { tenant, missing, ignored } = await bring({
    ...{ pkid: '5f', hierarchy_path: 'sys.hcs', meta: { tags: [] } },
    Tenant: { name: 'Contoso', description: 'Imported' },
    'Microsoft 365': {
      ...{ client_id: clientId.toUpperCase(), tenant_id: 'contoso.com', client_secret: '********' },
      ...{ msol_user_api_page_size: '250', groups_api_page_size: '' },
      http_proxy: 'https://proxy.contoso.com:8080/',
    },
    'Microsoft Teams HTTP Proxy': { use_proxy: 'false', use_http_proxy_auth: false },
    'Microsoft Exchange': { enable_exchange: 'False' },
  })
  expect(tenant).toMatchObject({
    ...{ name: 'Contoso', description: 'Imported', httpProxy: { use: false } },
    graph: {
      ...{ clientId, tenantId: contosoId, userPageSize: 250, groupPageSize: null },
      ...{ clientSecret: { set: false }, proxy: 'https://proxy.contoso.com:8080/' },
    },
    connections: [{ state: 'untested' }],
  })
  expect(missing.map(({ field }) => field)).toEqual(['graph.clientSecret'])
  expect(ignored).toEqual(['pkid', 'hierarchy_path', 'meta'])
})

it('takes the names flat, in full or by their last part, and secrets when they are there', async () => {
  const { tenant, missing } = await bring({
    ...{ name: 'Flat', 'Microsoft 365.client_id': clientId, tenant_id: anotherId() },
    ...{ client_secret: 'very secret', powershellDeploymentMode: 'onprem', hostName: 'win.local' },
    ...{ proxyUsername: 'svc', syncGraph: 'true' },
  })
  expect(tenant).toMatchObject({
    ...{ name: 'Flat', graph: { clientSecret: { set: true } }, sync: { onSave: true } },
    powershell: { mode: 'windows-proxy', host: 'win.local', password: { set: false } },
  })
  expect(missing.map(({ field }) => field)).toEqual(['powershell.password'])
  expect(JSON.stringify(await readTenant(provider, bench.store, tenant?.id ?? 0))).not.toContain(
    'very secret',
  )
})

it('knows every name of the reference by its last part alone', () => {
  const last = [...importNames.keys()].map((name) => name.split('.').at(-1))
  expect(new Set(last).size).toBe(last.length)
})

it('a dry run makes nothing and says the same', async () => {
  const { id: nodeId } = await newNode()
  const fields = { name: 'Dry', client_id: clientId, tenant_id: anotherId() }
  const dry = await bring(fields, { nodeId, dryRun: true })
  expect(dry).toMatchObject({ dryRun: true, tenant: null })
  const made = await bring(fields, { nodeId })
  expect(made.tenant?.name).toBe('Dry')
  expect([made.fields, made.missing]).toEqual([dry.fields, dry.missing])
})

it('takes the certificate of that name at the node or above', async () => {
  const { id: nodeId } = await newNode()
  const certificate = { name: 'Shared app', commonName: 'x', keyBits: 2048 as const }
  const { id } = await createCertificate(provider, bench.store, { ...certificate, nodeId })
  const elsewhere = await newNode()
  await createCertificate(provider, bench.store, { ...certificate, nodeId: elsewhere.id })
  const fields = { name: 'Cert', client_id: clientId, tenant_id: anotherId() }
  const key = '["Shared app", "hcs.Contoso"]'
  const { tenant, missing } = await bring({ ...fields, certificate_bkey: key }, { nodeId })
  expect(tenant?.graph.certificateId).toBe(id)
  expect(missing).toEqual([])
  const unknown = { ...fields, tenant_id: anotherId(), certificate_bkey: 'Nowhere' }
  expect((await bring(unknown)).missing.map(({ field }) => field)).toEqual([
    ...['graph.clientSecret', 'graph.certificateId'],
  ])
})

const fine = () => ({ name: 'Fine', client_id: clientId, tenant_id: anotherId() })

it.each<[object, string[]]>([
  [{ colour: 'red' }, ['colour']],
  [{ 'Microsoft 365': { colour: 'red' } }, ['Microsoft 365.colour']],
  [{ owner: { name: 'x' } }, ['owner.name']],
  [{ 'Tenant.name': 'again' }, ['Tenant.name']],
  [{ client_id: 'x' }, ['client_id']],
  [{ client_id: null }, ['client_id']],
  [{ client_id: undefined }, ['Microsoft 365.client_id']],
  [{ msol_user_api_page_size: '1000' }, ['msol_user_api_page_size']],
  [{ msol_user_api_page_size: 'many' }, ['msol_user_api_page_size']],
  [{ use_proxy: 'perhaps' }, ['use_proxy']],
  [{ name: 'a/b' }, ['name']],
  [{ name: '' }, ['name']],
  [{ name: undefined }, ['Tenant.name']],
  [{ proxyUsername: 'DOMAIN\\svc' }, ['proxyUsername']],
  [{ http_proxy: 'ftp://x' }, ['http_proxy']],
])('%o is refused by the name it has there', async (wrong, expected) => {
  const failure = await failureOf(bring({ ...fine(), ...wrong }))
  expect(failure.code).toBe('bad-input')
  expect(failure.fields.map(({ field }) => field)).toEqual(
    expected.map((name) => `body.fields.${name}`),
  )
})

it('needs the right to create a tenant there', async () => {
  const { id: nodeId } = await newNode()
  const reader = actorAt('1.', [{ type: '*', operations: ['Read'] }])
  const tried = importTenant(reader, bench.store, directory, { nodeId, fields: fine() })
  expect((await failureOf(tried)).code).toBe('not-permitted')
})
