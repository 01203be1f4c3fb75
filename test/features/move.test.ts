import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type NodeAnswer, readNode } from '../../src/features/hierarchy/nodes.ts'
import { recordTables, selectPathTables } from '../../src/features/hierarchy/queries.ts'
import { moveNode } from '../../src/features/hierarchy/shape.ts'
import { createTenant, readTenant } from '../../src/features/tenants/tenants.ts'
import { inScope } from '../../src/store/scope.ts'
import {
  actorAt,
  addNode,
  type Bench,
  contosoId,
  directory,
  failureOf,
  fieldsOf,
  openBench,
  provider,
} from './support.ts'

let bench: Bench
let south: NodeAnswer
let north: NodeAnswer
let customer: NodeAnswer
let site: NodeAnswer
let tenantId: number

beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.close())

const db = () => bench.store.db
let round = 0

beforeEach(async () => {
  round += 1
  north = await addNode(bench, 1, 'reseller', `North ${round}`)
  south = await addNode(bench, 1, 'reseller', `South ${round}`)
  customer = await addNode(bench, north.id, 'customer', 'Contoso')
  site = await addNode(bench, customer.id, 'site', 'Berlin')
  const graph = { clientId: contosoId, tenantId: tenantGuid(), clientSecret: 'canary' }
  const input = { nodeId: customer.id, name: 'Contoso', graph }
  tenantId = (await createTenant(provider, bench.store, directory, input)).id
})

function tenantGuid(): string {
  return contosoId.replace(/^1{8}/, String(10_000_000 + round))
}

/** One row in every table whose rows lie at a node, at the customer's path. */
async function fillEveryTable(): Promise<void> {
  await inScope(db(), '1.', async (tx) => {
    const path = customer.path
    const t = tenantId
    for (const statement of [
      sql`insert into person (node_id, node_path, login, name) values (${customer.id}, ${path}, ${`ada ${round}`}, 'Ada')`,
      sql`insert into access_profile (name, origin, permissions) values (${`p ${round}`}, 'own', '[]')`,
      sql`insert into role (name, profile_id, kind, origin)
          select name, id, 'site', 'own' from access_profile where name = ${`p ${round}`}`,
      sql`insert into role_grant (person_id, role_id, node_id, node_path, granted_by)
          select person.id, role.id, ${customer.id}, ${path}, '{}' from person, role
          where person.login = ${`ada ${round}`} and role.name = ${`p ${round}`}`,
      sql`insert into certificate (node_id, node_path, name, subject, thumbprint, thumbprint_sha256, not_before, not_after, public_pem)
          values (${customer.id}, ${path}, 'c', 'CN=c', 'A', 'B', now(), now(), 'pem')`,
      sql`insert into resource (tenant_id, model_id, key, node_path, name, cols, hash) values (${t}, 1, 'k', ${path}, 'n', '{}', '')`,
      sql`insert into resource_data (tenant_id, id, node_path, data) values (${t}, 1, ${path}, '{}')`,
      sql`insert into link (tenant_id, kind, from_key, to_key, node_path) values (${t}, 'm', 'a', 'b', ${path})`,
      sql`insert into resource_change (tenant_id, id, node_path, cause, patch) values (${t}, 1, ${path}, 'run:1', '[]')`,
      sql`insert into run (tenant_id, node_path, state, actor) values (${t}, ${path}, 'succeeded', '{}')`,
      sql`insert into run_model (run_id, seq, model_id, node_path) values (${round}, 1, 1, ${path})`,
      sql`insert into sync_page (run_id, model_id, seq, node_path, ids) values (${round}, 1, 1, ${path}, '{}')`,
      sql`insert into sync_rejected (run_id, model_id, reason, node_path) values (${round}, 1, 'r', ${path})`,
      sql`insert into removal (run_id, resource_id, model_id, key, node_path, reason, state) values (${round}, 1, 1, 'k', ${path}, 'absent', 'done')`,
      sql`insert into sync_state (tenant_id, model_id, node_path) values (${t}, 1, ${path})`,
      sql`insert into schedule (tenant_id, node_path, name, models, full_list, every_minutes, time_zone, actor, due_at) values (${t}, ${path}, 'n', '{}', false, 60, 'UTC', '{}', now())`,
      sql`insert into sync_due (tenant_id, model_id, node_path, due_at, cause, actor) values (${t}, 1, ${path}, now(), 'c', '{}')`,
      sql`insert into sync_rule (tenant_id, model_id, node_path, disabled) values (${t}, 1, ${path}, '{}')`,
      sql`insert into sync_scope (tenant_id, model_id, node_path, filter) values (${t}, 1, ${path}, '{}')`,
      sql`insert into subscription (tenant_id, model_id, node_path, act_at) values (${t}, 1, ${path}, now())`,
      sql`insert into credential (tenant_id, node_path, kind, foreign_id, name, used, ends_at, source, read_at)
          values (${t}, ${path}, 'secret', 'f', 'n', true, now(), 'given', now())`,
      sql`insert into credential_look (tenant_id, node_path, due_at) values (${t}, ${path}, now())`,
      sql`insert into credential_told (subject, ends_at, node_path, days) values (${`s ${round}`}, now(), ${path}, 7)`,
      sql`insert into credential_refusal (tenant_id, version, node_path, error, quiet_until) values (${t}, 'v', ${path}, '{}', now())`,
      sql`insert into second_credential (tenant_id, node_path, version, tested_at) values (${t}, ${path}, 'v', now())`,
      sql`insert into alert_target (node_id, node_path, kind, address) values (${customer.id}, ${path}, 'mail', 'a@b.example')`,
      sql`insert into alert_delivery (target_id, node_path, alert)
          select id, node_path, '{}' from alert_target where node_path = ${path}`,
      sql`insert into egress_policy (node_id, node_path, rules) values (${customer.id}, ${path}, '[]')`,
      sql`insert into transaction (tenant_id, node_path, kind, title, state, actor, actor_id, request_hash) values (${t}, ${path}, 'k', 't', 'succeeded', '{}', 'a', '')`,
      sql`insert into transaction_step (transaction_id, seq, node_path, kind, title, input) values (${round}, 1, ${path}, 'k', 't', '{}')`,
    ]) {
      await statement.execute(tx)
    }
  })
}

