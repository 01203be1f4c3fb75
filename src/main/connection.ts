import { stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { ConnectionFlags } from '../cli/cli.ts'
import type { ClientOptions } from '../client/client.ts'
import { AppError, badInput } from '../core/errors.ts'
import { isJsonObject, type JsonObject } from '../core/json.ts'
import { Sealed } from '../core/secret.ts'
import { systemClock } from './clock.ts'
import { adminTokenFile, defaultDataDir, readIfThere } from './dataDir.ts'

const defaultServer = 'http://127.0.0.1:7400'

/**
 * Where the command line finds Patchbay and its token: what was given, the environment, the file
 * `~/.config/patchbay/cli.json` (server, tokenFile, caFile), and at last the server of this machine
 * with the administrator's token of its data directory.
 */
export async function readConnection(
  env: NodeJS.ProcessEnv,
  flags: ConnectionFlags,
): Promise<ClientOptions> {
  const file = await readCliFile(join(homedir(), '.config', 'patchbay', 'cli.json'))
  const baseUrl = flags.server ?? env.PATCHBAY_SERVER ?? file.server ?? defaultServer
  if (!URL.canParse(baseUrl) || !/^https?:$/.test(new URL(baseUrl).protocol)) {
    const problem =
      'or PATCHBAY_SERVER, or server in cli.json has to be an address such as https://patchbay.example.com'
    throw badInput('--server', problem)
  }
  const given = flags.tokenFile ?? env.PATCHBAY_TOKEN_FILE ?? file.tokenFile
  const token = await readToken(given ?? adminTokenFile(defaultDataDir(env)))
  return { baseUrl, token, fetch: await fetchTrusting(file.caFile), clock: systemClock }
}

interface CliFile {
  server?: string
  tokenFile?: string
  caFile?: string
}

async function readCliFile(path: string): Promise<CliFile> {
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
    `There is no access token at ${path}. Give one with --token-file or PATCHBAY_TOKEN_FILE; the first start of \`patchbay serve\` writes that of the administrator to admin-token in its data directory.`,
  )
}

/** As ssh does with keys: a token others can read is not used until that is mended. */
async function readPrivate(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined)
  if (found && process.platform !== 'win32' && (found.mode & 0o077) !== 0) {
    throw new AppError('bad-input', `${path} may be read by others. Run: chmod 600 ${path}`)
  }
  return found && (await readIfThere(path))
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
