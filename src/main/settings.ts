import { readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import type { MailSettings } from '../connectors/mail/mailer.ts'
import type { Cloud } from '../connectors/microsoft/clouds.ts'
import { Closed } from '../contract/schemas.ts'
import { AppError, type FieldProblem } from '../core/errors.ts'
import { Sealed } from '../core/secret.ts'
import type { OpenIdProvider } from '../features/signIn/openId.ts'
import { createRangeCheck } from '../net/ranges.ts'
import { type MasterKeys, parseMasterKeys } from '../store/masterKey.ts'
import { defaultDataDir, readIfThere } from './dataDir.ts'
import { OpenIdProviders, readOpenIdProviders } from './openIdSettings.ts'

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
  /** The server that takes our mail; without it no mail is sent. */
  mail: Type.Optional(
    Closed({
      host: Type.String({ minLength: 1, maxLength: 255 }),
      port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
      security: Type.Optional(Type.Enum(['tls', 'starttls', 'none'])),
      from: Type.String({ maxLength: 254, pattern: '^[^\\s@<>,;:"]+@[A-Za-z0-9.-]+$' }),
      user: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
      /** Its only line is the password; nobody else may read it. */
      passwordFile: CaFile,
      caFile: CaFile,
      allowedAddresses: Ranges,
    }),
  ),
  /** Where people may sign in besides with a password. */
  openIdProviders: OpenIdProviders,
  /** Addresses of proxies before this server, whose X-Forwarded-For is believed. */
  trustedProxies: Ranges,
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
  mail: MailSettings | undefined
  openIdProviders: readonly OpenIdProvider[]
  /** Whether an address is that of a proxy before this server. */
  isTrustedProxy: ((address: string) => boolean) | undefined
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
    mail: file.mail && (await readMail(file.mail, beside)),
    openIdProviders: await readOpenIdProviders(
      file.openIdProviders ?? [],
      file.publicUrl,
      beside,
      (what, given) => readWay(what, given, beside),
    ),
    isTrustedProxy: file.trustedProxies && createRangeCheck('trustedProxies', file.trustedProxies),
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

const submissionPorts = { tls: 465, starttls: 587, none: 25 } as const

async function readMail(
  given: NonNullable<Static<typeof SettingsFile>['mail']>,
  beside: (name: string) => string,
): Promise<MailSettings> {
  const { host, security = 'tls', port = submissionPorts[security], from, user } = given
  const { passwordFile, caFile, allowedAddresses } = given
  if (security === 'none' && user !== undefined) {
    throw new AppError(
      'bad-input',
      'mail.user and mail.security none cannot go together: the password would travel in the clear. Use tls or starttls.',
    )
  }
  const password = passwordFile === undefined ? {} : await readPassword(beside(passwordFile))
  const way = await readWay(
    'mail',
    { ...(caFile && { caFile }), ...(allowedAddresses && { allowedAddresses }) },
    beside,
  )
  return { host, port, security, from, ...(user && { user }), ...password, ...way }
}

async function readPassword(path: string): Promise<{ password: Sealed }> {
  const text = (await readIfThere(path))?.replace(/\r?\n$/, '')
  if (text !== undefined && ((await stat(path)).mode & 0o077) !== 0) {
    throw new AppError(
      'bad-input',
      `The mail.passwordFile ${path} may be read by others. Give it mode 0600, then start again.`,
    )
  }
  if (text) return { password: new Sealed(text) }
  throw new AppError('bad-input', `The mail.passwordFile ${path} cannot be read, or is empty.`)
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
