import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import type { Cloud } from '../connectors/microsoft/clouds.ts'
import { Closed } from '../contract/schemas.ts'
import { AppError, type FieldProblem } from '../core/errors.ts'
import { Sealed } from '../core/secret.ts'
import { type MasterKeys, parseMasterKeys } from '../store/masterKey.ts'
import { defaultDataDir, readIfThere } from './dataDir.ts'

const Origin = Type.String({ pattern: '^https://[^/?#@]+$' })
const CaFile = Type.Optional(Type.String({ minLength: 1, maxLength: 4_096 }))
const Ranges = Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 64 }))
const roles = ['all', 'api', 'worker'] as const
export type Role = (typeof roles)[number]

/** `patchbay.json` in the data directory. Every member may be left out. */
export const SettingsFile = Closed({
  host: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  port: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535 })),
  role: Type.Optional(Type.Enum(roles)),
  /** Where Microsoft reaches this server for change notifications; http on this machine only. */
  publicUrl: Type.Optional(
    Type.String({ pattern: '^(https://[^/?#@]+|http://(localhost|127\\.[0-9.]+)(:[0-9]+)?)$' }),
  ),
  /** The name of the node at the top, for the first start. */
  provider: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
  /** Further clouds, or other addresses for a known one. Relative files lie beside this file. */
  clouds: Type.Optional(
    Type.Array(
      Closed({
        name: Type.String({ pattern: '^[A-Za-z0-9-]{1,64}$' }),
        login: Origin,
        graph: Origin,
        scope: Type.Optional(Type.String({ maxLength: 255 })),
        caFile: CaFile,
        allowedAddresses: Ranges,
      }),
      { maxItems: 64 },
    ),
  ),
  /** For the proxies tenants name: private ranges that are right for them, and their authority. */
  proxies: Type.Optional(Closed({ caFile: CaFile, allowedAddresses: Ranges })),
})

/** How addresses an administrator allowed are reached. */
type Reached = Pick<Cloud, 'ca' | 'allowedAddresses'>

export interface Settings {
  dataDir: string
  databaseUrl: Sealed | undefined
  host: string
  port: number
  /** A worker listens, for its health, only when it was given a port. */
  portGiven: boolean
  role: Role
  provider: string
  publicUrl: string | undefined
  clouds: readonly Cloud[]
  proxies: Reached
  masterKeyFile: string
  /** When they came with the environment; then no file is read. */
  masterKeys: MasterKeys | undefined
}

/** What the command line gives; it goes before the environment, and that before the file. */
export interface GivenSettings {
  host?: string | undefined
  port?: string | undefined
  role?: string | undefined
  data?: string | undefined
}

export const defaultPort = 7400

/** Reads and checks everything at once. Throws `bad-input` naming the file or variable. */
export async function readSettings(
  env: NodeJS.ProcessEnv,
  given: GivenSettings,
): Promise<Settings> {
  const dataDir = given.data === undefined ? defaultDataDir(env) : resolve(given.data)
  const path = join(dataDir, 'patchbay.json')
  const file = await readSettingsFile(path)
  const beside = (name: string) => resolve(dataDir, name)
  const port = portOf(given.port ?? env.PATCHBAY_PORT) ?? file.port
  return {
    dataDir,
    databaseUrl: databaseUrlOf(env.DATABASE_URL),
    host: given.host ?? env.PATCHBAY_HOST ?? file.host ?? '127.0.0.1',
    port: port ?? defaultPort,
    portGiven: port !== undefined,
    role: roleOf(given.role ?? env.PATCHBAY_ROLE) ?? file.role ?? 'all',
    provider: file.provider ?? 'Provider',
    publicUrl: file.publicUrl,
    clouds: await Promise.all(
      (file.clouds ?? []).map(async ({ name, login, graph, scope, ...way }) => ({
        ...{ name, login, graph, scope: scope ?? `${graph}/.default` },
        ...(await readWay(`clouds.${name}`, way, beside)),
      })),
    ),
    proxies: await readWay('proxies', file.proxies ?? {}, beside),
    masterKeyFile: beside('master-key'),
    masterKeys: masterKeysOf(env.PATCHBAY_MASTER_KEY),
  }
}

async function readSettingsFile(path: string): Promise<Static<typeof SettingsFile>> {
  const text = await readIfThere(path)
  if (text === undefined) return {}
  const value = parsed(path, text)
  const validator = Compile(SettingsFile)
  if (validator.Check(value)) return value
  const fields = validator.Errors(value).map(
    ({ instancePath, message }): FieldProblem => ({
      field: instancePath.slice(1).replaceAll('/', '.') || 'the file',
      problem: message,
    }),
  )
  const first = fields[0]
  throw new AppError(
    'bad-input',
    `${path} is not as it has to be: ${first?.field} ${first?.problem}. Correct it, then start again.`,
    { fields },
  )
}

function parsed(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new AppError('bad-input', `${path} is not JSON. Correct it, then start again.`, { cause })
  }
}

async function readWay(
  what: string,
  { caFile, allowedAddresses }: { caFile?: string; allowedAddresses?: string[] },
  beside: (name: string) => string,
): Promise<Reached> {
  const ca = caFile === undefined ? {} : { ca: await readCa(what, beside(caFile)) }
  return { ...ca, ...(allowedAddresses && { allowedAddresses }) }
}

async function readCa(what: string, path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text?.includes('-----BEGIN CERTIFICATE-----')) return text
  const why = text === undefined ? 'cannot be read' : 'holds no certificate in PEM'
  throw new AppError('bad-input', `The caFile ${path} of ${what} ${why}.`)
}

/** The address holds a password, so it is not repeated in the refusal. */
function databaseUrlOf(text: string | undefined): Sealed | undefined {
  if (text === undefined || text === '') return undefined
  if (URL.canParse(text) && /^postgres(ql)?:$/.test(new URL(text).protocol)) return new Sealed(text)
  throw new AppError(
    'bad-input',
    'DATABASE_URL is not an address such as postgres://user:password@host:5432/name.',
  )
}

/** As a key file holds them; a line break may be given as a comma. */
function masterKeysOf(text: string | undefined): MasterKeys | undefined {
  if (text === undefined || text === '') return undefined
  return parseMasterKeys(text.replaceAll(',', '\n'), 'The master key in PATCHBAY_MASTER_KEY')
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
  if (port <= 65_535) return port
  throw new AppError('bad-input', `The port has to be a number from 0 to 65535, not ${text}.`)
}

function roleOf(text: string | undefined): Role | undefined {
  if (text === undefined || text === '') return undefined
  const role = roles.find((name) => name === text)
  if (role) return role
  throw new AppError('bad-input', `The role has to be one of ${roles.join(', ')}, not ${text}.`)
}
