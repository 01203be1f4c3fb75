import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Route } from '../../src/contract/route.ts'
import { within } from '../../src/core/hierarchy.ts'
import { control } from '../engine/control.ts'
import { openBrowser, signIn } from '../server/browser.ts'
import { ownerlessToken } from './actors.ts'
import { validRequest } from './attempts.ts'
import { unlistedCodes } from './auditCodes.ts'
import { routeOf, routes } from './fields.ts'
import { openSender, type Sender } from './sender.ts'
import { type ValidRequest, validRequests } from './validRequests.ts'
import { type ContractWorld, openContractWorld } from './world.ts'

/** A request, and who it is on record as where it comes without a sign-in. */
interface Asking extends ValidRequest {
  asker?: string
}

interface Entry {
  id: number
  action: string
  subject: string
  nodePath: string
  tenantId: number | null
  actor: string
}

interface Asked {
  /** The name of a route, and behind a blank what is special. */
  what: string
  route: Route
  status: number
  text: string
  wanted: number
  asker: { id: string; scope: string }
  entries: Entry[]
}

/** What is sent as a write and leaves no entry, each with why. */
const unrecorded: Readonly<Record<string, string>> = {
  'tenant.import (dry run)': 'says what it would do',
  'transaction.plan': 'says what it would do',
  'notification.receive': 'anybody may send one; the sync it leads to is on record',
}

/**
 * A browser comes back with what signs somebody in, or not. How it counts takes a journey, as does
 * consent.return, which puts on record what came with a link of ours: openId.test.ts and
 * consent.test.ts.
 */
const recordedReading = 'signIn.return'

/** What is the top's: a reseller would be refused, or has nothing to do with it. */
const providers = /^(profile|role|model|metrics|signIn)\.(?!granted|grant|revoke)/

let world: ContractWorld
let root: Sender
let reseller: Sender
let asked: Asked[]
/** Where the rows that entries may be about lie and lay, as `path tenant`. */
const places = new Map<string, Set<string>>()

beforeAll(async () => {
  world = await openContractWorld({ publicUrl: 'https://patchbay.contoso.example' })
  const { patchbay, parent } = world
  root = openSender(patchbay.url, patchbay.token)
  reseller = openSender(patchbay.url, await ownerlessToken(world, parent.path))
  await world.database.query('set search_path to patchbay')
  const askings = await everyAsking()
  asked = []
  // The first use of a token is on record by itself.
  await Promise.all([root, reseller].map((sender) => sender.send(whoAmI)))
  await notePlaces()
  let last = await newest()
  for (const [what, asking] of Object.entries(askings)) {
    asked.push(await ask(what, asking, last))
    last = asked.at(-1)?.entries.at(-1)?.id ?? last
    if (asked.at(-1)?.entries.length) await notePlaces()
  }
}, 120_000)
afterAll(async () => {
  await Promise.all([root.close(), reseller.close()])
  await world.close()
})

const whoAmI = { method: 'GET', path: '/v1/me' }

async function ask(what: string, asking: Asking, last: number): Promise<Asked> {
  const route = routeOf(what)
  const sender = providers.test(what) ? root : reseller
  const { headers = {}, asker: id } = asking
  const { json: me } = await sender.send({ ...whoAmI, headers })
  const { status, text } = await sender.send(validRequest(route, asking))
  const { rows: entries } = await world.database.query<Entry>(
    `select id::int, action, subject, node_path as "nodePath", tenant_id::int as "tenantId",
            actor ->> 'id' as actor
       from audit where id > $1 order by id`,
    [last],
  )
  const asker = { id: id ?? String(me.id), scope: String(me.scope) }
  return { what, route, status, text, wanted: asking.answered ?? route.status, asker, entries }
}

async function newest(): Promise<number> {
  const { rows } = await world.database.query('select max(id)::int as id from audit')
  return rows[0]?.id ?? 0
}

async function notePlaces(): Promise<void> {
  const { rows } = await world.database.query<{ subject: string; place: string }>(`
    select subject, node_path || ' ' || coalesce(tenant_id::text, '-') as place from (
      select 'node:' || id as subject, node_path, null::bigint as tenant_id from node
      union all select 'tenant:' || id, node_path, id from tenant
      union all select 'schedule:' || id, node_path, tenant_id from schedule
      union all select 'sync:' || id, node_path, tenant_id from run
      union all select 'transaction:' || id, node_path, tenant_id from transaction
      union all select 'certificate:' || id, node_path, null from certificate
      union all select 'alert-target:' || id, node_path, null from alert_target
      union all select 'person:' || id, node_path, null from person
      union all select 'person:' || login, node_path, null from person
      union all select 'token:' || token.id, coalesce(node_path, '1.'), null
        from access_token token left join person on person.id = person_id
      union all select 'profile:' || id, '1.', null from access_profile
      union all select 'profile:' || name, '1.', null from access_profile
      union all select 'role:' || id, '1.', null from role
      union all select 'role:' || name, '1.', null from role
      union all select 'model:' || name, '1.', null from model) as places`)
  for (const { subject, place } of rows) {
    places.set(subject, (places.get(subject) ?? new Set()).add(place))
  }
}

/** Every route once with what it takes, so that what it does is done. */
async function everyAsking(): Promise<Record<string, Asking>> {
  const valid = await validRequests(world)
  const { 'tenant.import': imported } = valid
  const groups = { application: 'msgraph', name: 'Groups' }
  return {
    // First: what some of it takes is good for a minute.
    ...(await waysIn()),
    'tenant.import (dry run)': { ...imported },
    ...Object.fromEntries(
      Object.entries(valid).filter(([name]) => !/^session\.(?!end)/.test(name)),
    ),
    ...(await aboutSecond()),
    [recordedReading]: { ...valid[recordedReading], asker: 'stranger' },
    'consent.invite': { path: { tenantId: world.own.tenantId } },
    'tenant.import': { ...imported, body: { ...imported?.body, dryRun: false } },
    // It has a list of its own by then, and a second version in force.
    'egress.inherit': { path: { ...valid['egress.allow']?.path } },
    'model.activate': { path: groups, body: { number: 1 } },
  }
}

