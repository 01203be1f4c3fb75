import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { type Client, createClient } from '../../src/client/client.ts'
import { type Api, api } from '../../src/contract/api.ts'
import { Sealed } from '../../src/core/secret.ts'
import type { TenantAccess } from '../../src/emulator/options.ts'
import { generateCertificate } from '../../src/features/certificates/generate.ts'
import { startServerProcess, stopProcess } from '../../src/main/children.ts'
import { readSettings } from '../../src/main/settings.ts'
import { startPatchbay } from '../../src/main/start.ts'
import { control } from '../engine/control.ts'
import { startTestPatchbay, type TestPatchbay } from '../server/patchbay.ts'
import { quietLog, systemClock } from '../store/testing.ts'

export const users = 'device/msgraph/MSOLUser'
export const place = { application: 'msgraph', name: 'MSOLUser' }

/** A customer as one is after some days: a synced tenant, one change, removals that are held. */
export interface Customer {
  nodeId: number
  siteId: number
  path: string
  sitePath: string
  tenantId: number
  certificateId: number
  /** Names that may be seen nowhere outside of the customer. */
  names: string[]
  /** The key of a person, and the syncs and transactions that are over. */
  key: string
  heldSyncId: number
  syncId: number
  transactionId: number
}

export interface ContractWorld {
  patchbay: TestPatchbay
  /** The administrator of the whole. */
  client: Client<Api>
  resellerId: number
  own: Customer
  sibling: Customer
  /** PEM of a certificate with its key. */
  pem: string
  database: pg.Client
  close(): Promise<void>
}

/**
 * Two customers under a reseller, each with an emulated Microsoft 365. Their past was made by a
 * worker; now there is only the API, so that nothing changes but what requests change.
 */
export async function openContractWorld(): Promise<ContractWorld> {
  const patchbay = await startTestPatchbay({ role: 'api' })
  const token = new Sealed(patchbay.token)
  const client = createClient(api, { baseUrl: patchbay.url, token, fetch, clock: systemClock })
  const database = new pg.Client({ connectionString: patchbay.databaseUrl.reveal() })
  await database.connect()
  const body = { parentId: 1, kind: 'reseller' as const, name: 'Reseller' }
  const { id: resellerId } = await client.node.create({ body })
  await attachDecoy(client, resellerId)
  const pair = await generateCertificate(systemClock, { commonName: 'Brought', keyBits: 2048 })
  const [first] = patchbay.emulator.tenants
  if (first === undefined) throw new Error('the emulator has no tenant')
  const second = await anotherTenant(patchbay, first)
  const [own, sibling] = await withWorker(patchbay, () =>
    Promise.all([
      makeCustomer(patchbay, client, resellerId, first, 'Ahorn'),
      makeCustomer(patchbay, client, resellerId, second, 'Birke'),
    ]),
  )
  return {
    ...{ patchbay, client, resellerId, own, sibling, database },
    pem: `${pair.privateKeyPem.reveal()}\n${pair.certificatePem}`,
    async close() {
      await database.end()
      await patchbay.close()
    },
  }
}

/** Has the tenant id 1, which is among the hostile values and must not name anything of use. */
async function attachDecoy(client: Client<Api>, parentId: number): Promise<void> {
  const name = 'Decoy'
  const node = await client.node.create({ body: { parentId, kind: 'customer', name } })
  const id = '00000000-0000-4000-8000-0000000000ff'
  const graph = { cloud: 'emulator', tenantId: id, clientId: id, clientSecret: 'x' }
  await client.tenant.create({ body: { nodeId: node.id, name, graph } })
}

async function anotherTenant({ emulator }: TestPatchbay, first: TenantAccess) {
  const ask = control(emulator, first.tenantId)
  const spec = { users: 40, seed: 8, domain: 'birke.example' }
  const access = await ask.ask<TenantAccess>('POST', 'tenants', spec)
  await ask.close()
  return access
}

export interface Served {
  url: string
  child: ChildProcess
  /** Lines of its log that tell of an error nobody foresaw. */
  errors: string[]
  close(): Promise<void>
}

