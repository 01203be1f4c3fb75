import { isJsonObject, type JsonObject } from '../../src/core/json.ts'
import { accessRequests } from './accessRequests.ts'
import { credentialRequests } from './credentialRequests.ts'
import { peopleRequests } from './peopleRequests.ts'
import { type ContractWorld, place, users } from './world.ts'

/** A request that its route takes, and where what it stored is seen again. */
export interface ValidRequest {
  path?: Record<string, string | number>
  query?: Record<string, string>
  headers?: Record<string, string>
  body?: JsonObject
  /** Where the answer's object is shown afterwards. */
  shownAt?: (answer: JsonObject) => string
  /** The member of what is shown there that holds a field, where it is not its own path. */
  shownAs?: Readonly<Record<string, readonly string[]>>
  /** Makes room for the next request of the same kind. */
  tidy?: (answer: JsonObject) => Promise<unknown>
  /** For some fields another body around them. */
  instead?: Readonly<Record<string, JsonObject>>
  /** What it is answered where success takes more than a request: its own test shows that. */
  answered?: number
  /** A success takes long, and there are many fields: each gets a share of the legal texts. */
  slow?: true
}

type Requests = Record<string, ValidRequest>

/**
 * One for every route, by its name. Whatever a request changes or removes was made for it here, so
 * that the routes do not get in each other's way.
 */
export async function validRequests(world: ContractWorld): Promise<Requests> {
  return {
    ...(await nodeRequests(world)),
    ...(await accessRequests(world)),
    ...(await peopleRequests(world)),
    ...(await credentialRequests(world, (name, number) => addTenant(world, name, number))),
    ...(await tenantRequests(world)),
    ...(await certificateRequests(world)),
    ...(await syncRequests(world)),
    ...(await scheduleRequests(world)),
    ...(await transactionRequests(world)),
    ...(await modelRequests(world)),
    ...readings(world),
  }
}

const page = { after: '1', limit: '5' }
const guid = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
const shown = (noun: string) => (answer: JsonObject) => `/v1/${noun}/${answer.id}`
const confirmed = (answer: JsonObject) => ({ confirm: String(answer.name) })

async function addCustomer({ client, parent }: ContractWorld, name: string): Promise<number> {
  const { id } = await client.node.create({
    body: { parentId: parent.nodeId, kind: 'customer', name },
  })
  return id
}

/** A tenant at a node of its own, of a Microsoft tenant that is nowhere. */
async function addTenant(world: ContractWorld, name: string, number: number): Promise<number> {
  const nodeId = await addCustomer(world, name)
  const graph = { cloud: 'emulator', tenantId: guid(number), clientId: guid(number) }
  const body = { nodeId, name, graph: { ...graph, clientSecret: 'x' } }
  return (await world.client.tenant.create({ body })).id
}

async function nodeRequests(world: ContractWorld): Promise<Requests> {
  const { client, parent, own } = world
  const moved = { parentId: await addCustomer(world, 'Old parent'), kind: 'site' as const }
  const { id: movedId } = await client.node.create({ body: { ...moved, name: 'Moved' } })
  return {
    'node.list': { query: { after: '1.', limit: '5' } },
    'node.create': {
      body: { parentId: parent.nodeId, kind: 'customer', name: 'Created' },
      shownAt: shown('nodes'),
      tidy: (answer) =>
        client.node.delete({ params: { nodeId: Number(answer.id) }, query: confirmed(answer) }),
    },
    'node.show': { path: { nodeId: own.nodeId } },
    'node.rename': {
      path: { nodeId: await addCustomer(world, 'Renamed') },
      body: { name: 'Renamed' },
      shownAt: shown('nodes'),
    },
    'node.move': {
      path: { nodeId: movedId },
      body: { parentId: await addCustomer(world, 'New parent'), confirm: 'Moved' },
    },
    'node.delete': {
      path: { nodeId: await addCustomer(world, 'Doomed') },
      query: { confirm: 'Doomed' },
    },
    'egress.show': { path: { nodeId: own.nodeId } },
    'egress.allow': {
      path: { nodeId: await addCustomer(world, 'Egress') },
      body: { target: 'proxy.contoso.example', ports: [3128] },
    },
    'egress.forbid': {
      path: { nodeId: await addCustomer(world, 'No egress') },
      body: { target: 'public' },
    },
    'egress.inherit': { path: { nodeId: own.nodeId } },
  }
}

