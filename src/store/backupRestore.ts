import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { AppError } from '../core/errors.ts'
import type { JsonObject } from '../core/json.ts'
import type { Sealed } from '../core/secret.ts'
import type { BackupSummary } from './backup.ts'
import {
  type BackupReader,
  backupFormat,
  backupVersion,
  broken,
  createBackupReader,
} from './backupFormat.ts'
import { asOwner, quoted, type TableShape, tablesOf } from './backupTables.ts'
import { prepareDatabase } from './prepare.ts'

export interface RestoreSummary extends BackupSummary {
  createdAt: string
  /** Work that was under way at that moment and now counts as ended, by what it is. */
  ended: { syncs: number; transactions: number }
}

/**
 * Fills an empty database from a backup: all of it or, when anything is amiss, nothing. A backup of
 * an older version is restored to the tables it knew, which are then brought up to date. Errors:
 * `bad-input` for what is no whole backup, `conflict` where the database is not empty.
 */
export async function restoreBackup(
  ownerUrl: Sealed,
  source: AsyncIterable<Buffer>,
): Promise<RestoreSummary> {
  const reader = createBackupReader(source)
  const about = readHead(await reader.line())
  await prepareDatabase(ownerUrl, about.migrations)
  const restored = await asOwner(ownerUrl, '', async (client) => {
    await requireEmpty(client, about.migrations)
    const known = await tablesOf(client)
    const lifted = await openTables(client, known)
    let rows = 0
    for (const table of about.tables) rows += await restoreTable(client, reader, known, table)
    reader.requireComplete(await reader.line())
    await drawBehind(client)
    const ended = await endWork(client)
    await closeTables(client, known, lifted)
    return { rows, ended }
  })
  await prepareDatabase(ownerUrl)
  const { createdAt, masterKeys, tables } = about
  return { ...restored, createdAt, masterKeys, tables: tables.length }
}

interface Head {
  createdAt: string
  migrations: string[]
  masterKeys: string[]
  tables: string[]
}

function readHead(head: JsonObject): Head {
  const { format, version, createdAt, migrations, masterKeys, tables } = head
  if (format !== backupFormat) throw broken('is no backup of Patchbay')
  if (version !== backupVersion) {
    throw broken(`is of format ${version}, which only a newer Patchbay reads`)
  }
  return {
    createdAt: String(createdAt),
    ...{ migrations: texts(migrations), masterKeys: texts(masterKeys), tables: texts(tables) },
  }
}

function texts(value: JsonObject[string] | undefined): string[] {
  if (Array.isArray(value)) return value.map(String)
  throw broken('is no backup of Patchbay')
}

/** Nobody but us may have been here: one row, and keys, ids and chains would get mixed up. */
async function requireEmpty(client: pg.Client, migrations: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ name: string }>('select name from patchbay.migration')
  const applied = rows.map(({ name }) => name)
  const same =
    applied.length === migrations.length && applied.every((name) => migrations.includes(name))
  const filled = await client.query('select from patchbay.node limit 1')
  if (same && filled.rowCount === 0) return
  throw new AppError(
    'conflict',
    'The database is not empty. Nothing was restored; give an empty one, or drop the schemas patchbay and dbos of this one first.',
  )
}

/** What was lifted for the time of a restore. */
interface Lifted {
  forced: { table: string }[]
  references: { table: string; name: string; definition: string }[]
}

/**
 * PostgreSQL copies into no table with row-level security, tables refer to each other in circles,
 * and sealed entries are not to be sealed again: all that is off until the end of this transaction,
 * which nobody else sees before that. Putting the references back checks them.
 */
async function openTables(client: pg.Client, tables: readonly TableShape[]): Promise<Lifted> {
  const forced = await client.query<Lifted['forced'][number]>(
    `select relname as table from pg_class
      where relnamespace = 'patchbay'::regnamespace and relforcerowsecurity`,
  )
  const references = await client.query<Lifted['references'][number]>(
    `select c.relname as table, quote_ident(k.conname) as name,
            pg_get_constraintdef(k.oid) as definition
       from pg_constraint k join pg_class c on c.oid = k.conrelid
      where k.contype = 'f' and k.connamespace = 'patchbay'::regnamespace and k.conparentid = 0`,
  )
  for (const { table, name } of references.rows)
    await alter(client, table, `drop constraint ${name}`)
  for (const { table } of tables) {
    await alter(client, table, 'no force row level security')
    await alter(client, table, 'disable trigger user')
  }
  // What migrations put there themselves, a few rows, is in the backup as it had become. Truncating
  // makes every table and index anew, which took half of the time of a small restore.
  for (const shape of tables) await client.query(`delete from ${quoted(shape).name}`)
  return { forced: forced.rows, references: references.rows }
}

