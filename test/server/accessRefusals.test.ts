import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { api } from '../../src/contract/api.ts'
import { routesOf } from '../../src/contract/route.ts'
import type { Permission } from '../../src/core/actor.ts'
import { systemClock } from '../store/testing.ts'
import { openBrowser, signIn, type TestBrowser } from './browser.ts'
import { startTestPatchbay, type TestPatchbay } from './patchbay.ts'
import { openPeople, type People } from './people.ts'

let patchbay: TestPatchbay
let people: People
let browser: TestBrowser
let ahead = 0

beforeAll(async () => {
  const clock = { ...systemClock, now: () => Date.now() + ahead }
  patchbay = await startTestPatchbay({ role: 'api', clock })
  people = await openPeople(patchbay)
  const permissions = [{ type: 'device/*', operations: ['Read' as const] }]
  const { password } = await people.add('anna', { permissions })
  browser = openBrowser(patchbay.url)
  await signIn(browser, 'anna', password)
})
afterAll(async () => {
  await people.close()
  await patchbay.close()
})

async function refusals(): Promise<string[]> {
  const { rows } = await people.owner.query<{ subject: string }>(
    `select subject from audit where action = 'access.refused' order by id`,
  )
  return rows.map(({ subject }) => subject)
}

const users = '/v1/tenants/1/exports/device/msgraph/MSOLUser'
const watched = ['/v1/audit', '/v1/audit/export', '/metrics', `${users}/csv`, `${users}/json`]
const names = ['audit.list', 'audit.export', 'metrics.show', 'export.csv', 'export.json']

async function askAll(times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    for (const path of watched) {
      const { status, text } = await browser.send('GET', path)
      expect([path, status], text).toEqual([path, 403])
    }
  }
}

it('I3: exports, the audit and the figures that are refused are on record, other readings are not', async () => {
  expect((await browser.send('GET', '/v1/schedules')).status).toBe(403)
  await askAll(1)
  expect(await refusals()).toEqual(names)
})

it('I3: once in a minute each, and every write', async () => {
  ahead += 61_000
  const before = (await refusals()).length
  await askAll(5)
  for (let time = 0; time < 3; time++) await browser.send('DELETE', '/v1/nodes/1')
  expect((await refusals()).slice(before)).toEqual([...names, ...Array(3).fill('node.delete')])
  ahead += 61_000
  await askAll(1)
  expect((await refusals()).slice(before + names.length + 3)).toEqual(names)
})

const all = ['Create', 'Read', 'Update', 'Delete', 'Export', 'Execute'] as const
const managing = [
  { type: 'data/*', operations: [...all] },
  { type: 'relation/*', operations: [...all] },
]
const reading = [{ type: '*', operations: ['Read' as const] }]
const everything = [{ type: '*', operations: [...all] }]
/** A model, as it stands in the path of a request. */
const model = { application: 'msgraph', name: 'MSOLUser' }

const codes = { 400: 'bad-input', 403: 'not-permitted', 404: 'not-found' } as const
type Who = 'mallory' | 'trent' | 'token'
type Attempt = readonly [
  Who,
  string,
  Record<string, string | number>,
  object | undefined,
  keyof typeof codes,
]

