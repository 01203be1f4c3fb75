import { aboutAccess } from './accessRequests.ts'
import type { ValidRequest } from './validRequests.ts'
import { type ContractWorld, type Furnished, place, users } from './world.ts'

export type Asking = (target: Furnished) => ValidRequest

/** As a target: nothing of it is there. */
export const nowhere: Furnished = {
  ...{ nodeId: 4_000_000, parentId: 4_000_001, path: '', name: 'Nowhere', tenantId: 4_000_002 },
  ...{ certificateId: 4_000_003, heldSyncId: 4_000_004, syncId: 4_000_005 },
  ...{
    transactionId: 4_000_006,
    scheduleId: 4_000_007,
    personId: 4_000_008,
    grantId: 4_000_010,
    alertTargetId: 4_000_011,
    tokenId: 4_000_009,
    key: '00000000-0000-4000-8000-000000000000',
    marks: [],
  },
}

const guid = '00000000-0000-4000-8000-00000000000f'
const groups = 'device/msgraph/Groups'

/**
 * Requests about a target, by route and, after a blank, by where the target stands in them. Who is
 * permitted gets as far as a rule that comes behind the permission (400, 409, 428) or a success
 * that leaves the target as it is, so that all of them can be asked of the same world.
 */
export function askings(world: ContractWorld): Record<string, Asking> {
  return {
    ...aboutAccess,
    ...aboutCredentials,
    ...aboutPeople,
    ...aboutNodes(world),
    ...aboutTenants(world),
    ...aboutWork,
    ...aboutModels,
    ...readings,
  }
}

const aboutCredentials: Record<string, Asking> = {
  'credential.end': ({ tenantId }) => ({ path: { tenantId }, body: { endsAt: null } }),
  'credential.add': ({ tenantId }) => ({
    path: { tenantId },
    body: { certificateId: nowhere.certificateId },
  }),
  'credential.test': ({ tenantId }) => ({ path: { tenantId } }),
  'credential.promote': ({ tenantId }) => ({ path: { tenantId } }),
  'credential.drop': ({ tenantId }) => ({ path: { tenantId } }),
  'alert.add': ({ nodeId }) => ({ body: { nodeId } }),
  'alert.remove': ({ alertTargetId: targetId }) => ({ path: { targetId } }),
  'alert.test': ({ alertTargetId: targetId }) => ({ path: { targetId } }),
}

const aboutPeople: Record<string, Asking> = {
  // With a body, which they do not take: else who asks would be somebody no more.
  'session.end': () => ({ body: {} }),
  'session.endAll': () => ({ body: {} }),
  'person.create': ({ nodeId }) => ({
    body: { nodeId, login: 'ahorn-person', name: 'New' },
  }),
  'person.show': ({ personId }) => ({ path: { personId } }),
  'person.update': ({ personId }) => ({ path: { personId }, body: { login: 'linde-person' } }),
  'person.invite': ({ personId }) => ({ path: { personId } }),
  'person.signOut': ({ personId }) => ({ path: { personId } }),
  'person.delete': ({ personId }) => ({ path: { personId } }),
  'token.create': ({ personId }) => ({ body: { name: 'New', personId, days: 1 } }),
  'token.create (node)': ({ nodeId }) => ({ body: { name: 'New', nodeId } }),
  'token.revoke': ({ tokenId }) => ({ path: { tokenId } }),
  'consent.invite': ({ tenantId }) => ({ path: { tenantId } }),
}

function aboutNodes({ child }: ContractWorld): Record<string, Asking> {
  return {
    'node.create': ({ nodeId }) => ({
      body: { parentId: nodeId, kind: 'provider', name: 'New' },
    }),
    'node.show': ({ nodeId }) => ({ path: { nodeId } }),
    'node.rename': ({ nodeId, name }) => ({ path: { nodeId }, body: { name } }),
    'node.move': ({ nodeId, parentId }) => ({ path: { nodeId }, body: { parentId } }),
    'node.move (to)': ({ nodeId }) => ({
      path: { nodeId: child.nodeId },
      body: { parentId: nodeId },
    }),
    'node.delete': ({ nodeId }) => ({ path: { nodeId } }),
    'egress.show': ({ nodeId }) => ({ path: { nodeId } }),
    'egress.allow': ({ nodeId }) => ({ path: { nodeId }, body: { target: '10.0.0.0/8' } }),
    'egress.forbid': ({ nodeId }) => ({ path: { nodeId }, body: { target: 'nowhere.example' } }),
    'egress.inherit': ({ nodeId }) => ({ path: { nodeId } }),
    'certificate.create': ({ nodeId, name }) => ({
      body: { nodeId, name: `${name} certificate`, commonName: 'New', keyBits: 2048 },
    }),
    'certificate.import': ({ nodeId }) => ({ body: { nodeId, name: 'New', pem: 'x' } }),
    'certificate.show': ({ certificateId }) => ({ path: { certificateId } }),
    'certificate.export': ({ certificateId }) => ({ path: { certificateId } }),
    'certificate.delete': ({ certificateId }) => ({ path: { certificateId } }),
  }
}

