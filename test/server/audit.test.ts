import { createHash, randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Client, createClient } from '../../src/client/client.ts'
import { type Api, api } from '../../src/contract/api.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { limits } from '../../src/core/limits.ts'
import { Sealed } from '../../src/core/secret.ts'
import { run } from '../cli/command.ts'
import { unlistedCodes } from '../contract/auditCodes.ts'
import { control } from '../engine/control.ts'
import { systemClock } from '../store/testing.ts'
import { startTestPatchbay, type TestPatchbay } from './patchbay.ts'

const users = 'device/msgraph/MSOLUser'

let patchbay: TestPatchbay
let client: Client<Api>
/** The owner of the database, whom nothing holds. */
let owner: pg.Client
let microsoft: ReturnType<typeof control>
let tenantId: number
let customer: { id: number; path: string }
let keys: string[]

beforeAll(async () => {
  // What fails is tried and looked for again soon: a test waits for it.
  Object.assign(limits, { jobBackoffMs: 200, settleMs: 2_000 })
  patchbay = await startTestPatchbay()
  const token = new Sealed(patchbay.token)
  client = createClient(api, { baseUrl: patchbay.url, token, fetch, clock: systemClock })
  owner = new pg.Client({
    connectionString: patchbay.databaseUrl.reveal(),
    options: '-c search_path=patchbay',
  })
  await owner.connect()
  const { tenantId: id = '', clientId = '', clientSecret = '' } = patchbay.emulator.tenants[0] ?? {}
  microsoft = control(patchbay.emulator, id)
  customer = await client.node.create({ body: { parentId: 1, kind: 'customer', name: 'Contoso' } })
  const graph = { cloud: 'emulator', tenantId: id, clientId, clientSecret }
  const body = { nodeId: customer.id, name: 'Contoso', graph }
  tenantId = (await client.tenant.create({ body })).id
  const { id: syncId } = await client.sync.start({
    params: { tenantId },
    body: { models: [users] },
  })
  await until(async () => (await client.sync.show({ params: { syncId } })).endedAt !== null)
  const params = { tenantId, application: 'msgraph', name: 'MSOLUser' }
  const { items } = await client.resource.list({ params, query: { limit: 8 } })
  keys = items.map(({ key }) => key)
})
afterAll(async () => {
  await microsoft.close()
  await owner.end()
  await patchbay.close()
})

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    if (await holds()) return
    await systemClock.sleep(50)
  }
  throw new Error('it did not come about within 20 s')
}

interface Entry {
  action: string
  subject: string
  nodePath: string
  actor: { id: string }
  detail: JsonObject
}

async function entries(action: string): Promise<Entry[]> {
  const { rows } = await owner.query<Entry>(
    `select action, subject, node_path as "nodePath", actor, detail from audit
      where action = $1 order by id`,
    [action],
  )
  return rows
}

async function tokenAt(scope: string): Promise<string> {
  const text = `pb_${randomUUID()}`
  await owner.query('insert into access_token (name, scope, hash) values ($1, $2, $3)', [
    ...['Site', scope, createHash('sha256').update(text).digest()],
  ])
  return text
}

function ask(token: string, method: string, path: string, body?: object): Promise<number> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const init = { method, headers, ...(body && { body: JSON.stringify(body) }) }
  return fetch(`${patchbay.url}${path}`, init).then(({ status }) => status)
}

function patch(args: readonly string[]) {
  const env = { PATCHBAY_SERVER: patchbay.url, PATCHBAY_TOKEN_FILE: patchbay.tokenFile }
  return run(args, { env })
}

async function change(ref: string, department: string): Promise<{ id: number; state: string }> {
  const steps = [{ do: 'update' as const, model: users, ref, set: { department } }]
  const { id } = await client.transaction.start({
    params: { tenantId },
    headers: {},
    body: { steps },
  })
  return await ended(id)
}

async function ended(id: number): Promise<{ id: number; state: string }> {
  const show = () => client.transaction.show({ params: { transactionId: id } })
  await until(async () => (await show()).endedAt !== null)
  return { id, state: (await show()).state }
}

/** I1. With announceWrite of engine/transaction/work.ts taken out, the left side is empty. */
test('I1: every write Microsoft got is on record, under its id, and no other', async () => {
  await microsoft.clearCalls()
  const [first = '', second = '', third = '', fourth = ''] = keys
  const done = await change(first, 'One')
  await microsoft.fault('throttle', { method: 'PATCH', count: 2, retryAfter: '0' })
  await change(second, 'Two')
  await microsoft.clearFaults()
  await microsoft.fault('status', { method: 'PATCH', count: 1, status: 503 })
  await change(third, 'Three')
  await microsoft.clearFaults()
  await change(third, 'Three')
  const undone = await client.transaction.undo({ params: { transactionId: done.id }, headers: {} })
  await ended(undone.id)
  await change(fourth, 'Four')
  const calls = await microsoft.ask<{ write: boolean; service: string; clientRequestId: string }[]>(
    'GET',
    'calls',
  )
  const sent = calls.filter(({ write, service }) => write && service !== 'login')
  const recorded = await entries('microsoft.write')
  expect(recorded.map(({ detail }) => detail.requestId).sort()).toEqual(
    sent.map(({ clientRequestId }) => clientRequestId).sort(),
  )
  expect(sent.length).toBeGreaterThanOrEqual(5)
  expect(recorded[0]).toMatchObject({
    subject: `transaction:${done.id}`,
    detail: { model: users, key: first, operation: 'PATCH users/{}' },
  })
}, 60_000)

