import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { systemClock } from '../store/testing.ts'
import { openBrowser, signIn } from './browser.ts'
import { startTestPatchbay, type TestPatchbay } from './patchbay.ts'
import { openPeople, type People } from './people.ts'

let patchbay: TestPatchbay
let people: People
let customer: { id: number; path: string }
let ahead = 0

beforeAll(async () => {
  const clock = { ...systemClock, now: () => Date.now() + ahead }
  patchbay = await startTestPatchbay({ role: 'api', clock })
  people = await openPeople(patchbay)
  customer = await people.client.node.create({
    body: { parentId: 1, kind: 'customer', name: 'Contoso' },
  })
})
afterAll(async () => {
  await people.close()
  await patchbay.close()
})

async function signedIn(login: string, given = {}) {
  const { id, password } = await people.add(login, given)
  const browser = openBrowser(patchbay.url)
  await signIn(browser, login, password)
  return { id, browser }
}

const creatingTokens = [{ type: 'data/AccessToken', operations: ['Create' as const] }]
const reading = [{ type: '*', operations: ['Read' as const] }]
const refusedAs = (code: string) => ({ code })

describe('an access token', () => {
  it('E8: has 256 random bits, is shown once, and only its hash is kept', async () => {
    const { browser } = await signedIn('anna')
    const made = await browser.send('POST', '/v1/tokens', { name: 'script' })
    expect(made.json.token).toMatch(/^pb_[\w-]{43}$/)
    const listed = await browser.send('GET', '/v1/tokens')
    expect(listed.text).toContain('"script"')
    expect(listed.text).not.toContain(made.json.token)
    const { rows } = await people.owner.query('select t::text from access_token t')
    expect(JSON.stringify(rows)).not.toContain(made.json.token.slice(3))
    const tokens = new Set([made.json.token])
    for (let n = 0; n < 20; n++) {
      tokens.add((await browser.send('POST', '/v1/tokens', { name: 'again' })).json.token)
    }
    expect(tokens.size).toBe(21)
  })

  it('does what its owner may, within its node and its permissions', async () => {
    const { browser } = await signedIn('berta')
    const bounds = { nodeId: customer.id, permissions: reading }
    const made = await browser.send('POST', '/v1/tokens', { name: 'narrow', ...bounds })
    const narrow = people.clientOf(made.json.token)
    expect((await narrow.node.list({ query: {} })).items.map(({ id }) => id)).toEqual([customer.id])
    await expect(narrow.node.show({ params: { nodeId: 1 } })).rejects.toMatchObject(
      refusedAs('not-found'),
    )
    const rename = { params: { nodeId: customer.id }, body: { name: 'Taken over' } }
    await expect(narrow.node.rename(rename)).rejects.toMatchObject(refusedAs('not-permitted'))
    expect((await narrow.session.show()).name).toBe('berta the person: narrow')
  })

  it('follows its owner: what they lose it loses', async () => {
    const { id, browser } = await signedIn('clara', { nodeId: customer.id })
    const made = await browser.send('POST', '/v1/tokens', { name: 'wide' })
    const wide = people.clientOf(made.json.token)
    expect((await wide.node.list({ query: {} })).items).toHaveLength(1)
    await people.owner.query('delete from role_grant where person_id = $1', [id])
    await expect(wide.node.list({ query: {} })).rejects.toMatchObject(refusedAs('not-permitted'))
  })

  it('D4: makes no token that may more, or lasts longer, than itself', async () => {
    const { browser } = await signedIn('dora')
    const bounds = { nodeId: customer.id, permissions: reading, days: 5 }
    const made = await browser.send('POST', '/v1/tokens', { name: 'narrow', ...bounds })
    const narrow = people.clientOf(made.json.token)
    const everything = [{ type: '*', operations: ['Delete' as const, 'Read' as const] }]
    for (const wider of [{ permissions: everything }, { nodeId: 1 }]) {
      await expect(narrow.token.create({ body: { name: 'wider', ...wider } })).rejects.toThrow()
    }
    const child = await narrow.token.create({ body: { name: 'child', days: 365 } })
    expect(child.expiresAt).toBe(made.json.expiresAt)
    const byChild = people.clientOf(child.token)
    const rename = { params: { nodeId: customer.id }, body: { name: 'Taken over' } }
    await expect(byChild.node.rename(rename)).rejects.toMatchObject(refusedAs('not-permitted'))
    expect((await byChild.node.list({ query: {} })).items).toHaveLength(1)
  })

  it('D4: of a token stays within its bounds, whatever its owner is given later', async () => {
    const readers = { nodeId: customer.id, permissions: reading }
    const { id, browser } = await signedIn('doris', readers)
    const may = (type: string) => [{ type, operations: ['Read' as const, 'Update' as const] }]
    const made = await browser.send('POST', '/v1/tokens', {
      ...{ name: 'narrow', nodeId: customer.id },
      permissions: [...may('data/*'), ...reading],
    })
    const narrow = people.clientOf(made.json.token)
    const ask = (permissions: ReturnType<typeof may>) =>
      narrow.token.create({ body: { name: 'child', nodeId: customer.id, permissions } })
    await expect(ask(may('*'))).rejects.toMatchObject(refusedAs('not-permitted'))
    expect(await ask(may('data/Schedule'))).toMatchObject({ token: expect.any(String) })
    const other = await signedIn('dorothee', readers)
    await people.owner.query(
      `update access_profile set permissions = $2 where id = (select profile_id from role
        join role_grant on role_id = role.id where person_id = $1)`,
      [id, JSON.stringify([{ type: '*', operations: ['Create', 'Read'] }])],
    )
    const bounds = { nodeId: customer.id, permissions: [...reading, ...creatingTokens] }
    const manager = await browser.send('POST', '/v1/tokens', { name: 'manager', ...bounds })
    const { id: madeId } = await people
      .clientOf(manager.json.token)
      .token.create({ body: { name: 'of another', personId: other.id } })
    const { rows } = await people.owner.query(
      'select scope, permissions from access_token where id = $1',
      [madeId],
    )
    expect(rows).toEqual([{ scope: customer.path, permissions: bounds.permissions }])
  })

  it('D4: of somebody who holds more is made, and their invitation, by nobody who holds less', async () => {
    const boss = await signedIn('boss')
    const { browser } = await signedIn('helper', {
      permissions: [
        { type: 'data/*', operations: ['Create', 'Read', 'Update', 'Delete'] },
        ...reading,
      ],
    })
    const token = await browser.send('POST', '/v1/tokens', { name: 'x', personId: boss.id })
    expect(token.status, token.text).toBe(403)
    const narrow = { name: 'x', personId: boss.id, permissions: reading }
    expect((await browser.send('POST', '/v1/tokens', narrow)).status).toBe(201)
    const path = `/v1/people/${boss.id}`
    expect((await browser.send('POST', `${path}/invitation`)).status).toBe(403)
    const become = { identity: { issuer: 'https://evil.example', subject: 'helper' } }
    expect((await browser.send('PATCH', path, become)).status).toBe(403)
    expect((await browser.send('PATCH', path, { email: 'helper@evil.example' })).status).toBe(403)
    expect((await browser.send('PATCH', path, { name: 'The boss' })).status).toBe(200)
    // Nor does somebody who holds less give them all of it back.
    expect((await browser.send('PATCH', path, { disabled: true })).status).toBe(200)
    expect((await browser.send('PATCH', path, { disabled: false })).status).toBe(403)
  })

  it('ends after 90 days unless said otherwise, after a year at most', async () => {
    const { browser } = await signedIn('emma')
    const made = await browser.send('POST', '/v1/tokens', { name: 'usual' })
    const days = (Date.parse(made.json.expiresAt) - Date.now() - ahead) / 86_400_000
    expect(Math.round(days)).toBe(limits.tokenDaysDefault)
    const long = await browser.send('POST', '/v1/tokens', { name: 'long', days: 366 })
    expect(long.json.fields).toMatchObject([{ field: 'body.days' }])
    const usual = people.clientOf(made.json.token)
    await usual.session.show()
    ahead += limits.tokenDaysDefault * 86_400_000 + 1_000
    await expect(usual.session.show()).rejects.toMatchObject(refusedAs('sign-in-required'))
  })

  it('tells when it was used last, written down once a minute', async () => {
    const { browser } = await signedIn('frieda')
    const made = await browser.send('POST', '/v1/tokens', { name: 'used' })
    const usedAt = async () => {
      const { json } = await browser.send('GET', '/v1/tokens')
      return json.items.find(({ id }: { id: number }) => id === made.json.id).lastUsedAt
    }
    expect(await usedAt()).toBeNull()
    const client = people.clientOf(made.json.token)
    await client.session.show()
    const first = await usedAt()
    expect(first).not.toBeNull()
    ahead += limits.seenEveryMs / 2
    await client.session.show()
    expect(await usedAt()).toBe(first)
    ahead += limits.seenEveryMs
    await client.session.show()
    expect(Date.parse(await usedAt())).toBeGreaterThan(Date.parse(first))
  })

  it('of others is seen and ended by nobody whose it is not to manage', async () => {
    const { browser } = await signedIn('greta', { nodeId: customer.id })
    const mine = await browser.send('POST', '/v1/tokens', { name: 'of greta' })
    const plain = await signedIn('hanna', { permissions: [] })
    expect((await plain.browser.send('GET', '/v1/tokens')).json.items).toEqual([])
    const path = `/v1/tokens/${mine.json.id}`
    expect((await plain.browser.send('DELETE', path)).status).toBe(404)
    expect((await browser.send('DELETE', '/v1/tokens/1')).status).toBe(404)
    expect((await browser.send('DELETE', path)).status).toBe(204)
  })
})

