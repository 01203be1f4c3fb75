import { createHash, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { open, readFile, stat } from 'node:fs/promises'
import { AppError } from '../core/errors.ts'

/** A key that wraps data keys. KeyObject, because printing one shows nothing of it. */
export interface MasterKey {
  /** The first 8 hex digits of the key's SHA-256: names it without telling it. */
  id: string
  key: KeyObject
}

const keyBytes = 32

/** Makes a file with a new key, mode 0600. It never replaces one: `EEXIST` is passed on. */
export async function createMasterKeyFile(path: string): Promise<MasterKey> {
  const bytes = randomBytes(keyBytes)
  const masterKey = masterKeyOf(bytes)
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(`${masterKey.id} ${bytes.toString('base64')}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  return masterKey
}

/**
 * Reads a key file; undefined when there is none. Refuses one that others may read or that is
 * damaged.
 */
export async function readMasterKeyFile(path: string): Promise<MasterKey | undefined> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw unusable(
      path,
      `cannot be read (${error.code})`,
      'Give it back to the user Patchbay runs as.',
    )
  })
  if (found === undefined) return undefined
  // Windows has no such bits; there the folder's access list decides.
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0) {
    const mode = (found.mode & 0o777).toString(8)
    throw unusable(path, `may be read by others (mode ${mode})`, `Run: chmod 600 ${path}`)
  }
  const [id, text = ''] = (await readFile(path, 'utf8')).trim().split(' ')
  const bytes = Buffer.from(text, 'base64')
  const masterKey = bytes.length === keyBytes ? masterKeyOf(bytes) : undefined
  if (masterKey === undefined || masterKey.id !== id || bytes.toString('base64') !== text) {
    throw unusable(
      path,
      'is damaged',
      'Restore it from your backup; without it no stored secret opens.',
    )
  }
  return masterKey
}

function masterKeyOf(bytes: Buffer): MasterKey {
  const id = createHash('sha256').update(bytes).digest('hex').slice(0, 8)
  return { id, key: createSecretKey(bytes) }
}

function unusable(path: string, what: string, remedy: string): AppError {
  return new AppError(
    'unavailable',
    `The master key file ${path} ${what}, so Patchbay did not start. Nothing was changed. ${remedy}`,
  )
}
