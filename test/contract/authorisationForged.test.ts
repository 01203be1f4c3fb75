import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestPatchbay, type TestPatchbay } from '../server/patchbay.ts'
import { type Answered, openSender, type Sender } from './sender.ts'

let patchbay: TestPatchbay
/** Holds nothing but reading nodes at one customer. */
let clerk: Sender
let root: Sender
let own: number
let other: number

beforeAll(async () => {
  patchbay = await startTestPatchbay({ role: 'api' })
  root = openSender(patchbay.url, patchbay.token)
  own = await post('/v1/nodes', { parentId: 1, kind: 'customer', name: 'Own' })
  other = await post('/v1/nodes', { parentId: 1, kind: 'customer', name: 'Other' })
  const personId = await post('/v1/people', { nodeId: own, login: 'clerk', name: 'Clerk' })
  const permissions = [{ type: 'relation/*', operations: ['Read', 'Update'] }]
  const profileId = await post('/v1/profiles', { name: 'Clerk', permissions })
  const roleId = await post('/v1/roles', { name: 'Clerk', profileId, kind: 'customer' })
  await post('/v1/role-grants', { personId, roleId, nodeId: own })
  const made = await send(root, 'POST', '/v1/tokens', { name: 'x', personId })
  clerk = openSender(patchbay.url, String(made.json.token))
})
afterAll(async () => {
  await Promise.all([clerk.close(), root.close()])
  await patchbay.close()
})

async function send(
  who: Sender,
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string | string[]> = {},
): Promise<Answered> {
  return await who.send({ method, path, headers, ...(body && { body: JSON.stringify(body) }) })
}

async function post(path: string, body: object): Promise<number> {
  const { status, json, text } = await send(root, 'POST', path, body)
  if (status !== 201) throw new Error(text)
  return Number(json.id)
}

/** What services in front of others say of who is there, and what would serve another route. */
const forged: Record<string, string> = {
  'x-forwarded-for': '127.0.0.1',
  'x-forwarded-host': 'localhost',
  'x-forwarded-proto': 'https',
  'x-forwarded-user': 'Administrator',
  'x-forwarded-email': 'admin@example.com',
  'x-remote-user': 'Administrator',
  'x-real-ip': '127.0.0.1',
  forwarded: 'for=127.0.0.1;host=localhost',
  'x-ms-client-principal': Buffer.from('{"userRoles":["admin"]}').toString('base64'),
  'x-ms-client-principal-id': '1',
  'x-ms-client-principal-name': 'Administrator',
  'x-original-url': '/v1/nodes/1',
  'x-rewrite-url': '/v1/nodes/1',
  'x-http-method-override': 'DELETE',
  'x-tenant-id': '1',
  'x-scope': '1.',
  tenantfilter: 'AllTenants',
  host: 'localhost',
}

const forgedHeaders = Object.entries(forged)

describe('D8: who somebody is', () => {
  it.each(forgedHeaders)('does not come from %s', async (name, value) => {
    const plainly = await send(clerk, 'GET', '/v1/me')
    const asForged = await send(clerk, 'GET', '/v1/me', undefined, { [name]: value })
    expect(asForged.json).toEqual(plainly.json)
    const hidden = await send(clerk, 'GET', `/v1/nodes/${other}`, undefined, { [name]: value })
    expect(hidden.status).toBe(404)
    const shown = await send(clerk, 'GET', `/v1/nodes/${own}`, undefined, { [name]: value })
    expect(shown).toMatchObject({ status: 200, json: { id: own } })
    const nobody = openSender(patchbay.url, undefined)
    expect((await send(nobody, 'GET', '/v1/me', undefined, { [name]: value })).status).toBe(401)
    await nobody.close()
  })

  it('does not come from two that are sent at once', async () => {
    const authorization = [`Bearer ${patchbay.token}`, 'Bearer none']
    const nobody = openSender(patchbay.url, undefined)
    const answer = await send(nobody, 'GET', '/v1/me', undefined, { authorization })
    expect(answer.status).toBe(400)
    await nobody.close()
  })
})

describe('D8: what is checked is what is used', () => {
  it('where the query names two', async () => {
    const path = `/v1/audit?tenantId=1&tenantId=2`
    expect((await send(root, 'GET', path)).status).toBe(400)
    expect((await send(root, 'GET', '/v1/audit?tenantId=1&TenantId=2')).status).toBe(400)
    expect((await send(root, 'GET', '/v1/audit?tenantId[]=1')).status).toBe(400)
  })

  it('where path, query, body and header differ', async () => {
    const patch = `/v1/nodes/${own}`
    const inBody = await send(clerk, 'PATCH', patch, { name: 'Own', nodeId: other })
    expect(inBody.status).toBe(400)
    expect((await send(clerk, 'PATCH', `${patch}?nodeId=${other}`, { name: 'Own' })).status).toBe(
      400,
    )
    const twice = await clerk.send({
      ...{ method: 'PATCH', path: `/v1/nodes/${other}` },
      body: `{"name":"Taken","name":"Own","nodeId":${own}}`,
    })
    expect([400, 404]).toContain(twice.status)
    const headers = { 'x-node-id': String(own) }
    expect(
      (await send(clerk, 'PATCH', `/v1/nodes/${other}`, { name: 'Taken' }, headers)).status,
    ).toBe(404)
    expect((await send(root, 'GET', `/v1/nodes/${other}`)).json.name).toBe('Other')
  })
})
