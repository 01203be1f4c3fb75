import { type ChildProcess, spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { AppError } from '../core/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../core/json.ts'
import { limits } from '../core/limits.ts'
import { launcher } from './version.ts'

/** An emulated Microsoft 365 that runs as a process of its own, as it announces itself. */
export interface EmulatorProcess {
  child: ChildProcess
  url: string
  caFile: string
  /** The first of them. */
  tenant: EmulatedTenant
  tenants: EmulatedTenant[]
}

export interface EmulatedTenant {
  tenantId: string
  domain: string
  clientId: string
  clientSecret: string
  users: number
  groups: number
}

export interface ServerProcess {
  child: ChildProcess
  /** Undefined for a worker without a port. */
  url: string | undefined
}

/** `args`: further options of `patchbay emulator`. */
export async function startEmulatorProcess(
  dataDir: string,
  args: readonly string[],
): Promise<EmulatorProcess> {
  const child = start(['emulator', '--control', '--data', dataDir, ...args], process.env)
  const { url, caFile, tenants } = await firstObject(
    child,
    'stdout',
    ({ url }) => url !== undefined,
  )
  const known = Array.isArray(tenants) ? tenants.map(readTenant) : []
  const [tenant] = known
  if (tenant === undefined) throw new AppError('internal', 'The emulator has no tenant.')
  return { child, url: String(url), caFile: String(caFile), tenant, tenants: known }
}

function readTenant(announced: Json): EmulatedTenant {
  if (!isJsonObject(announced)) throw new AppError('internal', 'The emulator names no tenant.')
  const { tenantId, domain, clientId, clientSecret, users, groups } = announced
  return {
    ...{ tenantId: String(tenantId), domain: String(domain), clientId: String(clientId) },
    ...{ clientSecret: String(clientSecret), users: Number(users), groups: Number(groups) },
  }
}

/**
 * Settings with a cloud `emulator` that leads to that process. A cloud is the server's own
 * configuration: nothing a tenant says leads to an address of this machine.
 */
export async function writeSettings(
  dataDir: string,
  emulator: Pick<EmulatorProcess, 'url' | 'caFile'>,
): Promise<void> {
  const cloud = {
    ...{ name: 'emulator', login: emulator.url, graph: emulator.url, caFile: emulator.caFile },
    scope: 'https://graph.microsoft.com/.default',
    allowedAddresses: ['127.0.0.0/8'],
  }
  const settings = { provider: 'Fabrikam Services', clouds: [cloud] }
  await writeFile(join(dataDir, 'patchbay.json'), `${JSON.stringify(settings, null, 2)}\n`)
}

/** `args`: further options of `patchbay serve`. Resolves when it is ready. */
export async function startServerProcess(
  dataDir: string,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = process.env,
): Promise<ServerProcess> {
  const child = start(['serve', '--port', '0', '--data', dataDir, ...args], env)
  const ready = await firstObject(child, 'stderr', ({ msg }) => msg === 'patchbay is ready')
  return { child, url: typeof ready.url === 'string' ? ready.url : undefined }
}

export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  child.kill('SIGTERM')
  const kill = setTimeout(() => child.kill('SIGKILL'), limits.stopMs)
  await ended
  clearTimeout(kill)
}

function start(args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
  return spawn(process.execPath, [launcher, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env })
}

/** The first JSON object on a stream that fits, on one line or several; the rest is dropped. */
async function firstObject(
  child: ChildProcess,
  stream: 'stdout' | 'stderr',
  fits: (object: JsonObject) => boolean,
): Promise<JsonObject> {
  const heard: string[] = []
  return new Promise((resolve, reject) => {
    const lines = [child.stdout, child.stderr].map((input) => input && createInterface({ input }))
    const [wanted, other] = stream === 'stdout' ? lines : lines.toReversed()
    const fail = () => {
      child.kill('SIGKILL')
      reject(new AppError('unavailable', `A process did not start:\n${heard.join('\n')}`))
    }
    const deadline = setTimeout(fail, limits.startMs)
    child.once('exit', fail)
    other?.on('line', (line) => heard.push(line))
    wanted?.on('line', function listen(line) {
      heard.push(line)
      const object = parseObject(line) ?? parseObject(heard.join('\n'))
      if (object === undefined || !fits(object)) return
      clearTimeout(deadline)
      child.off('exit', fail)
      // Kept flowing: a process whose output nobody reads stands still.
      for (const each of lines) each?.removeAllListeners('line').on('line', () => {})
      resolve(object)
    })
  })
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
