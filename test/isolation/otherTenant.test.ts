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

const pairs = () => [
  { mine: own, theirs: other },
  { mine: other, theirs: own },
]

/** Of a text that is about one tenant: what in it belongs to the other. */
function foreignIn(text: string, theirs: Furnished): string[] {
  return theirs.marks.filter((mark) => text.includes(mark))
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
  expect(foreignIn(continued.text, other)).toEqual([])
})

it('H6: a place in the syncs, audit or removals of one tenant brings none of another', async () => {
  const listsOf = ({ tenantId, heldSyncId }: Furnished) => [
    `/v1/syncs?limit=1&tenantId=${tenantId}`,
    `/v1/audit?limit=1&tenantId=${tenantId}`,
    `/v1/syncs/${heldSyncId}/removals?limit=1`,
  ]
  let seen = 0
  for (const { mine, theirs } of pairs()) {
    const places = await Promise.all(listsOf(theirs).map((path) => ask('GET', path)))
    const answers = await Promise.all(
      listsOf(mine).map((path, at) => {
        const next = String(places[at]?.json.next)
        expect(next).not.toBe('null')
        return ask('GET', `${path.replace('limit=1', 'limit=500')}&after=${next}`)
      }),
    )
    for (const { status, json } of answers) {
      expect(status).toBe(200)
      const items = Array.isArray(json.items) ? json.items.map(Object) : expect.fail('no list')
      const { tenantId, marks } = mine
      // Removals say whose they are by the sync they are asked of.
      const isOurs = (item: { tenantId?: number; key?: string }) =>
        item.key === undefined ? item.tenantId === tenantId : marks.includes(item.key)
      expect(items.filter((item) => !isOurs(item))).toEqual([])
      seen += items.length
    }
  }
  expect(seen).toBeGreaterThan(10)
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
      const foreign = foreignIn(text, name === own.name ? other : own)
      if (status !== 200 || foreign.length > 0) wrong.push(`${status} ${foreign.join()}`)
    }),
  )
  expect(wrong).toEqual([])
  figure('answers about another tenant', wrong.length, '= 0')
})

it('H6: exports of two tenants made at the same time hold all of their own objects and no other', async () => {
  const round = pairs().flatMap(({ mine, theirs }) =>
    ['csv', 'json', 'csv', 'json'].map((form) => ({ mine, theirs, form })),
  )
  const wrong = await Promise.all(
    round.map(async ({ mine, theirs, form }) => {
      const path = `/v1/tenants/${mine.tenantId}/exports/${users}/${form}`
      const { text, status } = await ask('GET', path)
      expect(status).toBe(200)
      // Behind what else marks it come the keys of all of its people.
      const missing = mine.marks.slice(3).filter((key) => !text.includes(key))
      return [...missing, ...foreignIn(text, theirs)]
    }),
  )
  expect(wrong.flat()).toEqual([])
})

it('H6: a search for what another tenant has finds nothing, in lists and exports', async () => {
  const found = async ({ tenantId }: Furnished, { name }: Furnished) => {
    const word = name.toLowerCase()
    const filter = encodeURIComponent(`userPrincipalName*=${word}`)
    const asked = [`search=${word}`, `filter=${filter}`, `search=${word}&filter=${filter}`]
    const answers = asked.flatMap((query) => [
      ask('GET', `/v1/tenants/${tenantId}/resources/${users}?${query}`),
      ask('GET', `/v1/tenants/${tenantId}/exports/${users}/csv?${query}`),
      ask('GET', `/v1/tenants/${tenantId}/exports/${users}/json?${query}`),
    ])
    return (await Promise.all(answers)).flatMap(({ text, json }) => {
      const named = text.split(`@${word}.`).length - 1
      // To be counted is to be told of, too.
      return json.count === undefined ? [named] : [named, Number(json.count)]
    })
  }
  const [ofMine, ofTheirs] = await Promise.all([
    Promise.all(pairs().map(({ mine }) => found(mine, mine))),
    Promise.all(pairs().map(({ mine, theirs }) => found(mine, theirs))),
  ])
  expect(ofMine.flat().filter((count) => count < 20)).toEqual([])
  expect(ofTheirs.flat().filter((count) => count > 0)).toEqual([])
})

