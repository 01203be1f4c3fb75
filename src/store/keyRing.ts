import type { KeyObject } from 'node:crypto'
import { sql } from 'kysely'
import { AppError } from '../core/errors.ts'
import type { Database } from './database.ts'
import {
  createMasterKeyFile,
  type MasterKey,
  type MasterKeys,
  readMasterKeyFile,
} from './masterKey.ts'
import type { Tx } from './scope.ts'

/** Where master keys come from; asked again when one is missing, for a rotation adds them. */
export type KeySource = () => Promise<MasterKeys>

/** The master keys of a process. */
export interface KeyRing {
  /** Errors: `unavailable` when the key is not at hand. */
  find(id: string): Promise<KeyObject>
  /** The key that wraps new data keys, whichever that is until the transaction ends. */
  current(tx: Tx): Promise<MasterKey>
}

/**
 * The keys of a file, made on the very first start. Refuses to make one while the database holds
 * secrets of another: a lost key must not look like a fresh installation.
 */
export function keysOfFile(path: string, db: Database): KeySource {
  return async () => {
    const found = await readMasterKeyFile(path)
    if (found !== undefined) return found
    const used = await usedKeys(db)
    if (used.length > 0) throw missingKey(used.map(({ id }) => id))
    return createMasterKeyFile(path)
  }
}

/**
 * Refuses keys of which one is missing that the stored secrets need. A first start makes the newest
 * key the current one; from then on only a rotation changes that (see rotateMasterKey).
 */
export async function createKeyRing(db: Database, source: KeySource): Promise<KeyRing> {
  let keys = new Map<string, MasterKey>()
  async function read(): Promise<MasterKeys> {
    const found = await source()
    keys = new Map(found.map((masterKey) => [masterKey.id, masterKey]))
    return found
  }
  async function find(id: string): Promise<MasterKey> {
    // Another process is rotating, or has: its key is in the file by now.
    if (!keys.has(id)) await read()
    const masterKey = keys.get(id)
    if (masterKey === undefined) throw missingKey([id])
    return masterKey
  }
  const [newest] = await read()
  const missing = (await usedKeys(db)).filter(({ id }) => !keys.has(id))
  if (missing.length > 0) throw missingKey(missing.map(({ id }) => id))
  await db.kysely
    .insertInto('master_key')
    .expression(
      sql`select ${newest.id}, now(), true where not exists (select from master_key where current)`,
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  return {
    find: async (id) => (await find(id)).key,
    async current(tx) {
      // Whoever has waited for a rotation finds the former key no longer current, and looks again.
      const row = (await lockCurrent(tx)) ?? (await lockCurrent(tx))
      if (row === undefined) throw missingKey(['(none is current)'])
      return await find(row.id)
    },
  }
}

/** Shared among all who seal: who rotates waits for them, and they for that. */
async function lockCurrent(tx: Tx): Promise<{ id: string } | undefined> {
  const query = tx.selectFrom('master_key').select('id').where('current', '=', true)
  return await query.forShare().executeTakeFirst()
}

export function usedKeys(db: Database): Promise<{ id: string; current: boolean }[]> {
  return db.kysely.selectFrom('master_key').select(['id', 'current']).orderBy('id').execute()
}

function missingKey(ids: readonly string[]): AppError {
  return new AppError(
    'unavailable',
    `The secrets in the database were sealed with master key ${ids.join(', ')}, which is not at hand. Nothing was changed. Put its file back from your backup; without it they cannot be opened.`,
  )
}
