import type { ChildProcess } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { AppError } from '../core/errors.ts'
import { startEmulatorProcess, startServerProcess, stopProcess, writeSettings } from './children.ts'
import { defaultDataDir, makeDataDir } from './dataDir.ts'
import { type DemoWorld, tour } from './demoTour.ts'
import { stopSignal } from './signals.ts'

export const demoHelp = `Usage: patchbay demo [options]

Starts an emulated Microsoft 365 and Patchbay beside it, then walks through the main line with the
commands anybody would type: attach a tenant, test it, sync it, change a person, undo the change.
Leaves both running until Ctrl-C. What an earlier demo stored is removed first.

  --users <count>  people in the emulated tenant (2000)
  --once           stops when the walk is done
  --data <path>    the data directory (PATCHBAY_DATA; /var/lib/patchbay as root, else ./.data)
`

export async function demo(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      users: { type: 'string', default: '2000' },
      once: { type: 'boolean', default: false },
      data: { type: 'string' },
    },
  })
  const began = performance.now()
  const dataDir = join(values.data ?? defaultDataDir(process.env), 'demo')
  await rm(dataDir, { recursive: true, force: true })
  await makeDataDir(dataDir)
  const children: ChildProcess[] = []
  try {
    const world = await startWorld(dataDir, values.users, children)
    await tour(world, (performance.now() - began) / 1_000, !values.once)
    if (!values.once) {
      process.stdout.write('\nEverything keeps running. Ctrl-C stops it.\n')
      await stopSignal()
    }
    return 0
  } finally {
    await Promise.all(children.map(stopProcess))
  }
}

async function startWorld(
  dataDir: string,
  users: string,
  children: ChildProcess[],
): Promise<DemoWorld> {
  const emulator = await startEmulatorProcess(dataDir, ['--users', users])
  children.push(emulator.child)
  await writeSettings(dataDir, emulator)
  const server = await startServerProcess(dataDir)
  children.push(server.child)
  if (server.url === undefined) throw new AppError('internal', 'The server has no address.')
  const { url, caFile, tenant } = emulator
  return { dataDir, server: server.url, emulator: url, caFile, tenant }
}
