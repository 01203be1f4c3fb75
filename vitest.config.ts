import { existsSync } from 'node:fs'
import { defineConfig } from 'vitest/config'
import { closingLine } from './test/closingLine.ts'
import { temporaryFolder } from './test/temporary.ts'

process.env.TMPDIR ??= temporaryFolder()

/**
 * PATCHBAY_TEST_POSTGRES says which PostgreSQL the tests run on: `embedded` (when unset), `debian`
 * (version 15 where Debian installs it, the oldest we support), the URL of a superuser, or `both`:
 * everything on the embedded one and what speaks to the database once more on Debian's.
 */
const asked = process.env.PATCHBAY_TEST_POSTGRES ?? 'embedded'
const both = asked === 'both'
const debianIsThere = existsSync('/usr/lib/postgresql/15/bin/postgres')

const everything = ['src/**/*.test.ts', 'test/**/*.test.ts']
/**
 * These leave no trace in the modules they import, and so share them with the file before: bringing
 * them anew was half of what they took. Not those that change limits or the environment.
 */
const sharing = [
  ...['src/**/*.test.ts', 'test/{cli,conformance,emulator,engine,rules}/**/*.test.ts'],
  'test/connectors/!(egress|proxy|squid|tls).test.ts',
  'test/features/!(notifications|signInGuessing).test.ts',
  'test/store/!(auditMillion|jobsOutage).test.ts',
]
/**
 * What bounds how long something takes: with two files beside them that keep the machine busy now
 * and then one fails though nothing is wrong. They come when the others are through.
 */
const timed = [
  ...['test/chaos/{brokenAnswers,diskFull}.test.ts', 'test/features/notifications.test.ts'],
  'test/contract/actors.test.ts',
  // Waits nearly all of its time, and so goes beside them.
  'test/journeys/frozen.test.ts',
]
const database = ['src/store/**/*.test.ts', 'test/store/**/*.test.ts', 'test/engine/**/*.test.ts']
/** Of those, what would be told nothing new by another PostgreSQL. */
const onceOnly = [
  // They start the embedded one themselves.
  ...['test/store/embedded.test.ts', 'test/store/jobsOutage.test.ts'],
  // It restores on PostgreSQL 15 already.
  'test/store/backup.test.ts',
  // The same statements as in smaller tests, many times: of memory, and of what Microsoft sees.
  ...['test/store/auditMillion.test.ts', 'test/engine/transaction{Lag,Twice,Unwind}.test.ts'],
  // Of our processes, and what becomes of their jobs when they die: jobs.test.ts is of the SQL.
  'test/store/jobsProcesses.test.ts',
]

function project(name: string, postgres: string, include: string[], exclude: string[] = []) {
  const env = { PATCHBAY_TEST_POSTGRES: postgres }
  const times = { testTimeout: 30_000, hookTimeout: 60_000 }
  const isolate = include !== sharing && include !== database
  const sequence = { groupOrder: include === timed ? 1 : 0 }
  const pool = 'forks' as const
  return { test: { name, include, exclude, env, isolate, pool, sequence, ...times } }
}

const asMain = both ? 'embedded' : asked
const main = [
  project('shared', asMain, sharing),
  project('alone', asMain, everything, [...sharing, ...timed]),
  project('timed', asMain, timed),
]
const oldest = project('PostgreSQL 15', 'debian', database, onceOnly)

const notes =
  both && !debianIsThere
    ? ['PostgreSQL 15 is not installed here: the database tests ran on the embedded one only.']
    : []

if (!existsSync('/usr/sbin/squid')) {
  notes.push('squid is not installed here: no test went through a real proxy.')
}

export default defineConfig({
  test: {
    projects: both && debianIsThere ? [...main, oldest] : main,
    // Many files wait for something half of the time, so that three keep two cores busy.
    maxWorkers: 3,
    // A golden file changes only when asked to (`vitest run -u`), never by running the tests.
    update: 'none',
    reporters: ['default', closingLine(notes)],
  },
})
