import { createHash, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { open, readFile, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AppError } from '../core/errors.ts'

/** A key that wraps data keys. KeyObject, because printing one shows nothing of it. */
export interface MasterKey {
  /** The first 8 hex digits of the key's SHA-256: names it without telling it. */
  id: string
  key: KeyObject
}

/** Newest first. During a rotation there are two, otherwise one. */
export type MasterKeys = readonly [MasterKey, ...MasterKey[]]

const keyBytes = 32

export function newMasterKey(): MasterKey {
  return masterKeyOf(randomBytes(keyBytes))
}

/** Makes a file with a new key, mode 0600. It never replaces one: `EEXIST` is passed on. */
export async function createMasterKeyFile(path: string): Promise<MasterKeys> {
  const keys: MasterKeys = [newMasterKey()]
  await write(path, 'wx', keys)
  return keys
}

/** Puts other keys in the place of those of a file: all of them, or, when it is cut off, none. */
export async function replaceMasterKeys(path: string, keys: MasterKeys): Promise<void> {
  const beside = `${path}.new`
  await write(beside, 'w', keys)
  await rename(beside, path)
  // The new name is to outlive a power cut, too.
  const folder = await open(dirname(path), 'r')
  await folder.sync().finally(() => folder.close())
}

async function write(path: string, flag: 'w' | 'wx', keys: MasterKeys): Promise<void> {
  const lines = keys.map(({ id, key }) => `${id} ${key.export().toString('base64')}\n`)
  const file = await open(path, flag, 0o600)
  try {
    // One that was left behind keeps its mode.
    await file.chmod(0o600)
    await file.writeFile(lines.join(''))
    await file.sync()
  } finally {
    await file.close()
  }
}

/**
 * Reads a key file; undefined when there is none. Refuses one that others may read or that is
 * damaged.
 */
export async function readMasterKeyFile(path: string): Promise<MasterKeys | undefined> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw unusable(
      `The master key file ${path} cannot be read (${error.code})`,
      'Give it back to the user Patchbay runs as.',
    )
  })
  if (found === undefined) return undefined
  // Windows has no such bits; there the folder's access list decides.
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0) {
    const mode = (found.mode & 0o777).toString(8)
    throw unusable(
      `The master key file ${path} may be read by others (mode ${mode})`,
      `Run: chmod 600 ${path}`,
    )
  }
  return parseMasterKeys(await readFile(path, 'utf8'), `The master key file ${path}`)
}

/** `text`: one key on a line, newest first, as key files hold them. `what` begins the refusal. */
export function parseMasterKeys(text: string, what: string): MasterKeys {
  const [newest, ...former] = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => parseLine(line.trim(), what))
  if (newest === undefined) throw damaged(what)
  return [newest, ...former]
}

function parseLine(line: string, what: string): MasterKey {
  const [id, text = ''] = line.split(' ')
  const bytes = Buffer.from(text, 'base64')
  const masterKey = bytes.length === keyBytes ? masterKeyOf(bytes) : undefined
  if (masterKey === undefined || masterKey.id !== id || bytes.toString('base64') !== text) {
    throw damaged(what)
  }
  return masterKey
}

function masterKeyOf(bytes: Buffer): MasterKey {
  const id = createHash('sha256').update(bytes).digest('hex').slice(0, 8)
  return { id, key: createSecretKey(bytes) }
}

function damaged(what: string): AppError {
  return unusable(
    `${what} is damaged`,
    'Restore it from your backup; without it no stored secret opens.',
  )
}

function unusable(what: string, remedy: string): AppError {
  return new AppError(
    'unavailable',
    `${what}, so Patchbay did not start. Nothing was changed. ${remedy}`,
  )
}
