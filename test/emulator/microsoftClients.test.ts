import type { Configuration } from '@azure/msal-node'
import { BatchRequestContent, type Client, PageIterator } from '@microsoft/microsoft-graph-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TenantAccess } from '../../src/emulator/options.ts'
import { type MicrosoftClients, microsoftClients, thumbprints } from './microsoftClients.ts'
import { type Started, selfSigned, start } from './support.ts'

const scopes = ['https://graph.microsoft.com/.default']
const own = selfSigned()

let emulator: Started
let clients: MicrosoftClients
let other: TenantAccess
beforeAll(async () => {
  emulator = await start({
    checkAnswers: true,
    tenants: [
      { users: 120, seed: 41, certificates: [own.pem] },
      { users: 5, seed: 42 },
    ],
  })
  clients = microsoftClients(emulator)
  const [, second] = emulator.tenants
  if (second === undefined) throw new Error('These tests need a second tenant.')
  other = second
})
afterAll(async () => {
  const violations = await emulator.control('GET', '/violations')
  await clients.close()
  await emulator.close()
  expect(violations.json).toEqual([])
})

const bySecret = () => ({ clientSecret: emulator.tenant.clientSecret })

async function tokenBy(auth: Partial<Configuration['auth']>, authority?: string) {
  const more = authority === undefined ? {} : { authority }
  const result = await clients.signIn(auth).acquireTokenByClientCredential({ scopes, ...more })
  return result?.accessToken ?? ''
}

/** The name of the organization that Graph opens to a token. */
async function organizationFor(token: string): Promise<string> {
  const { value } = await clients
    .graph(async () => token)
    .api('/organization')
    .get()
  return value[0].displayName
}

describe('MSAL for Node', () => {
  const { sha1, sha256 } = thumbprints(own.pem)
  test.each<[string, () => Partial<Configuration['auth']>]>([
    ['a secret', bySecret],
    [
      'a certificate named by SHA-256, which signs with PS256',
      () => ({ clientCertificate: { thumbprintSha256: sha256, privateKey: own.privateKey } }),
    ],
    [
      'a certificate named by SHA-1, which signs with RS256',
      () => ({ clientCertificate: { thumbprint: sha1, privateKey: own.privateKey } }),
    ],
    [
      'a certificate sent along',
      () => ({
        clientCertificate: {
          thumbprintSha256: sha256,
          privateKey: own.privateKey,
          x5c: own.pem,
        },
      }),
    ],
  ])('signs in by %s', async (_, auth) => {
    expect(await organizationFor(await tokenBy(auth()))).toBe(emulator.tenant.displayName)
  })

  test('hears of a wrong secret by its number', async () => {
    const refused = tokenBy({ clientSecret: 'nonsense' })
    await expect(refused).rejects.toMatchObject({
      errorCode: 'invalid_client',
      errorNo: 7000215,
    })
  })

  test('hears of a certificate that the application does not have', async () => {
    const foreign = selfSigned()
    const clientCertificate = {
      thumbprintSha256: thumbprints(foreign.pem).sha256,
      privateKey: foreign.privateKey,
    }
    await expect(tokenBy({ clientCertificate })).rejects.toMatchObject({ errorNo: 700027 })
  })

  test('serves two tenants out of one object', async () => {
    // One application in both: the second tenant is made for the identity of the first.
    const { clientId, clientSecret: secret } = emulator.tenant
    const made = await emulator.control('POST', '/tenants', {
      users: 3,
      seed: 43,
      clientId,
      secret,
    })
    const app = clients.signIn(bySecret())
    const tokens = await Promise.all(
      [emulator.tenant, made.json].map((tenant) =>
        app.acquireTokenByClientCredential({ scopes, authority: clients.authorityOf(tenant) }),
      ),
    )
    const names = await Promise.all(
      tokens.map((token) => organizationFor(token?.accessToken ?? '')),
    )
    expect(names).toEqual([emulator.tenant.displayName, made.json.displayName])
  })

  test('is refused with the secret of another tenant', async () => {
    await expect(tokenBy(bySecret(), clients.authorityOf(other))).rejects.toMatchObject({
      errorCode: 'unauthorized_client',
    })
  })
})