async function closeTables(
  client: pg.Client,
  tables: readonly TableShape[],
  { forced, references }: Lifted,
): Promise<void> {
  for (const { table, name, definition } of references) {
    await alter(client, table, `add constraint ${name} ${definition}`)
  }
  for (const { table } of tables) await alter(client, table, 'enable trigger user')
  for (const { table } of forced) await alter(client, table, 'force row level security')
}

async function alter(client: pg.Client, table: string, how: string): Promise<void> {
  await client.query(`alter table ${quoted({ table, columns: [] }).name} ${how}`)
}

async function restoreTable(
  client: pg.Client,
  reader: BackupReader,
  known: readonly TableShape[],
  expected: string,
): Promise<number> {
  const { table, columns } = await reader.line()
  const shape = known.find((each) => each.table === table)
  const names = texts(columns)
  const fits = shape !== undefined && names.every((name) => shape.columns.includes(name))
  if (table !== expected || !fits) throw broken('is not as it was written')
  const { name, list } = quoted({ table: shape.table, columns: names })
  const into = client.query(copyFrom(`copy ${name} (${list}) from stdin`))
  let rows = 0
  await pipeline(
    Readable.from(
      counting(reader.pieces(), (count) => (rows = count)),
      { objectMode: false },
    ),
    into,
  )
  if (into.rowCount !== rows) throw broken('is not as it was written')
  return rows
}

/** Hands the pieces on, and the number that stands behind them to `count`. */
async function* counting(
  pieces: AsyncGenerator<Buffer, { rows: number }>,
  count: (rows: number) => void,
): AsyncGenerator<Buffer> {
  const { rows } = yield* pieces
  count(rows)
}

/** What is made from now on gets numbers behind those that were restored. */
async function drawBehind(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ table: string; column: string; sequence: string }>(
    `select c.relname as table, a.attname as column,
            pg_get_serial_sequence(quote_ident('patchbay') || '.' || quote_ident(c.relname), a.attname) as sequence
       from pg_attribute a join pg_class c on c.oid = a.attrelid
      where c.relnamespace = 'patchbay'::regnamespace and c.relkind in ('r', 'p')
        and a.attidentity <> '' and not a.attisdropped`,
  )
  for (const { table, column, sequence } of rows) {
    const { name, list } = quoted({ table, columns: [column] })
    await client.query(
      `select setval($1, greatest((select max(${list}) from ${name}), 1),
                     exists (select from ${name}))`,
      [sequence],
    )
  }
}

/**
 * What was under way is not taken up again: since that moment Microsoft's side has gone on, and a
 * change that was done then and taken back by people since would be made a second time.
 */
async function endWork(client: pg.Client): Promise<RestoreSummary['ended']> {
  const error = JSON.stringify({
    code: 'cancelled',
    message:
      'It was under way when the backup was made that was restored here. Look at what is there, then begin anew.',
  })
  const runs = await client.query(
    `update patchbay.run set state = 'failed', ended_at = greatest(requested_at, started_at, now()),
        error = $1
      where state in ('queued', 'running')`,
    [error],
  )
  await client.query(
    `update patchbay.transaction_step set state = case when state = 'waiting' then 'skipped' else 'stuck' end
      where state in ('waiting', 'doing', 'undoing') and transaction_id in
        (select id from patchbay.transaction where state in ('queued', 'running', 'undoing'))`,
  )
  const transactions = await client.query(
    `update patchbay.transaction t set ended_at = greatest(requested_at, started_at, now()), error = $1,
        state = case when exists (select from patchbay.transaction_step s
          where s.transaction_id = t.id and s.state in ('done', 'stuck')) then 'stuck' else 'cancelled' end
      where state in ('queued', 'running', 'undoing')`,
    [error],
  )
  return { syncs: runs.rowCount ?? 0, transactions: transactions.rowCount ?? 0 }
}
