import { createHmac, createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto'
import { type Insertable, sql } from 'kysely'
import { AppError } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import { Sealed, type SecretRef } from '../core/secret.ts'
import type { Database } from './database.ts'
import { createKeyRing, type KeyRing, type KeySource } from './keyRing.ts'
import type { Tx } from './scope.ts'
import { seal, unseal } from './seal.ts'
import type { DataKeyTable } from './tables/vault.ts'

/** Secrets by owner (`tenant:7`) and field. They go in, and come out only as `Sealed`. */
export interface Vault {
  put(tx: Tx, owner: string, nodePath: string, field: string, secret: Sealed): Promise<void>
  get(tx: Tx, ref: SecretRef): Promise<Sealed | undefined>
  /** Which fields are set and since when: all that is ever shown of a secret. */
  setAt(tx: Tx, owner: string): Promise<{ field: string; changedAt: Date }[]>
  /**
   * For the audit: equal for equal secrets of one owner and field, and tells nothing to who has not
   * the owner's key (HMAC-SHA256). Not comparable any more once the key is destroyed.
   */
  fingerprint(
    tx: Tx,
    owner: string,
    nodePath: string,
    field: string,
    secret: Sealed,
  ): Promise<string>
  drop(tx: Tx, owner: string, field: string): Promise<void>
  /** Removes the owner's secrets and data keys, so that copies of the rows open nowhere either. */
  destroy(tx: Tx, owner: string): Promise<void>
  /**
   * Wraps data keys within the scope anew with the current master key, a batch of them; how many
   * there were. Zero: none is left that needs another key.
   */
  rewrap(tx: Tx): Promise<number>
}

/** Errors: `unavailable` when a key that the stored secrets need is not among `masterKeys`. */
export async function createVault(options: {
  db: Database
  masterKeys: KeySource
  /** What one data key may seal; see limits. */
  sealsPerKeyMax?: number
}): Promise<Vault> {
  const { sealsPerKeyMax = limits.sealsPerKeyMax } = options
  const ring = await createKeyRing(options.db, options.masterKeys)
  return {
    async put(tx, owner, nodePath, field, secret) {
      const { keyId, key } = await keyToSealWith(tx, ring, { owner, nodePath, sealsPerKeyMax })
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
      const key = await unwrap(ring, owner, row)
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

    async fingerprint(tx, owner, nodePath, field, secret) {
      const first =
        (await dataKey(tx, ring, owner, 'first')) ??
        (await addDataKey(tx, ring, owner, nodePath, 1))
      const key = hkdfSync('sha256', first.key, '', 'patchbay audit fingerprint', 32)
      const hmac = createHmac('sha256', Buffer.from(key)).update(`${field}\0`)
      return `hmac:${hmac.update(secret.reveal()).digest('hex').slice(0, 32)}`
    },

    async drop(tx, owner, field) {
      await tx.deleteFrom('secret').where('owner', '=', owner).where('field', '=', field).execute()
    },

    async destroy(tx, owner) {
      await tx.deleteFrom('secret').where('owner', '=', owner).execute()
      await tx.deleteFrom('data_key').where('owner', '=', owner).execute()
    },

    rewrap: (tx) => rewrapBatch(tx, ring),
  }
}

async function rewrapBatch(tx: Tx, ring: KeyRing): Promise<number> {
  const current = await ring.current(tx)
  const rows = await tx
    .selectFrom('data_key')
    .select(['owner', 'key_id', 'master_key_id', 'wrapped'])
    .where('master_key_id', '!=', current.id)
    .orderBy('owner')
    .limit(limits.rewrapRows)
    // Not forUpdate: that would wait for everybody who is just storing a secret.
    .forNoKeyUpdate()
    .execute()
  for (const row of rows) {
    const key = await unwrap(ring, row.owner, row)
    const wrapped = seal(current.key, [row.owner, String(row.key_id)], key.export())
    await tx
      .updateTable('data_key')
      .set({ master_key_id: current.id, wrapped })
      .where('owner', '=', row.owner)
      .where('key_id', '=', row.key_id)
      .execute()
  }
  return rows.length
}

interface DataKey {
  keyId: number
  key: KeyObject
  seals: number
}

async function dataKey(
  tx: Tx,
  ring: KeyRing,
  owner: string,
  which: 'first' | 'newest',
): Promise<DataKey | undefined> {
  const row = await tx
    .selectFrom('data_key')
    .select(['key_id', 'master_key_id', 'wrapped', 'seals'])
    .where('owner', '=', owner)
    .orderBy('key_id', which === 'first' ? 'asc' : 'desc')
    .limit(1)
    .executeTakeFirst()
  return row && { keyId: row.key_id, key: await unwrap(ring, owner, row), seals: row.seals }
}

/** Counts what it is about to seal; a key that has sealed enough gets a successor. */
async function keyToSealWith(
  tx: Tx,
  ring: KeyRing,
  { owner, nodePath, sealsPerKeyMax }: { owner: string; nodePath: string; sealsPerKeyMax: number },
): Promise<DataKey> {
  for (;;) {
    const newest = await dataKey(tx, ring, owner, 'newest')
    const used = newest !== undefined && newest.seals >= sealsPerKeyMax
    const chosen =
      newest === undefined || used
        ? await addDataKey(tx, ring, owner, nodePath, (newest?.keyId ?? 0) + 1)
        : newest
    const counted = await tx
      .updateTable('data_key')
      .set({ seals: sql<number>`seals + 1` })
      .where('owner', '=', owner)
      .where('key_id', '=', chosen.keyId)
      .where('seals', '<', sealsPerKeyMax)
      .executeTakeFirst()
    // None: others used it up since it was looked at.
    if (counted.numUpdatedRows === 1n) return chosen
  }
}

/** Of two transactions that add the same key at once, the later takes the earlier's. */
async function addDataKey(
  tx: Tx,
  ring: KeyRing,
  owner: string,
  nodePath: string,
  keyId: number,
): Promise<DataKey> {
  const key = createSecretKey(randomBytes(32))
  const current = await ring.current(tx)
  const row: Insertable<DataKeyTable> = {
    owner,
    key_id: keyId,
    node_path: nodePath,
    master_key_id: current.id,
    wrapped: seal(current.key, [owner, String(keyId)], key.export()),
  }
  const added = await tx
    .insertInto('data_key')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  if (added.numInsertedOrUpdatedRows === 1n) return { keyId, key, seals: 0 }
  const earlier = await dataKey(tx, ring, owner, 'newest')
  if (earlier !== undefined) return earlier
  throw new AppError('internal', 'The key for the secrets of this object lies outside the scope.')
}

async function unwrap(
  ring: KeyRing,
  owner: string,
  row: { key_id: number; master_key_id: string; wrapped: Buffer },
): Promise<KeyObject> {
  const masterKey = await ring.find(row.master_key_id)
  return createSecretKey(unseal(masterKey, [owner, String(row.key_id)], row.wrapped))
}