it('every change of people, tokens and sessions is on record', async () => {
  const { id, browser } = await signedIn('zoe')
  await browser.send('PUT', '/v1/me/password', {
    current: `four words in a row, ${id}`,
    password: 'five words in a row, now',
  })
  await people.client.person.update({ params: { personId: id }, body: { name: 'Zoe' } })
  await browser.send('DELETE', '/v1/session')
  await people.client.person.signOut({ params: { personId: id } })
  await people.client.person.delete({ params: { personId: id }, query: { confirm: 'zoe' } })
  const { rows } = await people.owner.query<{ action: string }>(
    'select action from audit where subject = $1 order by id',
    [`person:${id}`],
  )
  expect(rows.map(({ action }) => action)).toEqual([
    ...['person.invite', 'person.password', 'sign-in.session', 'person.password'],
    ...['person.update', 'sign-out', 'sign-out', 'person.delete'],
  ])
})

it('E1: no password, token, invitation or cookie is in a log, the audit or the events', async () => {
  const { id, browser } = await signedIn('canary')
  const password = 'canary-password-of-canaries'
  const { invitation } = await people.client.person.invite({ params: { personId: id } })
  await browser.send('POST', '/v1/invitations/accept', { invitation, password })
  await signIn(browser, 'canary', password)
  await signIn(openBrowser(patchbay.url), 'canary-login-typed-wrong', password)
  const made = await browser.send('POST', '/v1/tokens', { name: 'canary' })
  await people.clientOf(made.json.token).session.show()
  const secrets = [password, invitation, made.json.token, ...browser.cookies.values()]
  secrets.push(browser.csrfToken, 'canary-login-typed-wrong')
  const { rows } = await people.owner.query(
    `select a::text from audit a union all select e::text from event e
     union all select f::text from sign_in_failure f`,
  )
  const told = JSON.stringify(rows) + JSON.stringify(patchbay.log)
  expect(secrets.filter((secret) => told.includes(secret))).toEqual([])
})
