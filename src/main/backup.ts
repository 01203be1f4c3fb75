import { createReadStream, createWriteStream } from 'node:fs'
import { rename } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { AppError } from '../core/errors.ts'
import { rootPath } from '../features/hierarchy/root.ts'
import { type BackupSummary, writeBackup } from '../store/backup.ts'
import { restoreBackup } from '../store/backupRestore.ts'
import { recordOperator } from '../store/operator.ts'
import { inScope } from '../store/scope.ts'
import { systemClock } from './clock.ts'
import { withLocalDatabase, withLocalServer } from './localDatabase.ts'
import { readSettings } from './settings.ts'

export const backupHelp = `Usage: patchbay backup <file> [--data <path>]

Writes every row of one moment while Patchbay runs; - is standard output. Secrets are in it sealed:
they open only with the master key, which is not in it. Back that up too, and elsewhere.
`

export const restoreHelp = `Usage: patchbay restore <file> [--data <path>]

Fills an empty database from what backup wrote; - is standard input. All of it, or nothing. Work that
was under way is not taken up again. Put the master key back before you start Patchbay.
`

async function readArguments(args: readonly string[], help: string) {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { data: { type: 'string' } },
    allowPositionals: true,
  })
  const [path, ...more] = positionals
  if (path === undefined || more.length > 0) throw new AppError('bad-input', help)
  return { path, settings: await readSettings(process.env, values) }
}

/** Answers the exit code. */
export async function backup(args: readonly string[]): Promise<number> {
  const { path, settings } = await readArguments(args, backupHelp)
  return await withLocalServer(settings, async (url) => {
    await withLocalDatabase(url, 'patchbay backup', (db) =>
      inScope(db, rootPath, (tx) =>
        recordOperator(tx, rootPath, { action: 'backup.create', subject: 'backup', detail: {} }),
      ),
    )
    const now = new Date(systemClock.now())
    if (path === '-') {
      tell(await writeBackup(url, process.stdout, now))
      return 0
    }
    // Under its name there is never half a backup, and an older one only goes when this is whole.
    const beside = `${path}.partial`
    const file = createWriteStream(beside, { mode: 0o600, flush: true })
    const summary = await writeBackup(url, file, now)
    await new Promise<void>((resolve, reject) => {
      file.on('error', reject)
      file.end(resolve)
    })
    await rename(beside, path)
    tell(summary)
    return 0
  })
}

/** Answers the exit code. */
export async function restore(args: readonly string[]): Promise<number> {
  const { path, settings } = await readArguments(args, restoreHelp)
  const source = path === '-' ? process.stdin : createReadStream(path)
  return await withLocalServer(settings, async (url) => {
    const { ended, createdAt, ...summary } = await restoreBackup(url, source)
    const detail = { createdAt, rows: summary.rows, ...ended }
    await withLocalDatabase(url, 'patchbay restore', (db) =>
      inScope(db, rootPath, (tx) =>
        recordOperator(tx, rootPath, { action: 'backup.restore', subject: 'backup', detail }),
      ),
    )
    tell(summary)
    const { syncs, transactions } = ended
    process.stderr.write(
      `it is of ${createdAt}; ended because they were under way: ${syncs} syncs, ${transactions} transactions\n`,
    )
    return 0
  })
}

function tell({ tables, rows, masterKeys }: BackupSummary): void {
  process.stderr.write(
    `${rows} rows of ${tables} tables; its secrets open with master key ${masterKeys.join(', ')}\n`,
  )
}
