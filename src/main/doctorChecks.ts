import { X509Certificate } from 'node:crypto'
import { access, constants, stat, statfs } from 'node:fs/promises'
import { createClient } from '../client/client.ts'
import type { ClientOptions } from '../client/options.ts'
import { healthRoutes } from '../contract/operations.ts'
import { tenantRoutes } from '../contract/tenants.ts'
import type { Clock } from '../core/clock.ts'
import { AppError } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import { readMasterKeyFile } from '../store/masterKey.ts'
import { adminTokenFile, nearestThere } from './dataDir.ts'
import { checkDatabase } from './doctorDatabase.ts'
import { type Finding, failed, messageOf, passed, skipped, warning } from './findings.ts'
import { type GivenSettings, readSettings, type Settings } from './settings.ts'

export interface Surroundings {
  env: NodeJS.ProcessEnv
  given: GivenSettings
  clock: Clock
  /** The version of the Node this runs on. */
  node: string
  /** How to reach a server, that of this installation being at `ours`. */
  connect: (ours: string) => Promise<ClientOptions>
}

/** Every finding, in the order in which things have to be right. Changes nothing. */
export async function findingsOf(surroundings: Surroundings): Promise<Finding[]> {
  const { env, given, clock, node } = surroundings
  const findings = [checkNode(node)]
  const settings = await readSettings(env, given).catch((error: unknown) => asAppError(error))
  if (settings instanceof AppError) {
    const remedy = 'Correct it, then run doctor again: what follows depends on it.'
    return [...findings, failed('configuration', settings.message, remedy)]
  }
  findings.push(passed('configuration', `${settings.dataDir}, role ${settings.role}`))
  findings.push(await checkDataDir(settings), await checkDisk(settings))
  findings.push(await checkMasterKey(settings), await checkToken(settings))
  findings.push(...checkAuthorities(settings, clock.now()))
  findings.push(...(await checkDatabase(settings, clock)))
  findings.push(...(await checkServer(settings, surroundings)))
  return findings
}

function asAppError(error: unknown): AppError {
  return error instanceof AppError ? error : new AppError('internal', messageOf(error))
}

function checkNode(version: string): Finding {
  const major = Number(version.split('.')[0])
  if (major >= oldestNode) return passed('node', version)
  return failed(
    ...(['node', `${version} is too old`] as const),
    `Install Node ${oldestNode} or newer, or run npm ci with optional dependencies.`,
  )
}

/** As bin/patchbay.js has it. */
const oldestNode = 24

async function checkDataDir({ dataDir }: Settings): Promise<Finding> {
  const check = 'data directory'
  const place = await nearestThere(dataDir)
  const found = await stat(place)
  if (!found.isDirectory()) {
    return failed(check, `${place} is no directory`, 'Name another with --data, or move it away.')
  }
  const writable = await access(place, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
  if (!writable) {
    const remedy = 'Run as the user that owns it, or give it to this user.'
    return failed(check, `${place} may not be written to by this user`, remedy)
  }
  if (place !== dataDir) {
    return passed(check, `${dataDir} is not there yet; the first start makes it`)
  }
  // Others may pass through where the database runs as another user, but not look (0711).
  if (process.platform !== 'win32' && (found.mode & 0o066) !== 0) {
    const mode = (found.mode & 0o777).toString(8)
    const what = `${dataDir} may be looked into by others (mode ${mode})`
    return warning(check, what, `Run: chmod go-rw ${dataDir}`)
  }
  return passed(check, dataDir)
}

async function checkDisk({ dataDir }: Settings): Promise<Finding> {
  const check = 'disk space'
  const place = await nearestThere(dataDir)
  const { bavail, bsize } = await statfs(place)
  const free = bavail * bsize
  const text = `${(free / 2 ** 30).toFixed(1)} GiB free at ${place}`
  const remedy = 'Free space, or move the data directory: a full disk stops every write.'
  if (free < limits.diskFreeLeastBytes) return failed(check, text, remedy)
  if (free < limits.diskFreeLittleBytes) return warning(check, text, remedy)
  return passed(check, text)
}

async function checkMasterKey({ masterKeyFile, masterKeys }: Settings): Promise<Finding> {
  const check = 'master key'
  if (masterKeys !== undefined) return passed(check, 'from the environment')
  try {
    const keys = await readMasterKeyFile(masterKeyFile)
    if (keys === undefined) {
      return passed(check, `${masterKeyFile} is not there yet; the first start makes it`)
    }
    return passed(check, `${masterKeyFile}, ${keys.map(({ id }) => id).join(', ')}`)
  } catch (error) {
    const remedy = 'Without it no stored secret opens; nothing else is affected.'
    return failed(check, messageOf(error), remedy)
  }
}

async function checkToken({ dataDir }: Settings): Promise<Finding> {
  const check = 'admin token'
  const path = adminTokenFile(dataDir)
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) {
    return skipped(check, `${path} is not there: before the first start, or taken away since`)
  }
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0) {
    return failed(check, `${path} may be read by others`, `Run: chmod 600 ${path}`)
  }
  return passed(check, path)
}

