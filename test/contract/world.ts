import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { type Client, createClient } from '../../src/client/client.ts'
import { type Api, api } from '../../src/contract/api.ts'
import type { NodeKind } from '../../src/core/hierarchy.ts'
import { Sealed } from '../../src/core/secret.ts'
import type { TenantAccess } from '../../src/emulator/options.ts'
import { generateCertificate } from '../../src/features/certificates/generate.ts'
import { control } from '../engine/control.ts'
import { startTestPatchbay, type TestPatchbay } from '../server/patchbay.ts'
import { systemClock } from '../store/testing.ts'
import { giveSomebodyARole } from './accessRequests.ts'
import { withWorker } from './served.ts'

export const users = 'device/msgraph/MSOLUser'
export const place = { application: 'msgraph', name: 'MSOLUser' }

/** A node as one is after some days: a synced tenant, one change, removals that are held. */
export interface Furnished {
  nodeId: number
  parentId: number
  path: string
  name: string
  tenantId: number
  certificateId: number
  /** The key of a person, and the syncs and transactions that are over. */
  key: string
  heldSyncId: number
  syncId: number
  transactionId: number
  /** Somebody without a role, and an access token of theirs. */
  personId: number
  tokenId: number
  /** A role that another one holds there. */
  grantId: number
  /** A webhook that is told of alerts. */
  alertTargetId: number
  /** Rests, so that nothing happens by itself. */
  scheduleId: number
  /** What may be seen nowhere but by who may see the node. */
  marks: string[]
}

export interface ContractWorld {
  patchbay: TestPatchbay
  /** The administrator of the whole. */
  client: Client<Api>
  /** A reseller, two of its customers, and a site of the first of them. */
  parent: Furnished
  own: Furnished
  sibling: Furnished
  child: Furnished
  /** A customer of another reseller. */
  other: Furnished
  /** PEM of a certificate with its key. */
  pem: string
  database: pg.Client
  close(): Promise<void>
}

/**
 * Four nodes, each with an emulated Microsoft 365. Their past was made by a worker; now there is
 * only the API, so that nothing changes but what requests change. `settings` are further members of
 * patchbay.json.
 */