function aboutTenants({ child }: ContractWorld): Record<string, Asking> {
  const graph = { cloud: 'emulator', tenantId: guid, clientId: guid, clientSecret: 'x' }
  return {
    'tenant.create': ({ nodeId }) => ({ body: { nodeId, name: 'New', graph } }),
    'tenant.import': ({ nodeId }) => ({ body: { nodeId, fields: { name: 'New' }, dryRun: true } }),
    'tenant.show': ({ tenantId }) => ({ path: { tenantId } }),
    'tenant.update': ({ tenantId }) => ({ path: { tenantId }, body: {} }),
    'tenant.update (certificate)': ({ certificateId }) => ({
      path: { tenantId: child.tenantId },
      body: { graph: { certificateId, certificateThumbprint: 'x' } },
    }),
    'tenant.delete': ({ tenantId }) => ({ path: { tenantId } }),
    'permission.tenant': ({ tenantId }) => ({ path: { tenantId } }),
    'tenant.test': ({ tenantId }) => ({ path: { tenantId }, body: {} }),
  }
}

const aboutWork: Record<string, Asking> = {
  'sync.start': ({ tenantId }) => ({ path: { tenantId }, body: { models: [users] } }),
  'sync.list': ({ tenantId }) => ({ query: { tenantId: `${tenantId}` } }),
  'sync.show': ({ syncId }) => ({ path: { syncId } }),
  'sync.cancel': ({ syncId }) => ({ path: { syncId } }),
  'sync.rejected': ({ syncId }) => ({ path: { syncId } }),
  'sync.removals': ({ heldSyncId: syncId }) => ({ path: { syncId } }),
  'sync.decide': ({ heldSyncId: syncId }) => ({
    path: { syncId },
    body: { decision: 'refuse', models: [groups] },
  }),
  'syncRule.list': ({ tenantId }) => ({ path: { tenantId } }),
  'syncRule.set': ({ tenantId }) => ({ path: { tenantId, ...place }, body: { disabled: [] } }),
  'syncScope.list': ({ tenantId }) => ({ path: { tenantId } }),
  'syncScope.set': ({ tenantId }) => ({ path: { tenantId, ...place }, body: { filter: null } }),
  'schedule.list': ({ tenantId }) => ({ query: { tenantId: `${tenantId}` } }),
  'subscription.list': ({ tenantId }) => ({ query: { tenantId: `${tenantId}` } }),
  'schedule.create': ({ tenantId, name }) => ({
    path: { tenantId },
    body: { name: `${name} schedule`, everyMinutes: 60 },
  }),
  'schedule.show': ({ scheduleId }) => ({ path: { scheduleId } }),
  'schedule.update': ({ scheduleId }) => ({ path: { scheduleId }, body: { timeZone: 'No/Where' } }),
  'schedule.pause': ({ scheduleId }) => ({ path: { scheduleId } }),
  'schedule.resume': ({ scheduleId }) => ({ path: { scheduleId } }),
  'schedule.delete': ({ scheduleId }) => ({ path: { scheduleId } }),
  'transaction.plan': ({ tenantId, key: ref }) => ({
    path: { tenantId },
    body: { steps: [{ do: 'update', model: users, ref, set: { department: 'New' } }] },
  }),
  'transaction.start': ({ tenantId, key: ref }) => ({
    path: { tenantId },
    body: { steps: [{ do: 'update', model: users, ref, set: { id: 'x' } }] },
  }),
  'transaction.list': ({ tenantId }) => ({ query: { tenantId: `${tenantId}` } }),
  'transaction.show': ({ transactionId }) => ({ path: { transactionId } }),
  'transaction.cancel': ({ transactionId }) => ({ path: { transactionId } }),
  'transaction.undo': ({ transactionId }) => ({ path: { transactionId } }),
  'transaction.replay': ({ transactionId }) => ({ path: { transactionId }, body: {} }),
}

/** Versions of models are nobody's but the provider's, whatever the target. */
const aboutModels: Record<string, Asking> = {
  'model.upload': () => ({ body: { text: 'model: none' } }),
  'model.versions': () => ({ path: place }),
  'model.version': () => ({ path: { ...place, number: 1 } }),
  'model.diff': () => ({ path: { ...place, number: 1 } }),
  'model.activate': () => ({ path: place, body: { number: 1 } }),
  'model.rollback': () => ({ path: place }),
}

const readings: Record<string, Asking> = {
  'resource.list': ({ tenantId }) => ({ path: { tenantId, ...place } }),
  'resource.show': ({ tenantId, key: ref }) => ({ path: { tenantId, ...place, ref } }),
  'resource.history': ({ tenantId, key: ref }) => ({ path: { tenantId, ...place, ref } }),
  'export.csv': ({ tenantId }) => ({ path: { tenantId, ...place } }),
  'export.json': ({ tenantId }) => ({ path: { tenantId, ...place } }),
  'audit.list': ({ tenantId }) => ({ query: { tenantId: `${tenantId}` } }),
  'event.stream': ({ tenantId }) => ({ query: { subject: `tenant:${tenantId}` } }),
}

/** What is asked of no target: each caller gets what lies within their own scope. */
export const untargeted: readonly string[] = [
  ...['node.list', 'tenant.list', 'certificate.list', 'model.list', 'model.show', 'job.list'],
  ...[
    'audit.export',
    'audit.verify',
    'session.show',
    'session.begin',
    'session.changePassword',
    'session.acceptInvitation',
    'session.providers',
    'session.admitCommandLine',
    'session.exchangeCode',
    'signIn.page',
    'signIn.script',
    'signIn.style',
    'signIn.openId',
    'signIn.return',
    'consent.begin',
    'consent.return',
    'consent.page',
    'permission.list',
    'credential.list',
    'alert.list',
    'profile.list',
    'role.list',
    'person.list',
    'token.list',
    'metrics.show',
    'health.live',
    'health.ready',
    'notification.receive',
  ],
]