/** Somebody for each way in, and for what they do there with a password. */
async function waysIn(): Promise<Record<string, Asking>> {
  const { client, own, patchbay } = world
  const password = 'as long as it has to be'
  const invite = async (login: string) => {
    const body = { nodeId: own.nodeId, login, name: login }
    const { id } = await client.person.create({ body })
    const { invitation } = await client.person.invite({ params: { personId: id } })
    return { asker: `person:${id}`, invitation }
  }
  const hire = async (login: string) => {
    const { asker, invitation } = await invite(login)
    const browser = openBrowser(patchbay.url)
    await browser.send('POST', '/v1/invitations/accept', { invitation, password })
    await signIn(browser, login, password)
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    return { asker, browser, headers: { cookie, 'x-csrf-token': browser.csrfToken } }
  }
  const [invited, coming, changing] = [
    await invite('invited'),
    await hire('coming'),
    await hire('changing-it'),
  ]
  const verifier = randomBytes(32).toString('base64url')
  const admitted = {
    ...{ redirectUri: 'http://127.0.0.1:65000/callback', device: 'a machine', state: verifier },
    challenge: createHash('sha256').update(verifier).digest('base64url'),
  }
  const { json } = await coming.browser.send('POST', '/v1/session/command-line', admitted)
  const code = new URL(json.location).searchParams.get('code') ?? ''
  return {
    'session.exchangeCode': { asker: coming.asker, body: { code, verifier } },
    'session.admitCommandLine': { headers: coming.headers, body: admitted },
    'session.begin': { asker: coming.asker, body: { login: 'coming', password } },
    'session.acceptInvitation': {
      asker: invited.asker,
      body: { invitation: invited.invitation, password },
    },
    'session.changePassword': {
      headers: changing.headers,
      body: { current: password, password: `${password} by now` },
    },
    'session.show': {},
    'session.providers': {},
  }
}

/** Of a tenant that has a second secret, which Microsoft takes. */
async function aboutSecond(): Promise<Record<string, Asking>> {
  const { tenantId, name, marks } = world.sibling
  const microsoft = control(world.patchbay.emulator, '')
  const { text: secret } = await microsoft.ask<{ text: string }>(
    'POST',
    `tenants/${marks[1]}/secrets`,
    {},
  )
  await microsoft.close()
  await world.client.credential.add({ params: { tenantId }, body: { secret } })
  return {
    'credential.test': { path: { tenantId } },
    'credential.promote': { path: { tenantId } },
    'credential.drop': { path: { tenantId }, query: { confirm: `${name} tenant` } },
  }
}

function isRecorded({ what, route: { method, permission } }: Asked): boolean {
  if (method !== 'GET') return unrecorded[what] === undefined
  if (what === recordedReading) return true
  return typeof permission === 'object' && permission.operation === 'Export'
}

it('every route is asked, and does what it is there for', () => {
  const names = asked.map(({ route }) => route.name)
  expect([...new Set(names)].sort()).toEqual(routes.map(({ name }) => name).sort())
  const others = asked.filter(({ status, wanted }) => status !== wanted)
  expect(others.map(({ what, status, text }) => `${what} ${status} ${text}`)).toEqual([])
})

it('I1: whatever changes something or takes something out is on record, and no reading is', () => {
  const without = asked.filter((each) => isRecorded(each) && each.entries.length === 0)
  expect(without.map(({ what }) => what)).toEqual([])
  const told = asked.filter((each) => !isRecorded(each) && each.entries.length > 0)
  expect(told.map(({ what, entries }) => [what, ...entries.map(({ action }) => action)])).toEqual(
    [],
  )
  expect(asked.filter(isRecorded).length).toBeGreaterThan(60)
})

it('I1: as who asked, where what it is about lies, and of its tenant', () => {
  const faults = asked.flatMap(({ what, asker, entries }) =>
    entries.flatMap(({ action, subject, actor, nodePath, tenantId }) => {
      const place = `${nodePath} ${tenantId ?? '-'}`
      const isAtHome = subject === 'audit' || subject === 'stranger'
      const known = isAtHome ? [`${asker.scope} -`] : [...(places.get(subject) ?? [])]
      const entry = `${what}: ${action} of ${subject}`
      return [
        ...(actor === asker.id ? [] : [`${entry} is of ${actor}, not of ${asker.id}`]),
        ...(within(nodePath, asker.scope) ? [] : [`${entry} lies outside, at ${nodePath}`]),
        ...(known.includes(place) ? [] : [`${entry} lies at ${place}, not at ${known}`]),
      ]
    }),
  )
  expect(faults).toEqual([])
})

it('I3: each way in has its code', () => {
  const codes = asked
    .filter(({ what }) => what.startsWith('session.'))
    .map(({ what, entries }) => [what, ...entries.map(({ action }) => action)])
  expect(codes.filter(([, code]) => code !== undefined)).toEqual([
    ['session.exchangeCode', 'token.create'],
    ['session.admitCommandLine', 'sign-in.admitted'],
    ['session.begin', 'sign-in.session'],
    ['session.acceptInvitation', 'person.password'],
    ['session.changePassword', 'person.password'],
    ['session.end', 'sign-out'],
    ['session.endAll', 'sign-out'],
  ])
})

it('I3: every code that was written is in the golden file', async () => {
  expect(await unlistedCodes(world.database)).toEqual([])
})
