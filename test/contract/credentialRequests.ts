import type { ValidRequest } from './validRequests.ts'
import type { ContractWorld } from './world.ts'

/** Requests about what ends, who is told of it, and what an application has to be granted. */
export async function credentialRequests(
  { client, own }: ContractWorld,
  addTenant: (name: string, number: number) => Promise<number>,
): Promise<Record<string, ValidRequest>> {
  const { nodeId, tenantId } = own
  const add = async (name: string) => {
    const webhook = `https://hooks.contoso.example/${name}`
    return (await client.alert.add({ body: { nodeId, webhook } })).target.id
  }
  const path = { tenantId }
  return {
    'credential.list': { query: { after: 'unknown tenant:1', limit: '5' } },
    'credential.end': {
      path: { tenantId: await addTenant('Ending', 41) },
      body: { second: false, endsAt: '2030-01-31T00:00:00.000Z' },
    },
    'credential.add': {
      path: { tenantId: await addTenant('Rolled', 42) },
      body: { secret: 'another' },
      instead: { 'body.certificateId': {} },
    },
    // There is none; what they do with one takes Microsoft, and tests of its own.
    'credential.test': { path, answered: 409 },
    'credential.promote': { path, answered: 409 },
    'credential.drop': { path, query: { confirm: 'Rolled' }, answered: 409 },
    'alert.list': { query: { after: '1', limit: '5' } },
    'alert.add': {
      body: { nodeId, webhook: 'https://hooks.contoso.example/added' },
      instead: { 'body.mail': { nodeId } },
      tidy: async ({ target }) =>
        client.alert.remove({ params: { targetId: Number(Object(target).id) } }),
    },
    'alert.remove': { path: { targetId: await add('doomed') } },
    'alert.test': { path: { targetId: await add('tested') } },
    'permission.list': { query: { features: 'users, groups:read' } },
    'permission.tenant': { path },
  }
}