async function tenantRequests(world: ContractWorld): Promise<Requests> {
  const { client, own } = world
  return {
    'tenant.list': { query: page },
    'tenant.create': {
      body: { nodeId: await addCustomer(world, 'Free'), name: 'Created', ...tenantFields(1) },
      shownAt: shown('tenants'),
      tidy: (answer) =>
        client.tenant.delete({ params: { tenantId: Number(answer.id) }, query: confirmed(answer) }),
      slow: true,
    },
    'tenant.import': {
      path: {},
      body: {
        nodeId: await addCustomer(world, 'Import'),
        fields: {
          name: 'Imported',
          client_id: guid(7),
          tenant_id: guid(7),
          'graph.cloud': 'emulator',
        },
        dryRun: true,
      },
      tidy: async ({ tenant }) => {
        // Without `dryRun` it is there now, and in the way of the next one.
        if (!isJsonObject(tenant)) return
        const params = { tenantId: Number(tenant.id) }
        await client.tenant.delete({ params, query: confirmed(tenant) })
      },
    },
    'tenant.show': { path: { tenantId: own.tenantId } },
    'tenant.update': {
      path: { tenantId: await addTenant(world, 'Updated tenant', 2) },
      body: { name: 'Updated tenant', ...tenantFields(2) },
      shownAt: shown('tenants'),
      slow: true,
    },
    'tenant.delete': {
      path: { tenantId: await addTenant(world, 'Doomed tenant', 3) },
      query: { confirm: 'Doomed tenant' },
    },
    'tenant.test': { path: { tenantId: own.tenantId }, body: { confirm: true } },
  }
}

/** The fields of a tenant as they are between two attempts. */
function tenantFields(number: number): JsonObject {
  return {
    description: 'As it was',
    powershell: { mode: 'none', host: 'win.contoso.example', username: 'svc' },
    httpProxy: { use: false, authenticate: false, username: 'proxy' },
    teams: { enabled: false, adminUsername: 'admin' },
    graph: {
      ...{ cloud: 'emulator', clientId: guid(number), tenantId: guid(number), clientSecret: 'x' },
      ...{ userPageSize: 100, groupPageSize: 100 },
    },
    exchange: { enabled: false, organization: 'contoso.onmicrosoft.com' },
    sync: { deleteThreshold: 10 },
  }
}

async function certificateRequests({ client, own, pem }: ContractWorld): Promise<Requests> {
  const { nodeId, certificateId } = own
  const doomed = { nodeId, name: 'Doomed', commonName: 'Doomed', keyBits: 2048 as const }
  const { id: doomedId } = await client.certificate.create({ body: doomed })
  const tidy = (answer: JsonObject) =>
    client.certificate.delete({
      params: { certificateId: Number(answer.id) },
      query: confirmed(answer),
    })
  return {
    'certificate.list': { query: page },
    'certificate.create': {
      body: {
        ...{ nodeId, name: 'Created', commonName: 'Created', organization: 'Ahorn' },
        ...{ country: 'DE', validDays: 30, keyBits: 2048 },
      },
      shownAt: shown('certificates'),
      tidy,
      slow: true,
    },
    'certificate.import': {
      body: { nodeId, name: 'Brought', pem },
      shownAt: shown('certificates'),
      tidy,
      instead: { 'body.pfx': { nodeId, name: 'Brought', password: 'x' } },
    },
    'certificate.show': { path: { certificateId } },
    'certificate.export': { path: { certificateId } },
    'certificate.delete': { path: { certificateId: doomedId }, query: { confirm: 'Doomed' } },
  }
}

async function syncRequests(world: ContractWorld): Promise<Requests> {
  const { client, own } = world
  const { tenantId, syncId, heldSyncId } = own
  const cancelled = { tenantId: await addTenant(world, 'Cancelled tenant', 5) }
  const { id: cancelledId } = await client.sync.start({ params: cancelled, body: {} })
  return {
    'sync.start': {
      path: { tenantId: await addTenant(world, 'Synced tenant', 4) },
      // Not full lists, which are refused while one of the attempts before reads changes.
      body: { models: [users] },
    },
    'sync.list': { query: { ...page, tenantId: String(tenantId) } },
    'sync.show': { path: { syncId } },
    'sync.cancel': { path: { syncId: cancelledId } },
    'sync.rejected': { path: { syncId }, query: page },
    'sync.removals': { path: { syncId: heldSyncId }, query: { ...page, state: 'held' } },
    'sync.decide': {
      path: { syncId: heldSyncId },
      body: { decision: 'approve', models: [users] },
    },
  }
}

