import { mkdir, open, readFile, rename, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { AppError } from '../core/errors.ts'
import type { Sealed } from '../core/secret.ts'

/** Where Patchbay keeps its files unless told otherwise. */
export function defaultDataDir(env: NodeJS.ProcessEnv): string {
  const fallback = process.getuid?.() === 0 ? '/var/lib/patchbay' : './.data'
  return resolve(env.PATCHBAY_DATA || fallback)
}

/**
 * For us alone; as root others may pass through but not look, for the embedded PostgreSQL runs as
 * another user and has its own folder inside. What is secret here has mode 0600.
 */
export async function makeDataDir(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 })
}

/** The path itself, or the nearest above it that is there. */
export async function nearestThere(path: string): Promise<string> {
  let place = path
  while ((await stat(place).catch(() => undefined)) === undefined) place = dirname(place)
  return place
}

export function adminTokenFile(dataDir: string): string {
  return join(dataDir, 'admin-token')
}

/** Written beside and renamed, so that a reader never sees half a token. */
export async function writeSecretFile(path: string, secret: Sealed): Promise<void> {
  const beside = `${path}.new`
  const file = await open(beside, 'w', 0o600)
  try {
    // A file left over from a start that was killed keeps its old mode.
    await file.chmod(0o600)
    await file.writeFile(`${secret.reveal()}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(beside, path)
}

/** Undefined when there is no such file. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/** As ssh does with keys: a secret that others can read is not used until that is mended. */
export async function readPrivate(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined)
  if (found && process.platform !== 'win32' && (found.mode & 0o077) !== 0) {
    throw new AppError('bad-input', `${path} may be read by others. Run: chmod 600 ${path}`)
  }
  return found && (await readIfThere(path))
}
