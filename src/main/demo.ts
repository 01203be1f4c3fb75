import { type ChildProcess, spawn } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { AppError } from '../core/errors.ts'
import { isJsonObject, type JsonObject } from '../core/json.ts'
import { limits } from '../core/limits.ts'
import { defaultDataDir, makeDataDir } from './dataDir.ts'
import { tour } from './demoTour.ts'
import { stopSignal } from './signals.ts'
import { launcher } from './version.ts'

export const demoHelp = `Usage: patchbay demo [options]

Starts an emulated Microsoft 365 and Patchbay beside it, then walks through the main line with the
commands anybody would type: attach a tenant, test it, sync it, change a person, undo the change.
Leaves both running until Ctrl-C. What an earlier demo stored is removed first.

  --users <count>  people in the emulated tenant (2000)
  --once           stops when the walk is done
  --data <path>    the data directory (PATCHBAY_DATA; /var/lib/patchbay as root, else ./.data)
`

/** A tenant as the emulator announces it. */
export interface DemoTenant {
  tenantId: string
  domain: string
  clientId: string
  clientSecret: string
  users: number
  groups: number
}

export interface DemoWorld {
  dataDir: string
  server: string
  emulator: string
  caFile: string
  tenant: DemoTenant
}

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
    await tour(world, (performance.now() - began) / 1_000)
    if (!values.once) await stopSignal()
    return 0
  } finally {
    await Promise.all(children.reverse().map(stopChild))
  }
}

async function startWorld(
  dataDir: string,
  users: string,
  children: ChildProcess[],
): Promise<DemoWorld> {
  const emulator = start(['emulator', '--users', users, '--control', '--data', dataDir], children)
  const announced = await firstObject(emulator, 'stdout', (line) => isJsonObject(line.tenants?.[0]))
  const { url, caFile, tenants } = announced as unknown as {
    url: string
    caFile: string
    tenants: [DemoTenant]
  }
  // A cloud of the server's own configuration: nothing a tenant says leads anywhere else.
  const cloud = {
    name: 'emulator',
    login: url,
    graph: url,
    scope: 'https://graph.microsoft.com/.default',
    caFile,
    allowedAddresses: ['127.0.0.0/8', '::1/128'],
  }
  const settings = { provider: 'Fabrikam Services', clouds: [cloud] }
  await writeFile(join(dataDir, 'patchbay.json'), `${JSON.stringify(settings, null, 2)}\n`)
  const server = start(['serve', '--port', '0', '--data', dataDir], children)
  const ready = await firstObject(server, 'stderr', (line) => line.msg === 'patchbay is ready')
  return { dataDir, server: String(ready.url), emulator: url, caFile, tenant: tenants[0] }
}

function start(args: readonly string[], children: ChildProcess[]): ChildProcess {
  const child = spawn(process.execPath, [launcher, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  children.push(child)
  return child
}

/** The first JSON object on a child's stream that fits; what it says after that is read and dropped. */
async function firstObject(
  child: ChildProcess,
  stream: 'stdout' | 'stderr',
  fits: (line: JsonObject & { tenants?: JsonObject[] }) => boolean,
): Promise<JsonObject> {
  const source = child[stream]
  if (source === null) throw new AppError('internal', 'A process was started without its streams.')
  const heard: string[] = []
  const deadline = AbortSignal.timeout(limits.demoStartMs)
  for await (const line of createInterface({ input: source, signal: deadline })) {
    heard.push(line)
    const object = parseObject(line) ?? parseObject(heard.join('\n'))
    if (object !== undefined && fits(object as Parameters<typeof fits>[0])) {
      source.resume()
      return object
    }
  }
  throw new AppError('unavailable', `A part of the demo did not start:\n${heard.join('\n')}`)
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const kill = setTimeout(() => child.kill('SIGKILL'), limits.stopMs)
  await ended
  clearTimeout(kill)
}