async function scheduleRequests(world: ContractWorld): Promise<Requests> {
  const { client } = world
  const tenantId = await addTenant(world, 'Scheduled tenant', 6)
  const add = async (name: string) => {
    const body = { name, everyMinutes: 60 }
    return (await client.schedule.create({ params: { tenantId }, body })).id
  }
  const when = { cron: '30 2 * * *', timeZone: 'Europe/Berlin', models: [users], fullList: false }
  const interval = { name: 'Created', everyMinutes: 60 }
  return {
    'schedule.list': { query: { ...page, tenantId: String(tenantId) } },
    'schedule.create': {
      path: { tenantId },
      body: { name: 'Created', ...when },
      shownAt: shown('schedules'),
      tidy: (answer) => client.schedule.delete({ params: { scheduleId: Number(answer.id) } }),
      instead: { 'body.everyMinutes': interval },
    },
    'subscription.list': { query: { ...page, tenantId: String(tenantId) } },
    'notification.receive': {},
    'schedule.show': { path: { scheduleId: await add('Shown') } },
    'schedule.update': {
      path: { scheduleId: await add('Updated') },
      body: { name: 'Updated', ...when },
      shownAt: shown('schedules'),
      instead: { 'body.everyMinutes': { everyMinutes: 60 } },
    },
    'schedule.pause': { path: { scheduleId: await add('Paused') } },
    'schedule.resume': { path: { scheduleId: await add('Resumed') } },
    'schedule.delete': { path: { scheduleId: await add('Doomed') } },
    'syncRule.list': { path: { tenantId } },
    'syncScope.list': { path: { tenantId } },
    'syncScope.set': {
      path: { tenantId, ...place },
      body: { filter: { op: 'eq', property: 'department', value: 'Sales' } },
    },
    'syncRule.set': { path: { tenantId, ...place }, body: { disabled: ['add'] } },
  }
}

async function transactionRequests({ client, own }: ContractWorld): Promise<Requests> {
  const { tenantId, transactionId } = own
  const update = { do: 'update' as const, model: users, ref: own.key }
  const body = { steps: [{ ...update, set: { department: 'Night Shift' } }] }
  const made = { do: 'link', model: users, ref: { step: 1 }, link: 'member', to: { step: 1 } }
  const add = [{ product: 'FLOW_FREE', without: ['FLOW_P2_VIRAL'] }]
  const licence = { do: 'licence', ref: own.key, add, remove: ['POWER_BI_STANDARD'] }
  const lists = ['add.0', 'add.0.product', 'add.0.without', 'add.0.without.0', 'remove.0']
  const instead = {
    'body.steps.0.ref.step': { steps: [made] },
    'body.steps.0.to.step': { steps: [made] },
    ...Object.fromEntries(lists.map((name) => [`body.steps.0.${name}`, { steps: [licence] }])),
  }
  const begun = await client.transaction.start({ params: { tenantId }, headers: {}, body })
  return {
    'transaction.plan': { path: { tenantId }, body, instead },
    'transaction.start': {
      path: { tenantId },
      body,
      instead,
      shownAt: shown('transactions'),
      shownAs: {
        'body.steps.0.set.department': ['stepList', '0', 'differences', '0', 'after'],
      },
    },
    'transaction.list': { query: { ...page, tenantId: String(tenantId) } },
    'transaction.show': { path: { transactionId } },
    'transaction.cancel': { path: { transactionId: begun.id } },
    'transaction.undo': { path: { transactionId } },
    'transaction.replay': { path: { transactionId }, body: { confirm: true } },
  }
}

async function modelRequests({ client }: ContractWorld): Promise<Requests> {
  const groups = { application: 'msgraph', name: 'Groups' }
  const { text } = await client.model.version({ params: { ...groups, number: 1 } })
  const { number } = await client.model.upload({ body: { text: `${text}# Once more.\n` } })
  const activate = () => client.model.activate({ params: groups, body: { number } })
  await activate()
  return {
    'model.upload': { body: { text: `${text}# And again.\n` } },
    'model.versions': { path: place, query: { after: '5', limit: '5' } },
    'model.version': { path: { ...place, number: 1 } },
    'model.diff': { path: { ...place, number: 1 }, query: { against: '1' } },
    'model.activate': { path: place, body: { number: 1 } },
    'model.rollback': { path: groups, tidy: activate },
  }
}

function readings({ own }: ContractWorld): Requests {
  const { tenantId, key: ref } = own
  return {
    'model.list': {},
    'model.show': { path: place },
    'resource.list': {
      path: { tenantId, ...place },
      query: { limit: '5', search: 'a', filter: 'department=Sales' },
    },
    'export.csv': { path: { tenantId, ...place }, query: { search: 'a' } },
    'export.json': { path: { tenantId, ...place }, query: { filter: 'department=Sales' } },
    'resource.show': { path: { tenantId, ...place, ref } },
    'resource.history': { path: { tenantId, ...place, ref }, query: { ...page, after: '0' } },
    'job.list': {},
    'event.stream': { query: { subject: 'node:1', after: '1-1' } },
    'audit.list': { query: { ...page, tenantId: String(tenantId) } },
    'audit.export': { query: { after: '1-1', limit: '5' } },
    'audit.verify': { body: { heads: [{ chain: 1, seq: 1, hash: '0'.repeat(64) }] } },
    'session.show': {},
    'metrics.show': {},
    'health.live': {},
    'health.ready': {},
  }
}
