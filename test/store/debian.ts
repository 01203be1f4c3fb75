import { execFile } from 'node:child_process'
import { randomInt, randomUUID } from 'node:crypto'
import { chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Sealed } from '../../src/core/secret.ts'
import { makeDataDir, serverAccount } from '../../src/store/embeddedFiles.ts'

const bin = '/usr/lib/postgresql/15/bin'
const run = promisify(execFile)

/**
 * Debian's PostgreSQL 15, the oldest version we support, in a directory of its own; the address of
 * its superuser. Started once and then found running, by however many tests come at the same time.
 */
export async function startDebian(
  dir: string,
  other: Readonly<Record<string, string>> = {},
): Promise<Sealed> {
  const account = await serverAccount()
  const cluster = join(dir, 'cluster')
  await makeDataDir(dir, account)
  if (!(await readFile(join(cluster, 'PG_VERSION')).catch(() => undefined))) {
    const beside = join(dir, randomUUID())
    await mkdir(beside, { mode: 0o700 })
    await writeFile(`${beside}.password`, 'test-only')
    if (account) await chown(beside, account.uid, account.gid)
    const options = [
      '--auth=scram-sha-256',
      '-U',
      'postgres',
      '--encoding=UTF8',
      '--locale=C.UTF-8',
    ]
    await run(join(bin, 'initdb'), ['-D', beside, '--pwfile', `${beside}.password`, ...options], {
      ...account,
      cwd: '/',
    })
    await rename(beside, cluster).catch(() => rm(beside, { recursive: true }))
  }
  const given = { listen_addresses: '127.0.0.1', max_connections: '200', ...other }
  const settings = Object.entries({ unix_socket_directories: '', ...given })
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ')
  for (let attempt = 0; attempt < 200; attempt++) {
    const lines = (await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')).split(
      '\n',
    )
    if (lines[7]?.trim() === 'ready' && isAlive(Number(lines[0]))) {
      return new Sealed(`postgres://postgres:test-only@127.0.0.1:${lines[3]}/postgres`)
    }
    const port = randomInt(20_000, 30_000)
    const start = [
      'start',
      '-D',
      cluster,
      '-l',
      join(cluster, 'log'),
      '-w',
      '-o',
      `-p ${port} ${settings}`,
    ]
    await run(join(bin, 'pg_ctl'), start, { ...account, cwd: '/' }).catch(() => wait(50))
  }
  throw new Error(`PostgreSQL 15 did not start in ${dir}`)
}

/** Ends it as `embedded.ts` does: at once, and whoever is connected is told. */
export async function stopDebian(dir: string): Promise<void> {
  const pidFile = join(dir, 'cluster', 'postmaster.pid')
  const [pid] = (await readFile(pidFile, 'utf8').catch(() => '')).split('\n')
  if (!pid || !isAlive(Number(pid))) return
  process.kill(Number(pid), 'SIGINT')
  for (let look = 0; isAlive(Number(pid)); look++) {
    if (look === 200) throw new Error(`PostgreSQL 15 in ${dir} does not end.`)
    await wait(50)
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
