import type { ChildProcess } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { AppError } from '../core/errors.ts'
import { startEmulatorProcess, startServerProcess, stopProcess, writeSettings } from './children.ts'
import { defaultDataDir, makeDataDir, readIfThere } from './dataDir.ts'
import { type DemoWorld, tour } from './demoTour.ts'
import { stopSignal } from './signals.ts'

export const demoHelp = `Usage: patchbay demo [options]

Starts an emulated Microsoft 365 and Patchbay beside it, then walks through the main line with the
commands anybody would type: attach a tenant, test it, sync it, change a person, undo the change.
Leaves both running until Ctrl-C. What an earlier demo stored is removed first.

  --users <count>  people in the emulated tenant (2000)
  --once           stops when the walk is done
  --data <path>    the data directory (PATCHBAY_DATA; /var/lib/patchbay as root, else ./.data)
  --json           prints the summary as JSON, and the walk to standard error
`

export async function demo(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      users: { type: 'string', default: '2000' },
      once: { type: 'boolean', default: false },
      data: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const began = performance.now()
  const dataDir = join(values.data ?? defaultDataDir(process.env), 'demo')
  const pidFile = join(dataDir, 'demo.pid')
  await refuseSecond(pidFile)
  await rm(dataDir, { recursive: true, force: true })
  await makeDataDir(dataDir)
  await writeFile(pidFile, String(process.pid))
  const children: ChildProcess[] = []
  const stopping = new AbortController()
  const stopped = stopSignal().then(() => stopping.abort())
  const walked = values.json ? process.stderr : process.stdout
  const walk = startWorld(dataDir, values.users, children, stopping.signal).then((world) =>
    tour({ ...world, walked }, (performance.now() - began) / 1_000, !values.once),
  )
  try {
    const summary = await Promise.race([walk, stopped.then(() => stopping.signal.throwIfAborted())])
    if (values.json) process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`)
    if (!values.once) {
      walked.write('\nEverything keeps running. Ctrl-C stops it.\n')
      await stopped
    }
    return 0
  } catch (error) {
    if (!stopping.signal.aborted) throw error
    throw new AppError('cancelled', 'The demo was stopped before it had shown everything.')
  } finally {
    await Promise.all(children.map(stopProcess))
    // One that was just starting is known only now.
    await walk.catch(() => {})
    await Promise.all(children.map(stopProcess))
    await rm(pidFile, { force: true })
  }
}

/** A second demo would take the files away under the first one's database. */
async function refuseSecond(pidFile: string): Promise<void> {
  const pid = Number(await readIfThere(pidFile))
  // A container gives its processes the same few numbers again and again.
  if (!(pid > 0) || pid === process.pid || !isAlive(pid)) return
  throw new AppError(
    'conflict',
    `A demo runs here already (process ${pid}); nothing was changed. Go on with that one, end it with Ctrl-C, or give this one another place with --data. If that process is something else, remove ${pidFile}.`,
  )
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function startWorld(
  dataDir: string,
  users: string,
  children: ChildProcess[],
  stopping: AbortSignal,
): Promise<Omit<DemoWorld, 'walked'>> {
  const emulator = await startEmulatorProcess(dataDir, ['--users', users])
  children.push(emulator.child)
  stopping.throwIfAborted()
  await writeSettings(dataDir, emulator)
  const server = await startServerProcess(dataDir)
  children.push(server.child)
  stopping.throwIfAborted()
  if (server.url === undefined) throw new AppError('internal', 'The server has no address.')
  const { url, caFile, tenant } = emulator
  return { dataDir, server: server.url, emulator: url, caFile, tenant }
}
