import { randomUUID } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import pg from 'pg'
import { Sealed } from '../../src/core/secret.ts'
import { prepareDatabase } from '../../src/store/prepare.ts'

const folder = new URL('../../src/store/migrations/', import.meta.url)

/** The names of all migrations, in the order they run. */
export async function migrationNames(): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
}

/** What an old database is to hold of a tenant that there is. */
export interface OldTenant {
  microsoftTenantId: string
  model: string
  /** Their departments are those at Microsoft. */
  people: readonly { key: string; department: string }[]
}

export const departments = { was: 'Former department', wanted: 'Wanted department' }

const surroundings = `
  set search_path = patchbay;
  insert into node (id, parent_id, kind, name, node_path) values
    (1, null, 'provider', 'Provider', '1.'), (2, 1, 'customer', 'Customer', '1.2.');
  select setval('node_id_seq', 2);
  insert into access_token (name, scope, hash) values ('administrator', '1.', '\\x01');
  insert into connection (tenant_id, wire, node_path, state)
    values (1, 'graph', '1.2.', 'healthy');
  insert into certificate (node_id, node_path, name, subject, thumbprint, thumbprint_sha256,
      not_before, not_after, public_pem)
    values (2, '1.2.', 'A', 'CN=A', '00', '00', now(), now(), '');
  insert into master_key (id) values ('k1');
  insert into data_key values ('tenant:1', 1, '1.2.', 'k1', '\\x02');
  insert into secret values ('tenant:1', 'graph.clientSecret', '1.2.', 1, '\\x03');
  insert into link values (1, 'member', 'g', 'u', '1.2.');
  insert into resource_change (tenant_id, id, node_path, cause, patch)
    values (1, 1, '1.2.', 'run:1', '{}');
  insert into sync_page values (1, 1, 0, 1, '1.2.', '{1}');
  insert into sync_rejected values (1, 1, 'k', 'why', '1.2.');
  insert into removal values (1, 1, 1, 'k', '1.2.', 'absent', 'disproved');
  insert into sync_state values (1, 1, '1.2.', 'cursor', now(), now());
  insert into worker (id) values ('host:1')`

type Insert = (text: string, ...values: unknown[]) => Promise<unknown>

const author = { id: 'p1', name: 'Ada', kind: 'person', grants: [] }

/**
 * Fills a database that has the first migration alone, a row or more in each of its tables: a first
 * sync that is under way, and three transactions.
 */
async function fill(admin: pg.Client, tenant: OldTenant): Promise<void> {
  await admin.query(surroundings)
  const insert: Insert = (text, ...values) => admin.query(`insert into ${text}`, values)
  await insert(
    `tenant (node_id, node_path, name, microsoft_tenant_id, cloud, settings)
      values (2, '1.2.', 'Contoso', $1, 'emulator', '{}')`,
    tenant.microsoftTenantId,
  )
  await insert('model (name) values ($1)', tenant.model)
  for (const { key, department } of tenant.people) {
    await insert(
      `resource (tenant_id, model_id, key, node_path, name, cols, hash)
        values (1, 1, $1, '1.2.', $1, array[$1], '\\x00')`,
      key,
    )
    await insert(
      `resource_data select 1, max(id), '1.2.', $1::jsonb from resource`,
      JSON.stringify({ id: key, department }),
    )
  }
  await insert(
    `run (tenant_id, node_path, state, full_list, actor, epoch, started_at)
      values (1, '1.2.', 'running', true, $1, 1, now())`,
    author,
  )
  await insert(`run_model (run_id, seq, model_id, node_path) values (1, 1, 1, '1.2.')`)
  await fillTransactions(insert, tenant)
}

/**
 * Number 1 has done its first step, was about to do the second and has not begun the third; number
 * 2 was going back; number 3 waits.
 */
async function fillTransactions(insert: Insert, tenant: OldTenant): Promise<void> {
  const [done, doing, waiting, back, queued] = tenant.people.map(({ key, department }) => {
    const set = { department: departments.wanted }
    return { key, now: { department }, input: { model: tenant.model, key, set, expect: null } }
  })
  if (queued === undefined || done === undefined || back === undefined) {
    throw new Error('an old database takes five people')
  }
  // What these two set is what Microsoft has by now.
  Object.assign(done.input, { set: done.now })
  Object.assign(back.input, { set: back.now })
  const was = { department: departments.was }
  const steps = [
    [1, 1, done.input, 'done', was, done.now],
    [1, 2, doing?.input, 'doing', doing?.now, null],
    [1, 3, waiting?.input, 'waiting', null, null],
    [2, 1, back.input, 'done', was, back.now],
    [3, 1, queued.input, 'waiting', null, null],
  ]
  for (const state of ['running', 'undoing', 'queued']) {
    await insert(
      `transaction (tenant_id, node_path, kind, title, state, actor, actor_id, request_hash, epoch)
        values (1, '1.2.', 'test', 'test', $1, $2, 'p1', '\\x00', 1)`,
      ...[state, author],
    )
  }
  for (const step of steps) {
    await insert(
      `transaction_step (transaction_id, seq, node_path, kind, title, input, state, before, after)
        values ($1, $2, '1.2.', 'update', 'test', $3, $4, $5, $6)`,
      ...step,
    )
  }
  for (const subject of ['transaction:1', 'transaction:2', 'transaction:3']) {
    await insert(
      `audit (node_path, actor, action, tenant_id, subject, detail)
        values ('1.2.', $1, 'transaction.start', 1, $2, '{}')`,
      ...[author, subject],
    )
    await insert(
      `event (node_path, tenant_id, subject, kind, data)
        values ('1.2.', 1, $1, 'transaction.queued', '{}')`,
      subject,
    )
  }
}

export interface OldDatabase {
  /** Of the superuser. */
  url: Sealed
  admin: pg.Client
  drop(): Promise<void>
}

/** A new database on the server of another one; `template` is copied. */
export async function addDatabase(server: Sealed, template = 'template1'): Promise<OldDatabase> {
  const name = `patchbay_test_${process.pid}_${randomUUID().slice(0, 8)}`
  const onServer = async (statement: string) => {
    const client = await connect(server)
    await client.query(statement).finally(() => client.end())
  }
  await onServer(`create database ${name} template ${template}`)
  const address = new URL(server.reveal())
  address.pathname = `/${name}`
  const url = new Sealed(address.href)
  const admin = await connect(url)
  const drop = async () => {
    await admin.end().catch(() => {})
    await onServer(`drop database ${name} with (force)`)
  }
  return { url, admin, drop }
}

async function connect(url: Sealed): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url.reveal() })
  await client.connect()
  return client
}

/** A database of the very first version, in the midst of work. */
export async function openOldDatabase(server: Sealed, tenant: OldTenant): Promise<OldDatabase> {
  const database = await addDatabase(server)
  const [first = ''] = await migrationNames()
  await prepareDatabase(database.url, [first])
  await fill(database.admin, tenant)
  return database
}