async function countAt(table: string, path: string): Promise<number> {
  return await inScope(db(), '1.', async (tx) => {
    const found = await sql<{ count: number }>`select count(*) as count from ${sql.table(table)}
      where starts_with(node_path, ${path})`.execute(tx)
    return found.rows[0]?.count ?? -1
  })
}

function move(extra: { parentId?: number; confirm?: string | undefined } = {}) {
  return { nodeId: customer.id, parentId: south.id, confirm: 'Contoso', ...extra }
}

test('rewrites the paths of every table, and leaves the record where it happened', async () => {
  await fillEveryTable()
  const tables = await inScope(db(), '1.', (tx) => selectPathTables(tx))
  for (const table of tables)
    expect([table, await countAt(table, customer.path)]).not.toEqual([table, 0])
  const recorded = await countAt('audit', customer.path)

  const moved = await moveNode(provider, db(), move())

  expect(moved).toEqual({ ...customer, parentId: south.id, path: `${south.path}${customer.id}.` })
  for (const table of tables) {
    expect([table, await countAt(table, customer.path)]).toEqual([table, 0])
    expect(await countAt(table, moved.path)).toBeGreaterThan(0)
  }
  expect(await countAt('audit', customer.path)).toBe(recorded + 1)
  expect((await readNode(provider, db(), site.id)).path).toBe(`${moved.path}${site.id}.`)
})

test('what is not rewritten is exactly the record', async () => {
  const all = await sql<{ name: string }>`
    select table_name as name from information_schema.columns
     where table_schema = 'patchbay' and column_name = 'node_path'
       and table_name not in (select inhrelid::regclass::text from pg_inherits)`.execute(
    db().kysely,
  )
  const rewritten = await inScope(db(), '1.', (tx) => selectPathTables(tx))
  expect([...rewritten, ...recordTables].sort()).toEqual(all.rows.map((row) => row.name).sort())
})