describe("Microsoft's Graph client", () => {
  let graph: Client
  beforeAll(async () => {
    const token = await tokenBy(bySecret())
    graph = clients.graph(async () => token)
  })
  const truth = async () => {
    const path = `/tenants/${emulator.tenant.tenantId}/snapshot`
    return (await emulator.control('GET', path)).json
  }

  test('walks all pages of a list, each user once', async () => {
    const first = await graph.api('/users').select('id').top(25).get()
    const seen: string[] = []
    const iterator = new PageIterator(graph, first, (user) => seen.push(user.id) > 0)
    await iterator.iterate()
    expect(first.value).toHaveLength(25)
    const ids = (await truth()).users.map((user: { id: string }) => user.id)
    expect(seen.sort()).toEqual(ids)
  })

  test('creates, changes and deletes, and reads what it wrote', async () => {
    const domain = emulator.tenant.domain
    const user = await graph.api('/users').post({
      accountEnabled: true,
      displayName: 'Ada Probe',
      mailNickname: 'ada.probe',
      userPrincipalName: `ada.probe@${domain}`,
      passwordProfile: { password: 'Lovelace-1843-notes' },
    })
    await graph.api(`/users/${user.id}`).patch({ jobTitle: 'Countess' })
    const read = await graph.api(`/users/ada.probe@${domain}`).select('id,jobTitle').get()
    expect(read).toMatchObject({ id: user.id, jobTitle: 'Countess' })
    await graph.api(`/users/${user.id}`).delete()
    const gone = graph.api(`/users/${user.id}`).get()
    await expect(gone).rejects.toMatchObject({
      statusCode: 404,
      code: 'Request_ResourceNotFound',
    })
    expect((await graph.api(`/directory/deletedItems/${user.id}`).get()).id).toBe(user.id)
  })

  test('a batch answers each of its items, also the one that fails', async () => {
    const { users } = await truth()
    const item = (path: string, init?: RequestInit) =>
      new Request(`https://graph.microsoft.com${path}`, init)
    const steps = [
      { id: 'one', request: item(`/users/${users[3].id}?$select=id`) },
      { id: 'missing', request: item('/users/11111111-1111-4111-8111-111111111111') },
      {
        id: 'change',
        request: item(`/users/${users[3].id}`, {
          method: 'PATCH',
          body: JSON.stringify({ city: 'Ghent' }),
          headers: { 'content-type': 'application/json' },
        }),
      },
    ]
    const content = await new BatchRequestContent(steps).getContent()
    const { responses } = await graph.api('/$batch').post(content)
    const statuses = responses.map((one: { id: string; status: number }) => [one.id, one.status])
    expect(Object.fromEntries(statuses)).toEqual({ one: 200, missing: 404, change: 204 })
    const missing = responses.find((one: { id: string }) => one.id === 'missing')
    expect(missing.body.error.code).toBe('Request_ResourceNotFound')
  })

  test('is told what is wrong with what it writes', async () => {
    const refused = graph.api('/groups').post({ displayName: 'Nameless' })
    await expect(refused).rejects.toMatchObject({ statusCode: 400, code: 'Request_BadRequest' })
    const large = graph.api('/groups').post({ description: 'x'.repeat(5 * 1024 * 1024) })
    await expect(large).rejects.toMatchObject({ statusCode: 413 })
    const forbidden = graph.api('/me').get()
    await expect(forbidden).rejects.toMatchObject({ statusCode: 400, code: 'BadRequest' })
  })

  test('makes a group with members, counts and casts them, and takes one out', async () => {
    const { users } = await truth()
    const chosen = users.slice(5, 8).map((user: { id: string }) => user.id)
    const group = await graph.api('/groups').post({
      ...{ displayName: 'Probe', mailNickname: 'probe', mailEnabled: false, securityEnabled: true },
      'members@odata.bind': chosen.map(
        (id: string) => `https://graph.microsoft.com/v1.0/directoryObjects/${id}`,
      ),
    })
    const path = `/groups/${group.id}/members`
    const { value } = await graph.api(`${path}/microsoft.graph.user`).select('id').get()
    expect(value.map((user: { id: string }) => user.id).sort()).toEqual([...chosen].sort())
    await graph.api(`${path}/${chosen[0]}/$ref`).delete()
    const count = graph.api(`${path}/$count`).header('ConsistencyLevel', 'eventual')
    expect(await count.get()).toBe('2')
    await graph.api(`/groups/${group.id}`).delete()
  })

  test('waits as told when it is throttled, and then succeeds', async () => {
    await emulator.control('POST', '/faults', { name: 'throttle', count: 1, retryAfter: '1' })
    const began = performance.now()
    const { value } = await graph.api('/organization').get()
    expect(value[0].id).toBe(emulator.tenant.tenantId)
    expect(performance.now() - began).toBeGreaterThanOrEqual(950)
  })

  test('finishes a round of delta and is told of what came after it', async () => {
    const round = async (link: string) => {
      const page = await graph.api(link).get()
      const items: { id: string; department: string }[] = []
      const iterator = new PageIterator(graph, page, (item) => items.push(item) > 0)
      await iterator.iterate()
      // The iterator forgets the link when all was on one page.
      return { items, next: iterator.getDeltaLink() ?? page['@odata.deltaLink'] }
    }
    const first = await round('/users/delta?$select=id,department')
    const people = (await truth()).users.length
    expect(new Set(first.items.map((item) => item.id)).size).toBeGreaterThanOrEqual(people)
    const [changed] = first.items
    await graph.api(`/users/${changed?.id}`).patch({ department: 'Semaphores' })
    const second = await round(first.next)
    expect(second.items).toEqual([{ id: changed?.id, department: 'Semaphores' }])
  })

  test('its advanced queries find what they should', async () => {
    const { users } = await truth()
    const members = users.filter((user: { userType: string }) => user.userType !== 'Guest')
    const answer = await graph
      .api('/users')
      .header('ConsistencyLevel', 'eventual')
      .filter("userType ne 'Guest'")
      .count(true)
      .top(999)
      .get()
    expect(answer['@odata.count']).toBe(members.length)
    expect(answer.value).toHaveLength(members.length)
  })
})