/** Makes every entry that `when` names fail, as a broken table or a full disk would. */
async function refuse(when: string, state: string): Promise<void> {
  await owner.query(
    `create or replace function refuse() returns trigger language plpgsql as $$ begin
       if ${when} then raise exception 'refused' using errcode = '${state}'; end if; return new;
     end $$;
     drop trigger if exists refuse on audit;
     create trigger refuse before insert on audit for each row execute function refuse()`,
  )
}

async function startChange(ref: string | undefined, jobTitle: string): Promise<number> {
  const steps = [{ do: 'update' as const, model: users, ref: ref ?? '', set: { jobTitle } }]
  const given = { params: { tenantId }, headers: {}, body: { steps } }
  return (await client.transaction.start(given)).id
}

async function writesSent(): Promise<number> {
  return (await microsoft.calls()).filter(({ write, service }) => write && service !== 'login')
    .length
}

/** I2. With auditError not telling the two apart, the second waits for ever or the third ends. */
describe('I2: while the audit cannot be written nothing is done', () => {
  beforeEach(() => microsoft.clearCalls())
  afterEach(() => owner.query('drop trigger if exists refuse on audit'))

  test('the API answers 503, and an alarm stands in the log', async () => {
    await refuse('true', '42501')
    const path = `/v1/nodes/${customer.id}`
    expect(await ask(patchbay.token, 'PATCH', path, { name: 'New' })).toBe(503)
    expect(await ask(patchbay.token, 'DELETE', '/v1/nodes/999999')).toBe(503)
    expect((await client.node.show({ params: { nodeId: customer.id } })).name).toBe('Contoso')
    const alarms = patchbay.log.filter(({ level }) => level === 'error')
    expect(alarms.some(({ message }) => /audit/.test(message))).toBe(true)
  })

  test('what does not pass ends the transaction, with nothing sent', async () => {
    await refuse(`new.action = 'microsoft.write'`, '42501')
    expect((await ended(await startChange(keys[4], 'X'))).state).toBe('undone')
    expect(await writesSent()).toBe(0)
  })

  test('what passes is waited for, with nothing sent', async () => {
    await refuse(`new.action = 'microsoft.write'`, '53100')
    const id = await startChange(keys[5], 'X')
    await systemClock.sleep(2_500)
    expect(await writesSent()).toBe(0)
    await owner.query('drop trigger refuse on audit')
    expect((await ended(id)).state).toBe('succeeded')
  })
})