it('H6: a refusal tells nothing of the object of another tenant that was asked for', async () => {
  const place = (id: number) => `/v1/tenants/${id}/resources/${users}`
  const { json } = await ask('GET', `${place(other.tenantId)}/${other.key}`)
  const { displayName, userPrincipalName } = Object(json.data)
  const [, microsoftId = '', clientId] = other.marks
  const facts = [other.key, displayName, userPrincipalName, other.name, microsoftId, clientId]
  const graph = { cloud: 'emulator', tenantId: microsoftId, clientId, clientSecret: 'x' }
  const asked = [other.key, String(displayName), String(userPrincipalName)].flatMap((ref) => {
    const at = `${place(own.tenantId)}/${encodeURIComponent(ref)}`
    const plan = `/v1/tenants/${own.tenantId}/transactions/plan`
    return [
      { ref, sent: ask('GET', at) },
      { ref, sent: ask('GET', `${at}/history`) },
      { ref, sent: ask('POST', plan, update(ref)) },
    ]
  })
  // The same tenant of Microsoft once more, elsewhere.
  const again = { nodeId: world.parent.nodeId, name: 'Again', graph }
  asked.push({ ref: microsoftId, sent: ask('POST', '/v1/tenants', again) })
  for (const { ref, sent } of asked) {
    const { status, text } = await sent
    expect(status).toBeGreaterThanOrEqual(400)
    expect(facts.filter((fact) => fact !== ref && text.includes(fact))).toEqual([])
  }
})

it('H6: an idempotency key of one tenant is refused in another, and tells nothing', async () => {
  const { parent, child } = world
  const headers = { 'idempotency-key': 'used-at-two-tenants' }
  const body = JSON.stringify(update(parent.key))
  const [first, second] = [parent, child].map(({ tenantId }) => {
    const path = `/v1/tenants/${tenantId}/transactions`
    return { method: 'POST', path, headers, body }
  })
  expect((await sender.send(first ?? expect.fail())).json.tenantId).toBe(parent.tenantId)
  const { status, text } = await sender.send(second ?? expect.fail())
  expect(status).toBe(422)
  expect(foreignIn(text, parent)).toEqual([])
})

interface Told {
  id: string
  tenantId: number | null
  text: string
}

/** The first so many events behind a place. */
async function eventsBehind(place: string, subject: string, count: number): Promise<Told[]> {
  const headers = { authorization: `Bearer ${world.patchbay.token}`, 'last-event-id': place }
  const about = subject === '' ? '' : `?subject=${subject}`
  const answer = await fetch(`${world.patchbay.url}/v1/events${about}`, { headers })
  let text = ''
  for await (const chunk of answer.body ?? []) {
    text += new TextDecoder().decode(chunk)
    const frames = text.matchAll(/^id: (.*)\nevent: .*\ndata: (.*)\n\n/gm)
    const told = [...frames].map(([, id = '', data = '']) => {
      return { id, tenantId: JSON.parse(data).tenantId, text: data }
    })
    if (told.length >= count) return told
  }
  return expect.fail('the stream ended')
}

async function countEvents(place: string, subject: string): Promise<number> {
  const query = `select count(*)::int from patchbay.event
    where ($1 = '' or subject = $1) and (tx, id) > ($2::xid8, $3::bigint)`
  const values = [subject, ...place.split('-')]
  const { rows } = await world.database.query<{ count: number }>(query, values)
  return rows[0]?.count ?? 0
}

it('H6: every event says whose it is, and a place in those of one tenant brings none to another', async () => {
  const all = await eventsBehind('0-0', '', await countEvents('0-0', ''))
  for (const { mine, theirs } of pairs()) {
    const ours = all.filter(({ tenantId }) => tenantId === mine.tenantId)
    expect(ours.length).toBeGreaterThan(10)
    expect(ours.flatMap(({ text }) => foreignIn(text, theirs))).toEqual([])
  }
  const unsaid = all.filter(({ tenantId }) => tenantId === null).map(({ text }) => text)
  const people = [...own.marks.slice(3), ...other.marks.slice(3)]
  expect(people.filter((key) => unsaid.join().includes(key))).toEqual([])
  const followed = pairs().map(async ({ mine, theirs }) => {
    const { id } = all.find(({ tenantId }) => tenantId === theirs.tenantId) ?? expect.fail()
    const subject = `transaction:${mine.transactionId}`
    const told = await eventsBehind(id, subject, await countEvents(id, subject))
    return told.map(({ tenantId }) => tenantId === mine.tenantId)
  })
  expect(new Set((await Promise.all(followed)).flat())).toEqual(new Set([true]))
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
