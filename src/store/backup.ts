import type { Writable } from 'node:stream'
import type pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import type { Sealed } from '../core/secret.ts'
import { backupFormat, backupVersion, createBackupWriter } from './backupFormat.ts'
import { asOwner, quoted, type TableShape, tablesOf } from './backupTables.ts'

export interface BackupSummary {
  tables: number
  rows: number
  /** Ids of the master keys without which the secrets in it stay closed. */
  masterKeys: string[]
}

/**
 * Writes every row of one moment to `out` while others go on writing. Secrets are in it as they are
 * in the database: sealed. Memory does not grow with the database.
 */
export async function writeBackup(
  ownerUrl: Sealed,
  out: Writable,
  createdAt: Date,
): Promise<BackupSummary> {
  const mode = 'isolation level repeatable read read only'
  return await asOwner(ownerUrl, mode, async (client) => {
    const writer = createBackupWriter(out)
    const tables = await tablesOf(client)
    const migrations = await column(client, 'select name from patchbay.migration order by name')
    const masterKeys = await column(
      client,
      'select id as name from patchbay.master_key order by id',
    )
    await writer.line({
      ...{ format: backupFormat, version: backupVersion, createdAt: createdAt.toISOString() },
      ...{ migrations, masterKeys, tables: tables.map(({ table }) => table) },
    })
    let rows = 0
    for (const shape of tables) {
      const stream = client.query(copyTo(copyStatement(shape)))
      await writer.table(shape, stream, () => stream.rowCount)
      rows += stream.rowCount
    }
    await writer.complete()
    return { tables: tables.length, rows, masterKeys }
  })
}

/** From a query: PostgreSQL does not copy out of a table with partitions by its name. */
function copyStatement(shape: TableShape): string {
  const { name, list } = quoted(shape)
  return `copy (select ${list} from ${name}) to stdout`
}

async function column(client: pg.Client, query: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(query)
  return rows.map(({ name }) => name)
}