/** The API as a process of its own, as an administrator starts it: its memory is its own. */
export async function serve({ dataDir, databaseUrl }: TestPatchbay): Promise<Served> {
  const env = { ...process.env, DATABASE_URL: databaseUrl.reveal() }
  const { child, url = '' } = await startServerProcess(dataDir, ['--role', 'api'], env)
  const errors: string[] = []
  if (child.stderr === null) throw new Error('it has no log')
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (!line.startsWith('{') || JSON.parse(line).level >= 50) errors.push(line)
  })
  return { url, child, errors, close: () => stopProcess(child) }
}

async function withWorker<T>(patchbay: TestPatchbay, work: () => Promise<T>): Promise<T> {
  const env = { DATABASE_URL: patchbay.databaseUrl.reveal() }
  const settings = await readSettings(env, { data: patchbay.dataDir, role: 'worker' })
  const worker = await startPatchbay(settings, systemClock, quietLog)
  try {
    return await work()
  } finally {
    await worker.close()
  }
}

async function makeCustomer(
  { emulator }: TestPatchbay,
  client: Client<Api>,
  parentId: number,
  access: TenantAccess,
  name: string,
): Promise<Customer> {
  const node = await client.node.create({ body: { parentId, kind: 'customer', name } })
  const site = { parentId: node.id, kind: 'site' as const, name: `${name} site` }
  const { id: siteId, path: sitePath } = await client.node.create({ body: site })
  const certificate = await client.certificate.create({
    body: { nodeId: node.id, name: `${name} certificate`, commonName: name, keyBits: 2048 },
  })
  const { tenantId: microsoftId, clientId, clientSecret } = access
  const graph = { cloud: 'emulator', tenantId: microsoftId, clientId, clientSecret }
  const tenant = await client.tenant.create({
    body: { nodeId: node.id, name: `${name} tenant`, graph },
  })
  const params = { tenantId: tenant.id }
  const first = await syncOnce(client, tenant.id)
  const ask = control(emulator, microsoftId)
  // More than may vanish without a person's yes.
  await ask.mutate('delete-users', { users: 12, seed: 5 })
  const held = await syncOnce(client, tenant.id)
  await ask.close()
  const { items } = await client.resource.list({ params: { ...params, ...place }, query: {} })
  const removals = await client.sync.removals({ params: { syncId: held.id }, query: {} })
  const gone = new Set(removals.items.map(({ key }) => key))
  const person = items.find(({ key }) => !gone.has(key))
  if (person === undefined) throw new Error('nobody was synced')
  const change = { ref: person.key, set: { department: `${name} department` } }
  const begun = await client.transaction.start({
    params,
    headers: {},
    body: { model: users, objects: [change] },
  })
  const over = () => client.transaction.show({ params: { transactionId: begun.id } })
  await until(async () => (await over()).state === 'succeeded')
  return {
    ...{ nodeId: node.id, siteId, path: node.path, sitePath, tenantId: tenant.id },
    ...{ certificateId: certificate.id, key: person.key, transactionId: begun.id },
    ...{ syncId: first.id, heldSyncId: held.id },
    names: [name, microsoftId, clientId, person.name, ...items.map(({ key }) => key)],
  }
}

async function syncOnce(client: Client<Api>, tenantId: number) {
  const { id } = await client.sync.start({ params: { tenantId }, body: {} })
  const over = () => client.sync.show({ params: { syncId: id } })
  await until(async () => !['queued', 'running'].includes((await over()).state))
  return await over()
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (await holds()) return
    await wait(50)
  }
  throw new Error('it did not come about within 15 s')
}

/**
 * What the database holds, in a few numbers: rows per table and the sum of the transactions that
 * wrote them. A row added, changed or removed makes another text; a new table is included.
 */
export async function makeFingerprint(database: pg.Client): Promise<() => Promise<string>> {
  const { rows } = await database.query<{ name: string }>(
    `select format('%I.%I', relnamespace::regnamespace, relname) as name from pg_class
      where (relnamespace = 'patchbay'::regnamespace or relname = 'workflow_status')
        and relkind in ('r', 'p') and not relispartition order by 1`,
  )
  const each = rows.map(
    ({ name }) => `select count(*) as n, coalesce(sum(xmin::text::bigint), 0) as x from ${name}`,
  )
  const query = `select string_agg(n || ':' || x, ' ') as print from (${each.join(' union all ')})`
  return async () => (await database.query<{ print: string }>(`${query} t`)).rows[0]?.print ?? ''
}
