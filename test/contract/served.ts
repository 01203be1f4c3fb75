import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type pg from 'pg'
import { startServerProcess, stopProcess } from '../../src/main/children.ts'
import { readSettings } from '../../src/main/settings.ts'
import { startPatchbay } from '../../src/main/start.ts'
import type { TestPatchbay } from '../server/patchbay.ts'
import { quietLog, systemClock } from '../store/testing.ts'

export interface Served {
  url: string
  child: ChildProcess
  /** Lines of its log that tell of an error nobody foresaw. */
  errors: string[]
  close(): Promise<void>
}

/** The API as a process of its own, as an administrator starts it: its memory is its own. */
export async function serve({ dataDir, databaseUrl }: TestPatchbay): Promise<Served> {
  const env = { ...process.env, DATABASE_URL: databaseUrl.reveal() }
  const { child, url = '' } = await startServerProcess(dataDir, ['--role', 'api'], env)
  const errors: string[] = []
  if (child.stderr === null) throw new Error('it has no log')
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (!line.startsWith('{') || JSON.parse(line).level >= 50) errors.push(line)
  })
  return { url, child, errors, close: () => stopProcess(child) }
}

/** Does the work while a worker carries out what it asks for. */
export async function withWorker<T>(patchbay: TestPatchbay, work: () => Promise<T>): Promise<T> {
  const env = { DATABASE_URL: patchbay.databaseUrl.reveal() }
  const settings = await readSettings(env, { data: patchbay.dataDir, role: 'worker' })
  const worker = await startPatchbay(settings, systemClock, quietLog)
  try {
    return await work()
  } finally {
    await worker.close()
  }
}

/**
 * What the database holds, in a few numbers: rows per table and the sum of the transactions that
 * wrote them. A row added, changed or removed makes another text; a new table is included.
 */
export async function makeFingerprint(database: pg.Client): Promise<() => Promise<string>> {
  const { rows } = await database.query<{ name: string; used: boolean }>(
    `select format('%I.%I', relnamespace::regnamespace, relname) as name,
            -- That they are used is written down: only which there are counts.
            relname in ('access_token', 'session') as used
       from pg_class
      where (relnamespace = 'patchbay'::regnamespace or relname = 'workflow_status')
        and relkind in ('r', 'p') and not relispartition
        -- Refusals are put on record, and counted: that alone changes nothing.
        and relname not in ('audit', 'audit_seal', 'sign_in_failure') order by 1`,
  )
  const each = rows.map(({ name, used }) => {
    const written = used ? '0' : 'coalesce(sum(xmin::text::bigint), 0)'
    return `select count(*) as n, ${written} as x from ${name}`
  })
  const query = `select string_agg(n || ':' || x, ' ') as print from (${each.join(' union all ')})`
  return async () => (await database.query<{ print: string }>(`${query} t`)).rows[0]?.print ?? ''
}