describe('I3: on record is', () => {
  test('a write outside the scope, and not a reading', async () => {
    const site = await client.node.create({
      body: { parentId: customer.id, kind: 'site', name: 'Site' },
    })
    const token = await tokenAt(site.path)
    expect(await ask(token, 'GET', `/v1/tenants/${tenantId}`)).toBe(404)
    expect(await ask(token, 'PATCH', `/v1/tenants/${tenantId}`, { name: 'x' })).toBe(404)
    expect(await entries('access.refused')).toMatchObject([
      {
        subject: 'tenant.update',
        nodePath: site.path,
        detail: { code: 'not-found', params: { tenantId: String(tenantId) } },
      },
    ])
  })

  test('what a sync finds gone, waits for, and finds again', async () => {
    const sync = async () => {
      const { id: syncId } = await client.sync.start({
        ...{ params: { tenantId }, body: { models: [users] } },
      })
      await until(async () => (await client.sync.show({ params: { syncId } })).endedAt !== null)
      return syncId
    }
    const gone = await microsoft.mutate('delete-users', { users: 12, seed: 5 })
    const syncId = await sync()
    await client.sync.decide({ params: { syncId }, body: { decision: 'approve' } })
    await until(async () => (await client.sync.show({ params: { syncId } })).state === 'succeeded')
    expect((await entries('removals.approve')).map(({ subject }) => subject)).toEqual([
      `sync:${syncId}`,
    ])
    expect((await entries('resource.removed')).flatMap(({ detail }) => detail.keys)).toHaveLength(
      gone.length,
    )
    await microsoft.mutate('restore', { ids: gone })
    await sync()
    expect((await entries('resource.returned')).flatMap(({ detail }) => detail.keys)).toHaveLength(
      gone.length,
    )
    expect((await entries('sync.ended')).length).toBeGreaterThan(1)
  })

  test('the first token, and how transactions ended', async () => {
    expect(await entries('token.create')).toMatchObject([{ subject: 'token:Administrator' }])
    const states = (await entries('transaction.ended')).map(({ detail }) => detail.state)
    expect(new Set(states)).toEqual(new Set(['succeeded', 'undone']))
  })

  test('the use of a token, and one that nobody has, within a bound', async () => {
    const token = await tokenAt(customer.path)
    for (let use = 0; use < 3; use++) await ask(token, 'GET', '/v1/me')
    const used = (await entries('sign-in.token')).filter(
      ({ nodePath }) => nodePath === customer.path,
    )
    expect(used).toHaveLength(1)
    const guesses = limits.auditStrangersPerMinute + 5
    for (let guess = 0; guess < guesses; guess++) {
      expect(await ask(`pb_${guess}`, 'GET', '/v1/me')).toBe(401)
    }
    const refused = await entries('sign-in.refused')
    expect(refused.length).toBeGreaterThanOrEqual(limits.auditStrangersPerMinute)
    expect(refused.length).toBeLessThan(guesses)
    expect(JSON.stringify(refused)).not.toMatch(/pb_\d/)
  })

  test('whoever takes the audit out, and only within their scope', async () => {
    const token = await tokenAt(customer.path)
    const text = async (path: string, by = token) => {
      const answer = await fetch(`${patchbay.url}${path}`, {
        headers: { authorization: `Bearer ${by}` },
      })
      return await answer.text()
    }
    const { items } = JSON.parse(await text('/v1/audit/export'))
    expect(items.length).toBeGreaterThan(3)
    for (const { entry } of items) expect(JSON.parse(entry).nodePath).toMatch(/^1\.\d+\./)
    expect(await entries('audit.export')).toMatchObject([{ nodePath: customer.path }])
    expect(await text('/v1/audit/export?after=x')).toContain('query.after')
    expect(await text('/v1/audit/export?after=1-1-1-1')).toContain('query.after')
    const onRecord = async () => (await entries('audit.export')).length
    // From wherever somebody begins, with whatever they say gave them the place.
    for (const after of ['0-0', '1-0', '1-1', '0-0-1', `0-0-${2 ** 40}`]) {
      const before = await onRecord()
      expect(JSON.parse(await text(`/v1/audit/export?after=${after}&limit=1`)).items).toHaveLength(
        1,
      )
      expect([after, await onRecord()]).toEqual([after, before + 1])
    }
    // The pages of one export are one, until it is old; another's are not mine.
    const pages = async (after: string, by?: string) =>
      JSON.parse(await text(`/v1/audit/export?after=${after}&limit=1`, by))
    let page = await pages('0-0')
    const before = await onRecord()
    for (let turn = 0; turn < 3; turn++) page = await pages(page.next)
    expect(await onRecord()).toBe(before)
    await pages(page.next, await tokenAt(customer.path))
    expect(await onRecord()).toBe(before + 1)
    await owner.query(`update audit set at = at - interval '61 minutes' where id = $1`, [
      page.next.split('-')[2],
    ])
    await pages(page.next)
    expect(await onRecord()).toBe(before + 2)
    await owner.query(`update audit set at = at + interval '61 minutes' where id = $1`, [
      page.next.split('-')[2],
    ])
  })
})

test('I4: the command line takes it out, checks it, and finds what was cut off', async () => {
  const exported = await patch(['audit', 'export'])
  expect(exported.exit).toBe(0)
  const file = join(patchbay.dataDir, 'audit.jsonl')
  await writeFile(file, exported.out)
  for (const line of exported.out.trimEnd().split('\n')) {
    expect(JSON.parse(JSON.parse(line).entry)).toHaveProperty('action')
  }
  const whole = await patch(['audit', 'verify', '--against', file])
  expect(whole).toMatchObject({ exit: 0, out: expect.stringContaining('The audit is whole.') })
  await owner.query(
    `begin; alter table audit disable trigger seal_audit;
     delete from audit where id = (select max(audit_id) from audit_seal where chain = $1);
     delete from audit_seal where chain = $1 and audit_id = (select max(audit_id) from audit_seal where chain = $1)`.replaceAll(
      '$1',
      String(customer.id),
    ),
  )
  await owner.query('alter table audit enable trigger seal_audit; commit')
  expect((await patch(['audit', 'verify'])).out).toContain('The audit is whole.')
  const cut = await patch(['audit', 'verify', '--against', file])
  expect(cut).toMatchObject({ exit: 1, out: expect.stringContaining('NOT whole') })
  expect(cut.out).toContain('is missing with everything behind it')
  await writeFile(file, `${await readFile(file, 'utf8')}no json\n`)
  expect(await patch(['audit', 'verify', '--against', file])).toMatchObject({ exit: 2 })
})

test('I3: every code that was written here is in the golden file', async () => {
  expect(await unlistedCodes(owner)).toEqual([])
})