export async function openContractWorld(settings: object = {}): Promise<ContractWorld> {
  const patchbay = await startTestPatchbay({ role: 'api', settings })
  const token = new Sealed(patchbay.token)
  const client = createClient(api, { baseUrl: patchbay.url, token, fetch, clock: systemClock })
  const database = new pg.Client({ connectionString: patchbay.databaseUrl.reveal() })
  await database.connect()
  const pair = await generateCertificate(systemClock, { commonName: 'Brought', keyBits: 2048 })
  const node = async (parentId: number, kind: NodeKind, name: string) =>
    await client.node.create({ body: { parentId, kind, name } })
  const parent = await node(1, 'reseller', 'Linde')
  await attachDecoy(client, parent.id)
  const own = await node(parent.id, 'customer', 'Ahorn')
  const sibling = await node(parent.id, 'customer', 'Birke')
  const child = await node(own.id, 'site', 'Erle')
  const other = await node((await node(1, 'reseller', 'Nadel')).id, 'customer', 'Zeder')
  const furnished = await withWorker(patchbay, () =>
    Promise.all(
      [parent, own, sibling, child, other].map((each) => furnish(patchbay, client, each)),
    ),
  )
  const [first, second, third, fourth, fifth] = furnished
  if (!first || !second || !third || !fourth || !fifth) throw new Error('a node is missing')
  return {
    ...{ patchbay, client, database },
    ...{ parent: first, own: second, sibling: third, child: fourth, other: fifth },
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

type Node = Awaited<ReturnType<Client<Api>['node']['show']>>

async function furnish(
  { emulator }: TestPatchbay,
  client: Client<Api>,
  { id: nodeId, parentId, path, name, kind }: Node,
): Promise<Furnished> {
  const microsoft = control(emulator, '')
  const domain = `${name.toLowerCase()}.onmicrosoft.com`
  const spec = { users: 40, seed: nodeId, domain }
  const access = await microsoft.ask<TenantAccess>('POST', 'tenants', spec)
  await microsoft.close()
  const certificate = { nodeId, name: `${name} certificate`, commonName: name }
  const { id: certificateId } = await client.certificate.create({
    body: { ...certificate, keyBits: 2048 },
  })
  const { tenantId: microsoftId, clientId, clientSecret } = access
  const graph = { cloud: 'emulator', tenantId: microsoftId, clientId, clientSecret }
  const body = { nodeId, name: `${name} tenant`, graph }
  const { id: tenantId } = await client.tenant.create({ body })
  const { syncId, heldSyncId } = await syncTwice(emulator, client, tenantId, microsoftId)
  const { key, keys } = await somebody(client, tenantId, heldSyncId)
  const transactionId = await changeOnce(client, tenantId, key, `${name} department`)
  const scheduleId = await addResting(client, tenantId, `${name} schedule`)
  const login = `${name.toLowerCase()}-person`
  const { id: personId } = await client.person.create({ body: { nodeId, login, name: login } })
  const holder = { nodeId, kind, login: `${name.toLowerCase()}-holder` }
  const grantId = await giveSomebodyARole(client, holder)
  const webhook = `https://alerts.example.com/${name.toLowerCase()}`
  const { target } = await client.alert.add({ body: { nodeId, webhook } })
  const { id: tokenId } = await client.token.create({ body: { name: 'Script', personId } })
  return {
    ...{ nodeId, parentId: parentId ?? 0, path, name, tenantId, certificateId },
    ...{ syncId, heldSyncId, transactionId, key, scheduleId, personId, tokenId },
    ...{ grantId, alertTargetId: target.id },
    marks: [name, microsoftId, clientId, ...keys],
  }
}

/** Enough to be seen or hidden; the others would only take time. */
const models = [
  users,
  'device/msgraph/Groups',
  'device/msgraph/MsolAccountSku',
  'device/msgraph/RoleAssignment',
]

/** A first sync, and one that finds more gone than may go without a person's yes. */
async function syncTwice(
  emulator: TestPatchbay['emulator'],
  client: Client<Api>,
  tenantId: number,
  microsoftId: string,
): Promise<{ syncId: number; heldSyncId: number }> {
  const microsoft = control(emulator, microsoftId)
  const sync = async () => {
    const { id } = await client.sync.start({ params: { tenantId }, body: { models } })
    const stateOf = async () => (await client.sync.show({ params: { syncId: id } })).state
    await until(async () => !['queued', 'running'].includes(await stateOf()))
    return id
  }
  const syncId = await sync()
  await microsoft.mutate('delete-users', { users: 12, seed: 5 })
  const heldSyncId = await sync()
  await microsoft.close()
  return { syncId, heldSyncId }
}

/** The key of a person who is still there, and those of everybody. */
async function somebody(
  client: Client<Api>,
  tenantId: number,
  syncId: number,
): Promise<{ key: string; keys: string[] }> {
  const params = { tenantId, ...place }
  const { items } = await client.resource.list({ params, query: {} })
  const removals = await client.sync.removals({ params: { syncId }, query: {} })
  const keys = items.map(({ key }) => key)
  const gone = new Set(removals.items.map(({ key }) => key))
  const key = keys.find((each) => !gone.has(each))
  if (key === undefined || gone.size === 0) throw new Error('nobody is left, or nobody is gone')
  return { key, keys }
}

async function addResting(client: Client<Api>, tenantId: number, name: string): Promise<number> {
  const body = { name, everyMinutes: 60 }
  const { id: scheduleId } = await client.schedule.create({ params: { tenantId }, body })
  await client.schedule.pause({ params: { scheduleId } })
  return scheduleId
}

async function changeOnce(
  client: Client<Api>,
  tenantId: number,
  ref: string,
  department: string,
): Promise<number> {
  const body = { steps: [{ do: 'update' as const, model: users, ref, set: { department } }] }
  const { id } = await client.transaction.start({ params: { tenantId }, headers: {}, body })
  const stateOf = async () =>
    (await client.transaction.show({ params: { transactionId: id } })).state
  await until(async () => (await stateOf()) === 'succeeded')
  return id
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (await holds()) return
    await wait(50)
  }
  throw new Error('it did not come about within 15 s')
}
