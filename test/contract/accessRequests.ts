import type { Client } from '../../src/client/client.ts'
import type { Api } from '../../src/contract/api.ts'
import type { Asking } from './askings.ts'
import type { ValidRequest } from './validRequests.ts'
import type { ContractWorld } from './world.ts'

const page = { after: '1', limit: '5' }
const permissions = [{ type: 'data/Job', operations: ['Read' as const] }]

/** Requests about profiles, roles and who holds them. */
export async function accessRequests({
  client,
  own,
}: ContractWorld): Promise<Record<string, ValidRequest>> {
  const profile = async (name: string) =>
    (await client.profile.create({ body: { name, permissions } })).id
  const profileId = await profile('Shown')
  const role = async (name: string) =>
    (await client.role.create({ body: { name, profileId, kind: 'customer' } })).id
  const roleId = await role('Shown')
  const { nodeId } = own
  const login = 'holder'
  const { id: personId } = await client.person.create({ body: { nodeId, login, name: login } })
  const { id: grantId } = await client.role.grant({
    body: { nodeId, personId, roleId: await role('Given') },
  })
  return {
    'profile.list': { query: page },
    'profile.show': { path: { profileId } },
    'profile.create': {
      body: { name: 'Created', description: 'x', permissions },
      shownAt: ({ id }) => `/v1/profiles/${id}`,
      tidy: ({ id, name }) =>
        client.profile.delete({
          params: { profileId: Number(id) },
          query: { confirm: String(name) },
        }),
    },
    'profile.update': {
      path: { profileId: await profile('Updated') },
      body: { name: 'Updated', description: 'x', permissions },
      shownAt: ({ id }) => `/v1/profiles/${id}`,
    },
    'profile.delete': {
      path: { profileId: await profile('Doomed') },
      query: { confirm: 'Doomed' },
    },
    'role.list': { query: page },
    'role.show': { path: { roleId } },
    'role.create': {
      body: { name: 'Created', profileId, kind: 'site' },
      shownAt: ({ id }) => `/v1/roles/${id}`,
      tidy: ({ id, name }) =>
        client.role.delete({ params: { roleId: Number(id) }, query: { confirm: String(name) } }),
    },
    'role.delete': { path: { roleId: await role('Doomed') }, query: { confirm: 'Doomed' } },
    'role.granted': { query: { ...page, personId: String(personId) } },
    'role.grant': {
      body: { personId, roleId, nodeId },
      tidy: ({ id }) => client.role.revoke({ params: { grantId: Number(id) } }),
    },
    'role.revoke': { path: { grantId } },
  }
}

/**
 * Profiles and roles are the provider's, whatever the target. The first of them is shipped, so that
 * who may change others is answered that this one stays.
 */
export const aboutAccess: Record<string, Asking> = {
  'profile.show': () => ({ path: { profileId: 1 } }),
  'profile.create': () => ({ body: { name: 'Operator', permissions: [] } }),
  'profile.update': () => ({ path: { profileId: 1 }, body: { name: 'New' } }),
  'profile.delete': () => ({ path: { profileId: 1 } }),
  'role.show': () => ({ path: { roleId: 1 } }),
  'role.create': () => ({ body: { name: 'Site operator', profileId: 1, kind: 'site' } }),
  'role.delete': () => ({ path: { roleId: 1 } }),
  'role.granted': ({ personId }) => ({ query: { personId: `${personId}` } }),
  // A role for the node at the top, which none of the targets is.
  'role.grant': ({ nodeId, personId }) => ({ body: { nodeId, personId, roleId: 1 } }),
  'role.revoke': ({ grantId }) => ({ path: { grantId } }),
}

/** Gives somebody of the node the role that is shipped for those who audit one like it. */
export async function giveSomebodyARole(
  client: Client<Api>,
  { nodeId, kind, login }: { nodeId: number; kind: string; login: string },
): Promise<number> {
  const { items } = await client.role.list({ query: { limit: 100 } })
  const role = items.find((each) => each.kind === kind && each.name.endsWith('auditor'))
  if (role === undefined) throw new Error(`there is no role for a ${kind}`)
  const { id: personId } = await client.person.create({ body: { nodeId, login, name: login } })
  return (await client.role.grant({ body: { nodeId, personId, roleId: role.id } })).id
}
