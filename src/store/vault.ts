import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { AppError } from '../core/errors.ts'
import { Sealed, type SecretRef } from '../core/secret.ts'
import type { Database } from './database.ts'
import { createMasterKeyFile, type MasterKey, readMasterKeyFile } from './masterKey.ts'
import type { Tx } from './scope.ts'
import { seal, unseal } from './seal.ts'

/** `current` wraps what is new; `former` keys still open what they wrapped (see `rewrap`). */
export interface MasterKeys {
  current: MasterKey
  former: readonly MasterKey[]
}

/** Secrets by owner (`tenant:7`) and field. They go in, and come out only as `Sealed`. */
export interface Vault {
  put(tx: Tx, owner: string, nodePath: string, field: string, secret: Sealed): Promise<void>
  get(tx: Tx, ref: SecretRef): Promise<Sealed | undefined>
  /** Which fields are set and since when: all that is ever shown of a secret. */
  setAt(tx: Tx, owner: string): Promise<{ field: string; changedAt: Date }[]>
  drop(tx: Tx, owner: string, field: string): Promise<void>
  /** Removes the owner's secrets and data keys, so that copies of the rows open nowhere either. */
  destroy(tx: Tx, owner: string): Promise<void>
  /** Wraps the data keys within the scope anew with the current master key; how many there were. */
  rewrap(tx: Tx): Promise<number>
}

/**
 * The master key of `path`, made on the very first start. Refuses to make one while the database
 * holds secrets of another: a lost key must not look like a fresh installation.
 */
export async function loadMasterKey(path: string, db: Database): Promise<MasterKey> {
  const found = await readMasterKeyFile(path)
  if (found !== undefined) return found
  const used = await db.kysely.selectFrom('master_key').select('id').execute()
  if (used.length > 0) throw missingKey(used.map((row) => row.id))
  return createMasterKeyFile(path)
}

/** Errors: `unavailable` when a key that the stored secrets need is not among `masterKeys`. */
export async function createVault(options: {
  db: Database
  masterKeys: MasterKeys
}): Promise<Vault> {
  const { current, former } = options.masterKeys
  const byId = new Map([...former, current].map((masterKey) => [masterKey.id, masterKey.key]))
  const used = await options.db.kysely.selectFrom('master_key').select('id').execute()
  const missing = used.map((row) => row.id).filter((id) => !byId.has(id))
  if (missing.length > 0) throw missingKey(missing)
  await options.db.kysely
    .insertInto('master_key')
    .values({ id: current.id })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  return vaultWith(current, byId)
}

function missingKey(ids: readonly string[]): AppError {
  return new AppError(
    'unavailable',
    `The secrets in the database were sealed with master key ${ids.join(', ')}, which is not at hand. Nothing was changed. Put its file back from your backup; without it they cannot be opened.`,
  )
}

function vaultWith(current: MasterKey, byId: ReadonlyMap<string, KeyObject>): Vault {
  return {
    async put(tx, owner, nodePath, field, secret) {
      const { keyId, key } =
        (await newestDataKey(tx, byId, owner)) ??
        (await addDataKey(tx, current, byId, owner, nodePath))
      const sealed = seal(key, [owner, field, String(keyId)], Buffer.from(secret.reveal()))
      const values = { node_path: nodePath, key_id: keyId, sealed, changed_at: sql<Date>`now()` }
      await tx
        .insertInto('secret')
        .values({ owner, field, ...values })
        .onConflict((conflict) => conflict.columns(['owner', 'field']).doUpdateSet(values))
        .execute()
    },

    async get(tx, { owner, field }) {
      const row = await tx
        .selectFrom('secret')
        .innerJoin('data_key', (join) =>
          join
            .onRef('data_key.owner', '=', 'secret.owner')
            .onRef('data_key.key_id', '=', 'secret.key_id'),
        )
        .select(['secret.sealed', 'data_key.key_id', 'data_key.master_key_id', 'data_key.wrapped'])
        .where('secret.owner', '=', owner)
        .where('secret.field', '=', field)
        .executeTakeFirst()
      if (row === undefined) return undefined
      const key = unwrap(byId, owner, row)
      const clear = unseal(key, [owner, field, String(row.key_id)], row.sealed)
      return new Sealed(clear.toString())
    },

    async setAt(tx, owner) {
      return tx
        .selectFrom('secret')
        .select(['field', 'changed_at as changedAt'])
        .where('owner', '=', owner)
        .orderBy('field')
        .execute()
    },

    async drop(tx, owner, field) {
      await tx.deleteFrom('secret').where('owner', '=', owner).where('field', '=', field).execute()
    },

    async destroy(tx, owner) {
      await tx.deleteFrom('secret').where('owner', '=', owner).execute()
      await tx.deleteFrom('data_key').where('owner', '=', owner).execute()
    },

    rewrap: (tx) => rewrapAll(tx, current, byId),
  }
}

async function rewrapAll(
  tx: Tx,
  current: MasterKey,
  byId: ReadonlyMap<string, KeyObject>,
): Promise<number> {
  const rows = await tx
    .selectFrom('data_key')
    .select(['owner', 'key_id', 'master_key_id', 'wrapped'])
    .where('master_key_id', '!=', current.id)
    .forUpdate()
    .execute()
  for (const row of rows) {
    const key = unwrap(byId, row.owner, row)
    await tx
      .updateTable('data_key')
      .set({ master_key_id: current.id, wrapped: wrap(current, row.owner, row.key_id, key) })
      .where('owner', '=', row.owner)
      .where('key_id', '=', row.key_id)
      .execute()
  }
  return rows.length
}

interface WrappedKey {
  key_id: number
  master_key_id: string
  wrapped: Buffer
}

interface DataKey {
  keyId: number
  key: KeyObject
}

async function newestDataKey(
  tx: Tx,
  byId: ReadonlyMap<string, KeyObject>,
  owner: string,
): Promise<DataKey | undefined> {
  const row = await tx
    .selectFrom('data_key')
    .select(['key_id', 'master_key_id', 'wrapped'])
    .where('owner', '=', owner)
    .orderBy('key_id', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row && { keyId: row.key_id, key: unwrap(byId, owner, row) }
}

/** Of two transactions that add an owner's first key at once, the later takes the earlier's. */
async function addDataKey(
  tx: Tx,
  current: MasterKey,
  byId: ReadonlyMap<string, KeyObject>,
  owner: string,
  nodePath: string,
): Promise<DataKey> {
  const key = createSecretKey(randomBytes(32))
  const added = await tx
    .insertInto('data_key')
    .values({
      owner,
      key_id: 1,
      node_path: nodePath,
      master_key_id: current.id,
      wrapped: wrap(current, owner, 1, key),
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  if (added.numInsertedOrUpdatedRows === 1n) return { keyId: 1, key }
  const earlier = await newestDataKey(tx, byId, owner)
  if (earlier !== undefined) return earlier
  throw new AppError('internal', 'The key for the secrets of this object lies outside the scope.')
}

function wrap(masterKey: MasterKey, owner: string, keyId: number, key: KeyObject): Buffer {
  return seal(masterKey.key, [owner, String(keyId)], key.export())
}

function unwrap(byId: ReadonlyMap<string, KeyObject>, owner: string, row: WrappedKey): KeyObject {
  const masterKey = byId.get(row.master_key_id)
  if (masterKey === undefined) throw missingKey([row.master_key_id])
  return createSecretKey(unseal(masterKey, [owner, String(row.key_id)], row.wrapped))
}