describe('D4: second paths', () => {
  const actors = new Map<Who, { id: string; send: TestBrowser['send'] }>()
  const at = { north: 0, south: 0, mine: 0, theirs: 0 }
  const who = { boss: 0, mallory: 0, neighbour: 0 }
  const more = { profile: 0, role: 0, trents: 0 }
  const foreign = { tenant: 0, certificate: 0, sync: 0, schedule: 0, transaction: 0, grant: 0 }

  beforeAll(async () => {
    const add = async (parentId: number, kind: 'reseller' | 'customer', name: string) =>
      (await people.client.node.create({ body: { parentId, kind, name } })).id
    at.north = await add(1, 'reseller', 'North')
    at.south = await add(1, 'reseller', 'South')
    at.mine = await add(at.north, 'customer', 'Mine')
    at.theirs = await add(at.south, 'customer', 'Theirs')
    who.boss = (await people.add('boss')).id
    who.neighbour = (await people.add('neighbour', { nodeId: at.theirs })).id
    // At a reseller, and at the top: each with much, and with less than all.
    who.mallory = await act('mallory', managing, at.north)
    await act('trent', [...managing, ...reading], 1)
    const body = { name: 'narrow', nodeId: at.north, permissions: [...reading, ...managing] }
    const made = await actors.get('trent')?.send('POST', '/v1/tokens', body)
    const authorization = `Bearer ${made?.json.token}`
    const { send } = openBrowser(patchbay.url)
    const asToken: TestBrowser['send'] = (method, path, sent) =>
      send(method, path, sent, { authorization })
    actors.set('token', { id: `token:${made?.json.id}`, send: asToken })
    await addMore()
    await addForeign()
  })

  async function act(login: Who, permissions: Permission[], nodeId: number) {
    const { id, password } = await people.add(login, { permissions, nodeId })
    const opened = openBrowser(patchbay.url)
    await signIn(opened, login, password)
    actors.set(login, { id: `person:${id}`, send: opened.send })
    return id
  }

  async function addMore() {
    const { profile, role } = people.client
    more.profile = (await profile.create({ body: { name: 'More', permissions: everything } })).id
    const body = { name: 'More', profileId: more.profile, kind: 'reseller' as const }
    more.role = (await role.create({ body })).id
    more.trents = (await profile.create({ body: { name: 'Less', permissions: reading } })).id
  }

  /** What belongs to another customer. */
  async function addForeign() {
    const { client, owner } = people
    const application = { tenantId: randomUUID(), clientId: randomUUID(), clientSecret: 'x' }
    const place = { nodeId: at.theirs, name: 'Theirs' }
    const graph = { cloud: 'emulator', ...application }
    foreign.tenant = (await client.tenant.create({ body: { ...place, graph } })).id
    const certificate = { ...place, commonName: 'Theirs', keyBits: 2048 as const }
    foreign.certificate = (await client.certificate.create({ body: certificate })).id
    const params = { tenantId: foreign.tenant }
    foreign.sync = (await client.sync.start({ params, body: {} })).id
    const hourly = { name: 'Hourly', everyMinutes: 60 }
    foreign.schedule = (await client.schedule.create({ params, body: hourly })).id
    const done = await owner.query(
      `insert into transaction (tenant_id, node_path, kind, title, state, actor, actor_id,
         request_hash)
       select id, node_path, 'x', 'x', 'succeeded', '{}', 'x', '' from tenant where id = $1
       returning id`,
      [foreign.tenant],
    )
    foreign.transaction = done.rows[0].id
    const held = await owner.query('select id from role_grant where person_id = $1', [
      who.neighbour,
    ])
    foreign.grant = held.rows[0].id
  }

  /** Ways to hold more. */
  function toRights(): Attempt[] {
    const { north, mine } = at
    const [boss, wider] = [{ personId: who.boss }, { name: 'wider', permissions: everything }]
    const toMe = { personId: who.mallory, roleId: more.role, nodeId: north }
    const identity = { issuer: 'https://evil.example', subject: 'mallory' }
    const ofMore = { name: 'x', profileId: more.profile, kind: 'site' }
    return [
      ['mallory', 'role.grant', {}, toMe, 403],
      ['trent', 'role.grant', {}, toMe, 403],
      ['token', 'role.grant', {}, toMe, 403],
      ['trent', 'profile.create', {}, wider, 403],
      ['mallory', 'profile.create', {}, { name: 'mine', permissions: reading }, 403],
      ['trent', 'profile.update', { profileId: more.trents }, { permissions: everything }, 403],
      ['trent', 'role.create', {}, ofMore, 403],
      ['trent', 'token.create', {}, { ...boss, name: 'x' }, 403],
      ['token', 'token.create', {}, { ...wider, nodeId: mine }, 403],
      ['token', 'token.create', {}, { name: 'beyond', nodeId: 1 }, 404],
      ['trent', 'person.invite', boss, undefined, 403],
      ['trent', 'person.update', boss, { identity }, 403],
      ['trent', 'person.update', boss, { login: 'trents' }, 403],
      ['trent', 'person.update', boss, { email: 'trent@evil.example' }, 403],
    ]
  }

  /** Ways to another customer. */
  function toOthers(): Attempt[] {
    const { north, mine, theirs } = at
    const [node, tenant] = [{ nodeId: theirs }, { tenantId: foreign.tenant }]
    const transaction = { transactionId: foreign.transaction }
    const person = { personId: who.neighbour }
    const steps = [
      { do: 'update', model: 'device/msgraph/MSOLUser', ref: 'anna', set: { department: 'x' } },
    ]
    const mail = 'mallory@evil.example'
    const graph = { cloud: 'emulator', tenantId: randomUUID(), clientId: randomUUID() }
    const signed = { ...graph, certificateId: foreign.certificate }
    return [
      ['mallory', 'node.move', node, { parentId: north, confirm: 'Theirs' }, 404],
      ['mallory', 'node.move', { nodeId: mine }, { parentId: theirs, confirm: 'Mine' }, 404],
      ['token', 'node.move', node, { parentId: north, confirm: 'Theirs' }, 404],
      ['mallory', 'node.create', {}, { parentId: theirs, kind: 'site', name: 'x' }, 404],
      ['mallory', 'role.grant', {}, { ...person, ...node, roleId: more.role }, 404],
      ['mallory', 'role.grant', {}, { ...person, nodeId: mine, roleId: more.role }, 404],
      ['mallory', 'role.revoke', { grantId: foreign.grant }, undefined, 404],
      ['mallory', 'person.create', {}, { ...node, login: 'x', name: 'x' }, 404],
      ['mallory', 'person.invite', person, undefined, 404],
      ['mallory', 'person.delete', person, undefined, 404],
      ['mallory', 'token.create', {}, { ...person, name: 'x' }, 404],
      ['mallory', 'tenant.update', tenant, { name: 'Mine' }, 404],
      ['mallory', 'tenant.create', {}, { nodeId: mine, name: 'x', graph: signed }, 400],
      ['mallory', 'sync.start', tenant, {}, 404],
      ['mallory', 'sync.decide', { syncId: foreign.sync }, { decision: 'approve' }, 404],
      ['mallory', 'schedule.create', tenant, { name: 'x', everyMinutes: 5 }, 404],
      ['mallory', 'schedule.resume', { scheduleId: foreign.schedule }, undefined, 404],
      ['mallory', 'syncRule.set', { ...tenant, ...model }, { disabled: [] }, 404],
      ['mallory', 'transaction.plan', tenant, { steps }, 404],
      ['mallory', 'transaction.start', tenant, { steps: [...steps, ...steps] }, 404],
      ['mallory', 'transaction.replay', transaction, {}, 404],
      ['token', 'transaction.replay', transaction, {}, 404],
      ['mallory', 'transaction.undo', transaction, undefined, 404],
      ['mallory', 'alert.add', {}, { ...node, mail }, 404],
      ['mallory', 'consent.invite', tenant, undefined, 404],
      ['trent', 'export.csv', { ...tenant, ...model }, undefined, 403],
      ['trent', 'export.json', { ...tenant, ...model }, undefined, 403],
    ]
  }

  it('D4: are refused, change nothing, and are on record with who, what and where', async () => {
    const before = await everythingKept()
    for (const [by, name, params, body, status] of [...toRights(), ...toOthers()]) {
      const { method = '', path = '' } = routesOf(api).find((each) => each.name === name) ?? {}
      const address = path.replaceAll(/\{(\w+)\}/g, (_, member: string) => `${params[member]}`)
      const actor = actors.get(by)
      const answer = await actor?.send(method, address, body)
      expect.soft(answer?.status, `${by} ${name} ${answer?.text}`).toBe(status)
      const { rows } = await people.owner.query(
        `select actor ->> 'id' as actor, action, subject, detail from audit order by id desc limit 1`,
      )
      const asked = Object.entries(params).map(([member, value]) => [member, String(value)])
      const requestId = answer?.json.instance.replace('urn:uuid:', '')
      const detail = { code: codes[status], params: Object.fromEntries(asked), requestId }
      const entry = { actor: actor?.id, action: 'access.refused', subject: name, detail }
      expect.soft(rows, `${by} ${name}`).toEqual([entry])
    }
    expect(await everythingKept()).toEqual(before)
  })

  /** What rights, and whose rows, there are. */
  async function everythingKept(): Promise<unknown> {
    const tables = [
      ...['node', 'person', 'role_grant', 'role', 'access_profile', 'tenant', 'alert_target'],
      ...['transaction', 'schedule', 'sync_rule', 'one_time_secret', 'run'],
    ]
    const kept = tables.map((name) => `select to_jsonb(t) as row from ${name} t`)
    kept.push(`select to_jsonb(t) - 'last_used_at' from access_token t`)
    const { rows } = await people.owner.query(`${kept.join(' union all ')} order by 1`)
    return rows
  }
})
