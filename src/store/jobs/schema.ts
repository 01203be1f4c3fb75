import { allMigrations } from '@dbos-inc/dbos-sdk/internal/sysdb_migrations/internal/migrations'
import {
  getCurrentSysDBVersion,
  runSysMigrationsPg,
} from '@dbos-inc/dbos-sdk/internal/sysdb_migrations/migration_runner'
import type pg from 'pg'

/** Any number, the same in every process, and another than that of our own migrations. */
const engineLock = 7_094_124
const lockAttemptsMax = 600

/** What a worker writes; of everything else in the engine's schema the application has nothing. */
const workedTables = [
  ...['workflow_status', 'workflow_input', 'workflow_output', 'operation_outputs'],
  ...['queues', 'application_versions'],
]

/**
 * Brings the tables of the job engine (schema `dbos`) up to date. The public way, DBOS.migrate,
 * prints, and would make the tables those of whoever starts us; these are the functions it uses.
 * They run statements outside transactions (CREATE INDEX CONCURRENTLY), which wait for every other
 * statement in the database, even one that waits for our lock: so waiting is asking again.
 */
export async function prepareJobs(client: pg.Client): Promise<void> {
  // The listen/notify triggers of the engine serve messages between workflows; we send none.
  const migrations = allMigrations('dbos', { useListenNotify: false })
  if ((await getCurrentSysDBVersion(client)) >= migrations.length) return
  await takeLock(client)
  try {
    await client.query('set role patchbay_owner')
    await runSysMigrationsPg(client, migrations, 'dbos', { onWarn: () => {} })
    await client.query(`grant usage on schema dbos to patchbay_app`)
    await client.query(
      `grant select on dbos.dbos_migrations, dbos.workflow_schedules to patchbay_app`,
    )
    const tables = workedTables.map((table) => `dbos.${table}`).join(', ')
    await client.query(`grant select, insert, update, delete on ${tables} to patchbay_app`)
  } finally {
    await client.query('reset role')
    await client.query('select pg_advisory_unlock($1)', [engineLock])
  }
}

async function takeLock(client: pg.Client): Promise<void> {
  for (let attempt = 0; attempt < lockAttemptsMax; attempt++) {
    const { rows } = await client.query<{ taken: boolean }>(
      'select pg_try_advisory_lock($1) as taken',
      [engineLock],
    )
    if (rows[0]?.taken === true) return
    await client.query('select pg_sleep(0.1)')
  }
  throw new Error('The tables of the job engine are being brought up to date by another process.')
}
