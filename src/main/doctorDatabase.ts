import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import { Sealed } from '../core/secret.ts'
import { findBinaries, makeDataDir, serverAccount } from '../store/embeddedFiles.ts'
import { inspectDatabase } from '../store/inspect.ts'
import { nearestThere, readIfThere } from './dataDir.ts'
import { type Finding, failed, messageOf, passed, skipped, warning } from './findings.ts'
import type { Settings } from './settings.ts'

const check = 'database'

/** That of DATABASE_URL, or our own, which is looked at but never started from here. */
export async function checkDatabase(
  { dataDir, databaseUrl }: Settings,
  clock: Clock,
): Promise<Finding[]> {
  if (databaseUrl === undefined) return await checkEmbedded(join(dataDir, 'postgres'), clock)
  try {
    return await inspect(databaseUrl, clock, 'PostgreSQL')
  } catch (error) {
    // The address holds a password: what is said of it is what the driver says, and no more.
    const remedy = 'Check DATABASE_URL, that the server runs, and that it lets this machine in.'
    return [failed(check, `cannot be reached (${messageOf(error)})`, remedy)]
  }
}

async function inspect(url: Sealed, clock: Clock, whose: string): Promise<Finding[]> {
  const found = await inspectDatabase(url, () => clock.now())
  const { version, newEnough, mayCreateRoles, mayCreateInDatabase, pending, clockAheadMs } = found
  const name = `${whose} ${version}`
  const atClock = checkClock(clockAheadMs)
  if (!newEnough) return [failed(check, name, 'Patchbay needs PostgreSQL 15 or newer.'), atClock]
  if (!mayCreateRoles || !mayCreateInDatabase) {
    const remedy = 'Give it CREATEROLE, and make it the owner of the database.'
    return [failed(check, `${name}: the user of DATABASE_URL may not prepare it`, remedy), atClock]
  }
  return [passed(check, `${name}, ${schemaText(pending)}`), atClock]
}

function schemaText(pending: number | undefined): string {
  if (pending === undefined) return 'empty: the first start fills it'
  return pending === 0 ? 'schema current' : `the next start runs ${pending} migrations`
}

function checkClock(aheadMs: number): Finding {
  const seconds = Math.abs(aheadMs) / 1_000
  const text = `${seconds.toFixed(1)} s ${aheadMs > 0 ? 'behind' : 'ahead of'} the database`
  if (seconds < limits.clockOffMs / 1_000) return passed('clock', text)
  const remedy = 'Let both follow a time server: tokens and schedules go by the clock.'
  return warning('clock', text, remedy)
}

/** What a start needs; where the server runs, what it answers as well. */
async function checkEmbedded(folder: string, clock: Clock): Promise<Finding[]> {
  const instance = join(folder, 'instance')
  const cluster = join(instance, 'cluster')
  const atRest = skipped('clock', 'the database, once that runs, would be compared with')
  const bad = (what: string, remedy: string) => [failed(check, what, remedy), atRest]
  let brought: string
  try {
    brought = (await findBinaries()).version.split('.').slice(0, 2).join('.')
    // Of a folder that is there it makes nothing, and asks whether PostgreSQL may enter it.
    await makeDataDir(await nearestThere(folder), await serverAccount())
  } catch (error) {
    return bad(messageOf(error), 'Or set DATABASE_URL to a PostgreSQL of version 15 or newer.')
  }
  const ours = `our own PostgreSQL ${brought}`
  if ((await nearestThere(instance)) !== instance) {
    return [passed(check, `${ours}: the first start makes it in ${folder}`), atRest]
  }
  try {
    const made = (await readFile(join(cluster, 'PG_VERSION'), 'utf8')).trim()
    if (made !== brought.split('.')[0]) {
      const what = `PostgreSQL ${made} wrote ${cluster}, but this installation brings ${brought}`
      return bad(what, 'Keep the former installation, or back up with that and restore here.')
    }
    const url = await addressOf(instance)
    if (url !== undefined) return await inspect(url, clock, 'our own PostgreSQL')
  } catch (error) {
    const message = messageOf(error)
    // What a server that was killed leaves behind still names its port.
    if (!message.includes('ECONNREFUSED')) {
      const log = join(folder, 'server.log')
      const remedy = `Run as the user that Patchbay runs as. What the server says stands in ${log}.`
      return bad(`${cluster} cannot be used (${message})`, remedy)
    }
  }
  return [passed(check, `${ours}, which runs while Patchbay does: not now`), atRest]
}

/** Where it runs; undefined where it was stopped. */
async function addressOf(instance: string): Promise<Sealed | undefined> {
  const text = await readIfThere(join(instance, 'cluster', 'postmaster.pid'))
  const port = Number(text?.split('\n')[3])
  if (!(port > 0)) return undefined
  const password = await readFile(join(instance, 'password'), 'utf8')
  return new Sealed(`postgres://postgres:${password}@127.0.0.1:${port}/patchbay`)
}
