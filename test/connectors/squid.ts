import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { freePort } from '../freePort.ts'

const program = '/usr/sbin/squid'
const helper = '/usr/lib/squid/basic_ncsa_auth'
const run = promisify(execFile)

/** Why the tests through a real proxy did not run; undefined where they can. */
export const withoutSquid = existsSync(program)
  ? undefined
  : 'squid is not installed here (Debian: apt install squid)'

export interface Squid {
  port: number
  /** The lines of its access log, once there are `count` of them. */
  log(count: number): Promise<string[]>
  close(): Promise<void>
}

/**
 * Debian's squid on a free port of this machine, in a directory of its own. It knows the hosts of
 * `hosts` at 127.0.0.1, lets CONNECT through to them alone, and asks for a password where one is
 * given.
 */
export async function startSquid(
  hosts: readonly string[],
  account?: { user: string; password: string },
): Promise<Squid> {
  const dir = await mkdtemp(join(tmpdir(), 'patchbay-squid-'))
  // Started by root it goes on as another account, which writes its logs here.
  await chmod(dir, 0o777)
  const port = await freePort()
  const file = (name: string) => join(dir, name)
  await writeFile(file('hosts'), `127.0.0.1 ${hosts.join(' ')}\n`)
  if (account !== undefined) {
    const { stdout } = await run('openssl', ['passwd', '-apr1', account.password])
    await writeFile(file('passwords'), `${account.user}:${stdout.trim()}\n`)
  }
  const settings = [
    `http_port 127.0.0.1:${port}`,
    'visible_hostname proxy.test',
    `hosts_file ${file('hosts')}`,
    `access_log stdio:${file('access.log')}`,
    `cache_log ${file('cache.log')}`,
    'pid_filename none',
    'cache deny all',
    `coredump_dir ${dir}`,
    'shutdown_lifetime 0 seconds',
    ...(account === undefined
      ? ['acl signedIn src all']
      : [
          `auth_param basic program ${helper} ${file('passwords')}`,
          'auth_param basic realm patchbay',
          'acl signedIn proxy_auth REQUIRED',
        ]),
    `acl known dstdomain ${hosts.join(' ')}`,
    'http_access deny !signedIn',
    'http_access allow CONNECT known',
    'http_access deny all',
  ]
  await writeFile(file('squid.conf'), `acl CONNECT method CONNECT\n${settings.join('\n')}\n`)
  const child = spawn(program, ['-N', '-n', `patchbay${port}`, '-f', file('squid.conf')], {
    stdio: 'ignore',
  })
  const ended = new Promise((resolve) => child.on('exit', resolve))
  await untilListening(port, () => child.exitCode === null, file('cache.log'))
  return {
    port,
    log: (count) => linesOf(file('access.log'), count),
    close: async () => {
      child.kill('SIGTERM')
      await Promise.race([ended, wait(5_000).then(() => child.kill('SIGKILL'))])
      await rm(dir, { recursive: true, force: true })
    },
  }
}

async function untilListening(port: number, lives: () => boolean, log: string): Promise<void> {
  for (let attempt = 0; attempt < 300 && lives(); attempt++) {
    const text = await readFile(log, 'utf8').catch(() => '')
    if (text.includes(`Accepting HTTP Socket connections at`)) return
    await wait(50)
  }
  throw new Error(`squid did not start on port ${port}: ${await readFile(log, 'utf8')}`)
}

async function linesOf(path: string, count: number): Promise<string[]> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const text = await readFile(path, 'utf8').catch(() => '')
    const lines = text.split('\n').filter((line) => line !== '')
    if (lines.length >= count) return lines
    await wait(50)
  }
  throw new Error(`squid has not written ${count} lines`)
}