test('secrets still open, and scopes of tokens move along', async () => {
  const hash = Buffer.from(`token ${round}`)
  await db()
    .kysely.insertInto('access_token')
    .values({ name: 't', scope: site.path, hash })
    .execute()
  const moved = await moveNode(provider, db(), move())
  const token = await db()
    .kysely.selectFrom('access_token')
    .select('scope')
    .where('hash', '=', hash)
    .executeTakeFirstOrThrow()
  expect(token.scope).toBe(`${moved.path}${site.id}.`)
  const secret = await inScope(db(), moved.path, (tx) =>
    bench.store.vault.get(tx, { owner: `tenant:${tenantId}`, field: 'graph.clientSecret' }),
  )
  expect(secret?.reveal()).toBe('canary')
})

test('the old place no longer sees it, the new one does', async () => {
  await moveNode(provider, db(), move())
  const old = readTenant(actorAt(north.path), bench.store, tenantId)
  expect((await failureOf(old)).code).toBe('not-found')
  expect((await readTenant(actorAt(south.path), bench.store, tenantId)).id).toBe(tenantId)
})

test('asks for the name and says what moves', async () => {
  await fillEveryTable()
  for (const confirm of [undefined, 'contoso']) {
    const failure = await failureOf(moveNode(provider, db(), move({ confirm })))
    expect(failure.code).toBe('confirmation-required')
    expect(failure.message).toContain('2 nodes, 1 tenant and 1 stored object;')
  }
  expect(await readNode(provider, db(), customer.id)).toEqual(customer)
})

test('only to where it fits', async () => {
  const within = [customer.id, site.id, north.id]
  for (const parentId of within) {
    expect(await fieldsOf(moveNode(provider, db(), move({ parentId })))).toEqual(['body.parentId'])
  }
  const other = await addNode(bench, south.id, 'customer', 'Fabrikam')
  const below = moveNode(provider, db(), move({ parentId: other.id }))
  expect(await fieldsOf(below)).toEqual(['body.kind'])
  const between = await addNode(bench, other.id, 'intermediate', 'Region')
  const group = await addNode(bench, south.id, 'intermediate', 'Group')
  await addNode(bench, group.id, 'customer', 'Inside')
  const input = { nodeId: group.id, parentId: between.id, confirm: 'Group' }
  expect(await fieldsOf(moveNode(provider, db(), input))).toEqual(['body.kind'])
  await addNode(bench, south.id, 'customer', 'CONTOSO')
  expect((await failureOf(moveNode(provider, db(), move()))).code).toBe('conflict')
})

test('not to or from outside of the scope', async () => {
  const admin = actorAt(north.path)
  expect((await failureOf(moveNode(admin, db(), move()))).code).toBe('not-found')
  expect((await failureOf(moveNode(actorAt(south.path), db(), move()))).code).toBe('not-found')
})

test.each(['queued', 'running', 'awaiting-approval'] as const)(
  'not while a sync is %s',
  async (state) => {
    await inScope(db(), '1.', (tx) =>
      sql`insert into run (tenant_id, node_path, state, actor) values (${tenantId}, ${customer.path}, ${state}, '{}')`.execute(
        tx,
      ),
    )
    const failure = await failureOf(moveNode(provider, db(), move()))
    expect([failure.code, failure.message]).toEqual(['conflict', expect.stringContaining(state)])
  },
)

test('not while a transaction is under way', async () => {
  await inScope(db(), '1.', (tx) =>
    sql`insert into transaction (tenant_id, node_path, kind, title, state, actor, actor_id, request_hash)
        values (${tenantId}, ${customer.path}, 'k', 't', 'undoing', '{}', 'a', '')`.execute(tx),
  )
  expect((await failureOf(moveNode(provider, db(), move()))).code).toBe('conflict')
})

test('a second record of a Microsoft tenant stays below the first', async () => {
  const graph = { clientId: contosoId, tenantId: tenantGuid(), clientSecret: 'canary' }
  await createTenant(provider, bench.store, directory, { nodeId: site.id, name: 'Berlin', graph })
  const away = { nodeId: site.id, parentId: south.id, confirm: 'Berlin' }
  const failure = await failureOf(moveNode(provider, db(), away))
  expect([failure.code, failure.message]).toEqual(['conflict', expect.stringContaining('Berlin')])
  const moved = await moveNode(provider, db(), move())
  expect(moved.parentId).toBe(south.id)
})
