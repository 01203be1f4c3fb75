import { join } from 'node:path'
import type { ConnectionFlags } from '../cli/cli.ts'
import type { ClientOptions } from '../client/options.ts'
import { AppError, badInput } from '../core/errors.ts'
import { isJsonObject, type JsonObject } from '../core/json.ts'
import { Sealed } from '../core/secret.ts'
import { systemClock } from './clock.ts'
import { adminTokenFile, defaultDataDir, readIfThere, readPrivate } from './dataDir.ts'
import { configDir, keptServer, keptToken } from './keptTokens.ts'

const defaultServer = 'http://127.0.0.1:7400'

/**
 * Where the command line finds Patchbay: what was given, the environment, the file `cli.json` in
 * its configuration folder (server, tokenFile, caFile), where `patchbay login` was last, and at
 * last this machine.
 */
export async function readServer(
  env: NodeJS.ProcessEnv,
  flags: ConnectionFlags,
): Promise<Omit<ClientOptions, 'token'>> {
  const file = await readCliFile(env)
  const given = flags.server ?? env.PATCHBAY_SERVER ?? file.server ?? (await keptServer(env))
  const baseUrl = (given ?? defaultServer).replace(/\/$/, '')
  if (!URL.canParse(baseUrl) || !/^https?:$/.test(new URL(baseUrl).protocol)) {
    const problem =
      'or PATCHBAY_SERVER, or server in cli.json has to be an address such as https://patchbay.example.com'
    throw badInput('--server', problem)
  }
  return { baseUrl, fetch: await fetchTrusting(file.caFile), clock: systemClock }
}

/**
 * The server with a token for it: from the file that was named, else that of `patchbay login`, else
 * the administrator's in the data directory of this machine.
 */
export async function readConnection(
  env: NodeJS.ProcessEnv,
  flags: ConnectionFlags,
): Promise<ClientOptions & { token: Sealed }> {
  const server = await readServer(env, flags)
  const file = await readCliFile(env)
  const given = flags.tokenFile ?? env.PATCHBAY_TOKEN_FILE ?? file.tokenFile
  const kept = given === undefined ? await keptToken(env, server.baseUrl) : undefined
  const token = kept ?? (await readToken(given ?? adminTokenFile(defaultDataDir(env))))
  return { ...server, token }
}

interface CliFile {
  server?: string
  tokenFile?: string
  caFile?: string
}

async function readCliFile(env: NodeJS.ProcessEnv): Promise<CliFile> {
  const path = join(configDir(env), 'cli.json')
  const text = await readPrivate(path)
  if (text === undefined) return {}
  const value = parsed(path, text)
  const member = (name: keyof CliFile) => {
    const found = value[name]
    if (found === undefined || typeof found === 'string') return { [name]: found }
    throw new AppError('bad-input', `${path}: ${name} has to be text.`)
  }
  return { ...member('server'), ...member('tokenFile'), ...member('caFile') }
}

function parsed(path: string, text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text)
    if (isJsonObject(value)) return value
  } catch {
    // Said below, as for JSON that is no object.
  }
  throw new AppError('bad-input', `${path} holds no JSON object with server and tokenFile.`)
}

async function readToken(path: string): Promise<Sealed> {
  const token = (await readPrivate(path))?.trim()
  if (token) return new Sealed(token)
  throw new AppError(
    'sign-in-required',
    `There is no access token at ${path}. Run patchbay login, or give one with --token-file or PATCHBAY_TOKEN_FILE; the first start of \`patchbay serve\` writes that of the administrator to admin-token in its data directory.`,
  )
}

/** undici is loaded only where a certificate authority of our own asks for it: it costs time. */
async function fetchTrusting(caFile: string | undefined): Promise<typeof fetch> {
  if (caFile === undefined) return fetch
  const ca = await readIfThere(caFile)
  if (ca === undefined) throw new AppError('bad-input', `The caFile ${caFile} is not there.`)
  const { Agent, fetch: undiciFetch } = await import('undici')
  const dispatcher = new Agent({ connect: { ca } })
  // undici's own types of fetch and the global ones describe the same function.
  return ((input, init) =>
    undiciFetch(input as never, { ...init, dispatcher } as never)) as typeof fetch
}