/** The authorities configured for clouds and proxies: that they can be read was checked before. */
function checkAuthorities({ clouds, proxies }: Settings, now: number): Finding[] {
  const files = [
    ...clouds.map(({ name, ca }) => ({ name, ca })),
    { name: 'proxies', ca: proxies.ca },
  ]
  return files.flatMap(({ name, ca }) => {
    if (ca === undefined) return []
    const check = 'certificate'
    try {
      const end = Date.parse(new X509Certificate(ca).validTo)
      const text = `the authority of ${name} ends ${new Date(end).toISOString()}`
      const remedy = `Put the new one into the caFile of ${name}.`
      if (end < now) return failed(check, text, remedy)
      if (end < now + limits.certificateSoonMs) return warning(check, text, remedy)
      return passed(check, text)
    } catch {
      const what = `the caFile of ${name} holds something that is no certificate`
      return failed(check, what, 'Put the authority there, in PEM.')
    }
  })
}

async function checkServer(
  { host, port }: Settings,
  { connect }: Surroundings,
): Promise<Finding[]> {
  const check = 'server'
  const ours = `http://${host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host}:${port}`
  const options = await connect(ours).catch((error: unknown) => asAppError(error))
  if (options instanceof AppError) return [skipped(check, options.message)]
  const api = createClient({ health: healthRoutes, tenant: tenantRoutes }, options)
  try {
    await api.health.ready()
  } catch (error) {
    const why = asAppError(error)
    const silent = why.code === 'unavailable' && /ECONNREFUSED/.test(why.message)
    if (silent) return [skipped(check, `none runs at ${options.baseUrl}, and its port is free`)]
    const remedy = 'Look at its log, or choose another port with --port or PATCHBAY_PORT.'
    return [failed(check, why.message, remedy)]
  }
  return [passed(check, `ready at ${options.baseUrl}`), ...(await checkTenants(api))]
}

type Api = ReturnType<typeof createClient<{ tenant: typeof tenantRoutes }>>

async function checkTenants(api: Pick<Api, 'tenant'>): Promise<Finding[]> {
  const check = 'connection'
  try {
    const { items, next } = await api.tenant.list({ query: { limit: limits.listRowsMax } })
    const findings = items.flatMap(({ id, name, connections }) =>
      connections.map(({ wire, state, message }) => {
        const text = `${name}: ${wire} ${state}${message === '' ? '' : `, ${message}`}`
        const good = state === 'healthy' || state === 'untested'
        if (good) return passed(check, text)
        return warning(check, text, `Run: patchbay tenant test ${id}`)
      }),
    )
    const more = next === null ? [] : [skipped(check, 'further tenants were not looked at')]
    return [...findings, ...more]
  } catch (error) {
    const remedy = 'Give a token with --token-file.'
    return [warning(check, asAppError(error).message, remedy)]
  }
}
