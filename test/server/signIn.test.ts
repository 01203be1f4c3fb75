import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NodeKind } from '../../src/core/hierarchy.ts'
import { limits } from '../../src/core/limits.ts'
import { withWorker } from '../contract/served.ts'
import { systemClock } from '../store/testing.ts'
import { openBrowser, signIn, type TestBrowser } from './browser.ts'
import { startTestPatchbay, type TestPatchbay } from './patchbay.ts'
import { openPeople, type People } from './people.ts'

let patchbay: TestPatchbay
let people: People
/** How far the server's clock is ahead, in milliseconds. */
let ahead = 0

beforeAll(async () => {
  patchbay = await startTestPatchbay({
    role: 'api',
    clock: { ...systemClock, now: () => Date.now() + ahead },
  })
  people = await openPeople(patchbay)
})
afterAll(async () => {
  await people.close()
  await patchbay.close()
})

const browser = () => openBrowser(patchbay.url)

async function signedIn(login: string, password: string): Promise<TestBrowser> {
  const fresh = browser()
  const answer = await signIn(fresh, login, password)
  expect(answer.status, answer.text).toBe(200)
  return fresh
}

describe('a session', () => {
  it('D9: is a cookie no script and no other host gets, begun anew at each sign-in', async () => {
    const { password } = await people.add('anna')
    const anna = await signedIn('anna', password)
    const cookie = anna.kept.find((line) => line.startsWith('__Host-patchbay-session='))
    expect(cookie).toMatch(
      /^__Host-patchbay-session=pbs_[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax$/,
    )
    expect((await anna.send('GET', '/v1/me')).json).toMatchObject({ name: 'anna the person' })
    const { rows } = await people.owner.query('select hash from session')
    expect(JSON.stringify(rows)).not.toContain(anna.cookies.get('__Host-patchbay-session'))
  })

  it('D9: session fixation: what a browser held before a sign-in is nobody afterwards', async () => {
    const { password } = await people.add('frieda')
    const planted = 'pbs_planted-planted-planted-planted-planted-pl'
    const frieda = browser()
    frieda.cookies.set('__Host-patchbay-session', planted)
    await signIn(frieda, 'frieda', password)
    expect(frieda.cookies.get('__Host-patchbay-session')).not.toBe(planted)
    const earlier = frieda.cookies.get('__Host-patchbay-session') ?? ''
    await signIn(frieda, 'frieda', password)
    expect(frieda.cookies.get('__Host-patchbay-session')).not.toBe(earlier)
    const attacker = browser()
    attacker.cookies.set('__Host-patchbay-session', planted)
    expect((await attacker.send('GET', '/v1/me')).status).toBe(401)
  })

  it('ends when nobody uses it, and however much it is used', async () => {
    const { password } = await people.add('ida')
    const idle = await signedIn('ida', password)
    const busy = await signedIn('ida', password)
    const began = ahead
    const statusOf = async (who: TestBrowser) => (await who.send('GET', '/v1/me')).status
    ahead += limits.sessionIdleMs - 60_000
    expect(await statusOf(busy)).toBe(200)
    ahead += 120_000
    expect(await statusOf(idle)).toBe(401)
    expect(await statusOf(busy)).toBe(200)
    while (ahead - began < limits.sessionMs - limits.sessionIdleMs / 2) {
      ahead += limits.sessionIdleMs / 2
      expect(await statusOf(busy)).toBe(200)
    }
    ahead += limits.sessionIdleMs / 2
    expect(await statusOf(busy)).toBe(401)
  })

  it('ends at a sign-out, here or everywhere', async () => {
    const { password } = await people.add('otto')
    const [here, there] = [await signedIn('otto', password), await signedIn('otto', password)]
    expect((await here.send('DELETE', '/v1/session')).status).toBe(204)
    expect(here.cookies.has('__Host-patchbay-session')).toBe(false)
    expect((await there.send('GET', '/v1/me')).status).toBe(200)
    const again = await signedIn('otto', password)
    expect((await again.send('DELETE', '/v1/sessions')).status).toBe(204)
    expect((await there.send('GET', '/v1/me')).status).toBe(401)
  })

  it('ends everywhere else when the password changes', async () => {
    const { password } = await people.add('mia')
    const [mia, elsewhere] = [await signedIn('mia', password), await signedIn('mia', password)]
    const next = 'a quite different phrase'
    const change = (current: string) =>
      mia.send('PUT', '/v1/me/password', { current, password: next })
    expect((await change('not the password at all')).status).toBe(400)
    expect((await change(password)).status).toBe(204)
    expect((await mia.send('GET', '/v1/me')).status).toBe(200)
    expect((await elsewhere.send('GET', '/v1/me')).status).toBe(401)
    expect((await signIn(browser(), 'mia', password)).status).toBe(401)
    await signedIn('MIA', next)
  })
})

describe('an invitation', () => {
  it('works once, within its days, and its place is taken by a later one', async () => {
    const { id } = await people.client.person.create({
      body: { nodeId: 1, login: 'invited', name: 'Invited' },
    })
    const invite = async () =>
      (await people.client.person.invite({ params: { personId: id } })).invitation
    const accept = (invitation: string, password = 'as long as it has to be') =>
      browser().send('POST', '/v1/invitations/accept', { invitation, password })
    const first = await invite()
    const second = await invite()
    expect((await accept(first)).status).toBe(401)
    expect((await accept(second, 'too short')).json.fields).toMatchObject([
      { field: 'body.password' },
    ])
    expect((await accept(second, 'now invited is in it')).status).toBe(400)
    expect((await accept(second, 'aaaaaaaaaaaaaaaaaaaa')).status).toBe(400)
    expect((await accept(second)).status).toBe(204)
    expect((await accept(second)).status).toBe(401)
    const third = await invite()
    ahead += limits.invitationMs + 1
    expect((await accept(third)).status).toBe(401)
  })
})

describe('D5: what is taken away is gone within a second', () => {
  it('D5: a person who is disabled: sessions, tokens and event streams', async () => {
    const { id, password } = await people.add('dora')
    const dora = await signedIn('dora', password)
    const { json } = await dora.send('POST', '/v1/tokens', { name: 'script' })
    const stream = await openStream(json.token)
    expect(await stillOpen(stream, 300)).toBe(true)
    await people.client.person.update({ params: { personId: id }, body: { disabled: true } })
    expect(await endsWithin(stream, 1_000)).toBe(true)
    expect((await dora.send('GET', '/v1/me')).status).toBe(401)
    await expect(people.clientOf(json.token).session.show()).rejects.toMatchObject({
      code: 'sign-in-required',
    })
    expect((await signIn(browser(), 'dora', password)).status).toBe(401)
  })

  it('D5: a password in place of a lost one: tokens made by the lost one', async () => {
    const { id, password } = await people.add('lena')
    const lena = await signedIn('lena', password)
    const { json } = await lena.send('POST', '/v1/tokens', { name: 'script' })
    const stream = await openStream(json.token)
    expect(await stillOpen(stream, 300)).toBe(true)
    const { invitation } = await people.client.person.invite({ params: { personId: id } })
    // Until it is used, whoever only thinks their password lost has lost nothing.
    expect((await people.clientOf(json.token).session.show()).name).toContain('lena')
    const accepted = { invitation, password: 'another four words in a row' }
    await browser().send('POST', '/v1/invitations/accept', accepted)
    expect(await endsWithin(stream, 1_000)).toBe(true)
    await expect(people.clientOf(json.token).session.show()).rejects.toMatchObject({
      code: 'sign-in-required',
    })
    expect((await lena.send('GET', '/v1/me')).status).toBe(401)
  })

  it('D5: a token, a session, a role: what is open by it', async () => {
    const { id, password } = await people.add('rosa')
    const rosa = await signedIn('rosa', password)
    const { json } = await rosa.send('POST', '/v1/tokens', { name: 'script' })
    const byToken = await openStream(json.token)
    await people.client.token.revoke({ params: { tokenId: json.id } })
    expect(await endsWithin(byToken, 1_000)).toBe(true)
    const bySession = await openStream(undefined, rosa)
    expect(await stillOpen(bySession, 300)).toBe(true)
    await people.owner.query('delete from role_grant where person_id = $1', [id])
    expect(await endsWithin(bySession, 1_000)).toBe(true)
    expect((await rosa.send('GET', '/v1/nodes')).status).toBe(403)
    await people.client.person.signOut({ params: { personId: id } })
    expect((await rosa.send('GET', '/v1/me')).status).toBe(401)
  })
})

describe('D5: a node that was moved away from below somebody', () => {
  let west: number
  let east: number
  let moved: number
  let tenantId: number
  let nora: TestBrowser
  let token: string

  beforeAll(async () => {
    const { client } = people
    west = await addNode(1, 'reseller', 'West')
    east = await addNode(1, 'reseller', 'East')
    moved = await addNode(west, 'customer', 'Contoso')
    const [access] = patchbay.emulator.tenants
    if (access === undefined) throw new Error('the emulator has no tenant')
    const { tenantId: id, clientId, clientSecret } = access
    const graph = { cloud: 'emulator', tenantId: id, clientId, clientSecret }
    const body = { nodeId: moved, name: 'Contoso', graph }
    tenantId = (await client.tenant.create({ body })).id
    const { password } = await people.add('nora', { nodeId: west })
    nora = await signedIn('nora', password)
    token = (await nora.send('POST', '/v1/tokens', { name: 'script' })).json.token
  })

  async function addNode(parentId: number, kind: NodeKind, name: string): Promise<number> {
    return (await people.client.node.create({ body: { parentId, kind, name } })).id
  }

  async function move(parentId: number): Promise<void> {
    const params = { nodeId: moved }
    const { name: confirm } = await people.client.node.show({ params })
    await people.client.node.move({ params, body: { parentId, confirm } })
  }

  const rename = (nodeId: number, name: string) =>
    people.client.node.rename({ params: { nodeId }, body: { name } })

  it('D5: is gone from their sessions, tokens and event streams at once', async () => {
    const ofIt = (await nora.send('POST', '/v1/tokens', { name: 'of it', nodeId: moved })).json
      .token
    const streams = [follow(await openStream(token)), follow(await openStream(undefined, nora))]
    const bounded = await openStream(ofIt)
    await rename(moved, 'Contoso, seen')
    for (const stream of streams) await expect.poll(stream.text).toContain('Contoso, seen')
    const path = `/v1/nodes/${moved}`
    expect((await nora.send('GET', path)).status).toBe(200)
    await move(east)
    expect((await nora.send('GET', path)).status).toBe(404)
    const show = (by: string) => people.clientOf(by).node.show({ params: { nodeId: moved } })
    await expect(show(token)).rejects.toMatchObject({ code: 'not-found' })
    // One that was for nothing else is good for nothing.
    await expect(show(ofIt)).rejects.toMatchObject({ code: 'not-permitted' })
    expect(await endsWithin(bounded, 1_000)).toBe(true)
    await rename(moved, 'Contoso, unseen')
    await rename(west, 'West, still seen')
    for (const stream of streams) {
      await expect.poll(stream.text).toContain('West, still seen')
      expect(stream.text()).not.toContain('Contoso, unseen')
      stream.close()
    }
    await move(west)
  })

  it('D5: and what they wanted done about it is not begun', async () => {
    const client = people.clientOf(token)
    const params = { tenantId }
    const sync = await client.sync.start({ params, body: {} })
    const { id: scheduleId } = await client.schedule.create({
      ...{ params, body: { name: 'Hourly', everyMinutes: 60 } },
    })
    // What is queued holds it in its place.
    await expect(move(east)).rejects.toMatchObject({ code: 'conflict' })
    await people.owner.query(`update run set state = 'cancelled' where id = $1`, [sync.id])
    await move(east)
    await people.owner.query('update schedule set due_at = now() where id = $1', [scheduleId])
    const show = () => people.client.schedule.show({ params: { scheduleId } })
    await withWorker(patchbay, () =>
      expect.poll(async () => (await show()).pausedWhy, { timeout: 10_000 }).toMatch(/no longer/),
    )
    const { items } = await people.client.sync.list({ query: { tenantId } })
    expect(items.map(({ id }) => id)).toEqual([sync.id])
  })
})

async function openStream(token: string | undefined, who?: TestBrowser): Promise<Response> {
  const cookie = [...(who?.cookies ?? [])].map(([name, value]) => `${name}=${value}`).join('; ')
  const headers = token === undefined ? { cookie } : { authorization: `Bearer ${token}` }
  const answer = await fetch(`${patchbay.url}/v1/events`, { headers })
  expect(answer.status).toBe(200)
  return answer
}

/** Reads on until the end, or until the time is over. */
async function endsWithin(answer: Response, ms: number): Promise<boolean> {
  const reader = answer.clone().body?.getReader()
  const ended = (async () => {
    while (!(await reader?.read())?.done);
    return true
  })().catch(() => true)
  return await Promise.race([ended, wait(ms).then(() => false)])
}

const stillOpen = async (answer: Response, ms: number) => !(await endsWithin(answer, ms))

/** Reads on, and says what came so far. */
function follow(answer: Response): { text(): string; close(): void } {
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  const reading = async () => {
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true }
      if (done) return
      text += value
    }
  }
  void reading().catch(() => {})
  return { text: () => text, close: () => void reader?.cancel().catch(() => {}) }
}
