import { mkdir } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { AppError } from '../core/errors.ts'
import { isJsonObject } from '../core/json.ts'
import { Sealed } from '../core/secret.ts'
import { readPrivate, writeSecretFile } from './dataDir.ts'

/** What `patchbay login` brought: the server signed in at last, and a token for each. */
interface Kept {
  server: string | undefined
  tokens: Record<string, string>
}

/** The folder of the command line's own files (XDG Base Directory Specification). */
export function configDir(env: NodeJS.ProcessEnv): string {
  return join(env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'patchbay')
}

function fileOf(env: NodeJS.ProcessEnv): string {
  return join(configDir(env), 'tokens.json')
}

export async function keptServer(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  return (await read(env)).server
}

export async function keptToken(
  env: NodeJS.ProcessEnv,
  server: string,
): Promise<Sealed | undefined> {
  const { tokens } = await read(env)
  const token = Object.hasOwn(tokens, server) ? tokens[server] : undefined
  return token === undefined ? undefined : new Sealed(token)
}

/** In a file only its user may read. */
export async function keepToken(
  env: NodeJS.ProcessEnv,
  server: string,
  token: Sealed,
): Promise<void> {
  const { tokens } = await read(env)
  await write(env, { server, tokens: { ...tokens, [server]: token.reveal() } })
}

export async function forgetToken(env: NodeJS.ProcessEnv, server: string): Promise<void> {
  const kept = await read(env)
  const tokens = Object.fromEntries(Object.entries(kept.tokens).filter(([at]) => at !== server))
  await write(env, { server: kept.server === server ? undefined : kept.server, tokens })
}

async function read(env: NodeJS.ProcessEnv): Promise<Kept> {
  const path = fileOf(env)
  const text = await readPrivate(path)
  if (text === undefined) return { server: undefined, tokens: {} }
  const value = parsed(text)
  const tokens = isJsonObject(value) ? value.tokens : undefined
  if (!isJsonObject(value) || !isJsonObject(tokens)) {
    throw new AppError('bad-input', `${path} is broken. Remove it, then run patchbay login again.`)
  }
  const texts = Object.entries(tokens).flatMap(([server, token]) =>
    typeof token === 'string' ? [[server, token] as const] : [],
  )
  const server = typeof value.server === 'string' ? value.server : undefined
  return { server, tokens: Object.fromEntries(texts) }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

async function write(env: NodeJS.ProcessEnv, kept: Kept): Promise<void> {
  await mkdir(configDir(env), { recursive: true, mode: 0o700 })
  await writeSecretFile(fileOf(env), new Sealed(JSON.stringify(kept)))
}
