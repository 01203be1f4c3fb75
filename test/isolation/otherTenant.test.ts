import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Answered, openSender, type Sender } from '../contract/sender.ts'
import { withWorker } from '../contract/served.ts'
import { type ContractWorld, type Furnished, openContractWorld, users } from '../contract/world.ts'
import { control } from '../engine/control.ts'
import { figure } from '../figures/figure.ts'

/** Who may see and change both tenants is who could mix them up without a second lock. */
let world: ContractWorld
let sender: Sender
let own: Furnished
let other: Furnished

beforeAll(async () => {
  world = await openContractWorld()
  ;({ own, sibling: other } = world)
  sender = openSender(world.patchbay.url, world.patchbay.token)
}, 120_000)
afterAll(async () => {
  await sender.close()
  await world.close()
})

function ask(method: string, path: string, body?: object): Promise<Answered> {
  return sender.send({ method, path, ...(body && { body: JSON.stringify(body) }) })
}

const update = (ref: string) => ({
  steps: [{ do: 'update', model: users, ref, set: { department: 'Mixed up' } }],
})

it('H6: what names an object of another tenant is refused, and Microsoft hears nothing', async () => {
  const microsoft = control(world.patchbay.emulator, '')
  await microsoft.clearCalls()
  const mixed: readonly (readonly [string, string, object?])[] = [
    ['POST', `/v1/tenants/${own.tenantId}/transactions`, update(other.key)],
    ['POST', `/v1/tenants/${own.tenantId}/transactions`, { ...update(other.key), dryRun: true }],
    ['GET', `/v1/tenants/${own.tenantId}/resources/${users}/${other.key}`],
    ['PATCH', `/v1/tenants/${own.tenantId}`, { graph: { certificateId: other.certificateId } }],
    ['PATCH', `/v1/tenants/${own.tenantId}`, { nodeId: other.nodeId }],
  ]
  const taken: string[] = []
  for (const [method, path, body] of mixed) {
    const { status, text } = await ask(method, path, body)
    if (status < 400) taken.push(`${method} ${path}`)
    expect(text).not.toContain(other.name)
  }
  expect(taken).toEqual([])
  figure('writes of foreign objects taken', taken.length, '= 0')
  const calls = await microsoft.ask<{ write: boolean; service: string }[]>('GET', 'calls')
  expect(calls.filter(({ write, service }) => write && service !== 'login')).toEqual([])
  await microsoft.close()
})

it('H6: a place in one list is none in the list of another tenant', async () => {
  const listOf = (tenantId: number, after = '') =>
    ask('GET', `/v1/tenants/${tenantId}/resources/${users}?limit=5${after}`)
  const first = (await listOf(other.tenantId)).json
  const continued = await listOf(own.tenantId, `&after=${encodeURIComponent(String(first.next))}`)
  const foreign = other.marks.filter((mark) => continued.text.includes(mark))
  expect(foreign).toEqual([])
})

it('H6: every answer about a tenant says which', async () => {
  const answers = await Promise.all(
    [own, other].flatMap((each) => [
      ask('GET', `/v1/syncs/${each.syncId}`),
      ask('GET', `/v1/transactions/${each.transactionId}`),
      ask('GET', `/v1/schedules/${each.scheduleId}`),
    ]),
  )
  const wanted = [own, other].flatMap(({ tenantId }) => [tenantId, tenantId, tenantId])
  expect(answers.map(({ json }) => json.tenantId)).toEqual(wanted)
})

it('H6: many requests for two tenants at the same time are each answered about their own', async () => {
  const round = Array.from({ length: 200 }, (_, at) => (at % 2 === 0 ? own : other))
  const wrong: string[] = []
  await Promise.all(
    round.map(async ({ tenantId, key, name }, at) => {
      const paths = [
        `/v1/tenants/${tenantId}`,
        `/v1/tenants/${tenantId}/resources/${users}?limit=5`,
        `/v1/tenants/${tenantId}/resources/${users}/${key}`,
      ]
      const { text, status } = await ask('GET', paths[at % 3] ?? '')
      const foreign = (name === own.name ? other : own).marks.filter((mark) => text.includes(mark))
      if (status !== 200 || foreign.length > 0) wrong.push(`${status} ${foreign.join()}`)
    }),
  )
  expect(wrong).toEqual([])
  figure('answers about another tenant', wrong.length, '= 0')
})

/** What a tenant has anywhere but on record, by table: whatever names it, its runs or its work. */
async function rowsOf({ tenantId }: Furnished): Promise<Record<string, number>> {
  const { rows: columns } = await world.database.query<{ table: string; column: string }>(
    `select table_name as table, column_name as column from information_schema.columns
      where table_schema = 'patchbay' and column_name in ('tenant_id', 'run_id', 'transaction_id')
        and table_name not in ('audit', 'event')`,
  )
  const among: Readonly<Record<string, string>> = {
    tenant_id: '$1',
    run_id: 'select id from patchbay.run where tenant_id = $1',
    transaction_id: 'select id from patchbay.transaction where tenant_id = $1',
  }
  const counts: Record<string, number> = {}
  const count = async (name: string, query: string) => {
    const { rows } = await world.database.query<{ count: number }>(query, [tenantId])
    if (rows[0]?.count) counts[name] = rows[0].count
  }
  for (const { table, column } of columns) {
    const where = `${column} in (${among[column]})`
    await count(`${table}.${column}`, `select count(*)::int from patchbay.${table} where ${where}`)
  }
  for (const table of ['secret', 'data_key']) {
    const owners = `owner = 'tenant:' || $1::bigint or owner in
      (select 'transaction:' || id from patchbay.transaction where tenant_id = $1)`
    await count(table, `select count(*)::int from patchbay.${table} where ${owners}`)
  }
  await count('tenant', 'select count(*)::int from patchbay.tenant where id = $1')
  return counts
}

async function onRecord({ tenantId }: Furnished): Promise<number> {
  const query = 'select count(*)::int from patchbay.audit where tenant_id = $1'
  const { rows } = await world.database.query<{ count: number }>(query, [tenantId])
  return rows[0]?.count ?? 0
}

it('H8: a removed tenant that was lived in leaves nothing in any table but its audit', async () => {
  const before = await rowsOf(own)
  const tables = ['resource.tenant_id', 'run.tenant_id', 'transaction_step.transaction_id']
  expect(Object.keys(before)).toEqual(expect.arrayContaining([...tables, 'secret', 'data_key']))
  const recorded = await onRecord(own)
  const others = await rowsOf(other)
  // Nothing may be under way: what waits for a person is decided.
  await withWorker(world.patchbay, async () => {
    const params = { syncId: own.heldSyncId }
    await world.client.sync.decide({ params, body: { decision: 'refuse' } })
    const stateOf = async () => (await world.client.sync.show({ params })).state
    await expect.poll(stateOf, { timeout: 30_000 }).toMatch(/^(succeeded|cancelled|failed)/)
  })
  const { tenantId } = own
  const confirm = encodeURIComponent(`${own.name} tenant`)
  const removed = await ask('DELETE', `/v1/tenants/${tenantId}?confirm=${confirm}`)
  expect(removed.text).toBe('')
  expect(removed.status).toBe(204)
  const left = await rowsOf(own)
  expect(left).toEqual({})
  figure('rows left of a removed tenant', Object.keys(left).length, '= 0')
  expect(await onRecord(own)).toBeGreaterThan(recorded)
  expect(await rowsOf(other)).toEqual(others)
}, 60_000)
