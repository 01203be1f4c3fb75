import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Sealed } from '../../src/core/secret.ts'
import { keysOfFile } from '../../src/store/keyRing.ts'
import { createMasterKeyFile, readMasterKeyFile } from '../../src/store/masterKey.ts'
import { inScope, type Tx } from '../../src/store/scope.ts'
import { createVault, type Vault } from '../../src/store/vault.ts'
import { type FreshDatabase, freshDatabase } from './testing.ts'

let fresh: FreshDatabase
let folder: string
let vault: Vault

beforeAll(async () => {
  fresh = await freshDatabase()
  folder = await mkdtemp(join(tmpdir(), 'patchbay-vault-'))
  const masterKeys = keysOfFile(join(folder, 'master'), fresh.db)
  vault = await createVault({ db: fresh.db, masterKeys })
})
afterAll(async () => {
  await fresh.close()
  await rm(folder, { recursive: true })
})

const within = <T>(work: (tx: Tx) => Promise<T>) => inScope(fresh.db, '1.', work)
const put = (owner: string, field: string, text: string) =>
  within((tx) => vault.put(tx, owner, '1.2.', field, new Sealed(text)))
const get = (owner: string, field: string) => within((tx) => vault.get(tx, { owner, field }))

test('E2: a secret goes in, comes out sealed, and shows only when it was set', async () => {
  await put('tenant:1', 'clientSecret', 'first')
  await put('tenant:1', 'clientSecret', 'sécret \u{1f511}')
  const secret = await get('tenant:1', 'clientSecret')
  expect(secret?.reveal()).toBe('sécret \u{1f511}')
  expect(`${secret} ${JSON.stringify(secret)} ${inspect(secret)}`).not.toContain('sécret')
  const [set] = await within((tx) => vault.setAt(tx, 'tenant:1'))
  expect(set).toEqual({ field: 'clientSecret', changedAt: expect.any(Date) })
  expect(await get('tenant:1', 'other')).toBeUndefined()
  expect(
    await inScope(fresh.db, '3.', (tx) =>
      vault.get(tx, { owner: 'tenant:1', field: 'clientSecret' }),
    ),
  ).toBeUndefined()
})

test('nothing of it lies in the database in the clear', async () => {
  await put('tenant:2', 'clientSecret', 'canary-7f3a9c')
  const { rows } = await within((tx) =>
    tx.client.query(`select encode(sealed, 'escape') as text from secret`),
  )
  expect(JSON.stringify(rows)).not.toContain('canary')
})

test('the same secret twice is never the same bytes', async () => {
  const seen = new Set<string>()
  for (let round = 0; round < 200; round++) {
    await put('tenant:3', 'clientSecret', 'same')
    const row = await within((tx) =>
      tx
        .selectFrom('secret')
        .select('sealed')
        .where('owner', '=', 'tenant:3')
        .executeTakeFirstOrThrow(),
    )
    seen.add(row.sealed.subarray(0, 13).toString('hex'))
  }
  expect(seen.size).toBe(200)
})

/**
 * Replaces the stored bytes of one secret with what `change` makes of them, then tries to open it.
 */
async function openAfter(owner: string, field: string, change: (sealed: Buffer) => Buffer) {
  return within(async (tx) => {
    const where = tx
      .selectFrom('secret')
      .select('sealed')
      .where('owner', '=', owner)
      .where('field', '=', field)
    const { sealed } = await where.executeTakeFirstOrThrow()
    await tx
      .updateTable('secret')
      .set({ sealed: change(sealed) })
      .where('owner', '=', owner)
      .where('field', '=', field)
      .execute()
    const opened = await vault.get(tx, { owner, field }).catch((error) => error)
    await tx
      .updateTable('secret')
      .set({ sealed })
      .where('owner', '=', owner)
      .where('field', '=', field)
      .execute()
    return opened
  })
}

const refusal = expect.objectContaining({ code: 'internal' })

test('a refusal tells no detail', async () => {
  await put('tenant:4', 'clientSecret', 'a secret')
  const error = await openAfter('tenant:4', 'clientSecret', (sealed) => sealed.subarray(1))
  expect(error).toEqual(refusal)
  expect(error.cause).toBeUndefined()
  expect(error.message).not.toMatch(/tag|nonce|length|tenant:4/i)
})

test('E4: every flipped byte and every cut is refused', async () => {
  await put('tenant:4', 'clientSecret', 'a secret')
  const { length } = (
    await within((tx) =>
      tx
        .selectFrom('secret')
        .select('sealed')
        .where('owner', '=', 'tenant:4')
        .executeTakeFirstOrThrow(),
    )
  ).sealed
  expect(length).toBe(1 + 12 + 8 + 16)
  for (let index = 0; index < length; index++) {
    const flip = (sealed: Buffer) => {
      const changed = Buffer.from(sealed)
      changed[index] = (changed[index] ?? 0) ^ 1
      return changed
    }
    expect(await openAfter('tenant:4', 'clientSecret', flip), `byte ${index}`).toEqual(refusal)
    expect(
      await openAfter('tenant:4', 'clientSecret', (sealed) => sealed.subarray(0, index)),
    ).toEqual(refusal)
  }
  expect((await get('tenant:4', 'clientSecret'))?.reveal()).toBe('a secret')
})

test('E4: a secret moved to another owner, field, row or key does not open', async () => {
  await put('tenant:5', 'clientSecret', 'five')
  await put('tenant:5', 'password', 'five too')
  await put('tenant:6', 'clientSecret', 'six')
  const sealedOf = (owner: string, field: string) =>
    within((tx) =>
      tx
        .selectFrom('secret')
        .select('sealed')
        .where('owner', '=', owner)
        .where('field', '=', field)
        .executeTakeFirstOrThrow(),
    )
  const six = await sealedOf('tenant:6', 'clientSecret')
  const password = await sealedOf('tenant:5', 'password')
  expect(await openAfter('tenant:5', 'clientSecret', () => six.sealed)).toEqual(refusal)
  expect(await openAfter('tenant:5', 'clientSecret', () => password.sealed)).toEqual(refusal)
  // With the data key moved along, the owner inside both still does not fit.
  const moved = within(async (tx) => {
    await tx.client.query(
      `update data_key set wrapped = (select wrapped from data_key where owner = 'tenant:6') where owner = 'tenant:5'`,
    )
    await tx.client.query(
      `update secret set sealed = $1 where owner = 'tenant:5' and field = 'clientSecret'`,
      [six.sealed],
    )
    const opened = await vault
      .get(tx, { owner: 'tenant:5', field: 'clientSecret' })
      .catch((error) => error)
    expect(opened).toEqual(refusal)
    throw new Error('undo')
  })
  await expect(moved).rejects.toThrow('undo')
})

test('two first secrets of one owner at once share one data key', async () => {
  await Promise.all(['a', 'b', 'c', 'd'].map((field) => put('tenant:7', field, field)))
  for (const field of ['a', 'b', 'c', 'd']) {
    expect((await get('tenant:7', field))?.reveal()).toBe(field)
  }
})

test('E4, H8: destroy leaves neither secret nor key; drop leaves the others', async () => {
  await put('tenant:8', 'one', 'one')
  await put('tenant:8', 'two', 'two')
  await within((tx) => vault.drop(tx, 'tenant:8', 'one'))
  expect(await get('tenant:8', 'one')).toBeUndefined()
  expect((await get('tenant:8', 'two'))?.reveal()).toBe('two')
  await within((tx) => vault.destroy(tx, 'tenant:8'))
  const left = await within((tx) =>
    tx.client.query(
      `select owner from secret where owner = 'tenant:8' union all select owner from data_key where owner = 'tenant:8'`,
    ),
  )
  expect(left.rows).toEqual([])
})

test('E5: a key that has sealed enough gets a successor, however many seal at once', async () => {
  const few = await createVault({
    ...{ db: fresh.db, masterKeys: keysOfFile(join(folder, 'master'), fresh.db) },
    sealsPerKeyMax: 3,
  })
  const fields = Array.from({ length: 11 }, (_, index) => `field${index}`)
  const store = (field: string) =>
    within((tx) => few.put(tx, 'tenant:11', '1.2.', field, new Sealed(field)))
  for (const field of fields.slice(0, 5)) await store(field)
  await Promise.all(fields.slice(5).map(store))
  const keys = await within((tx) =>
    tx
      .selectFrom('data_key')
      .select(['key_id', 'seals'])
      .where('owner', '=', 'tenant:11')
      .execute(),
  )
  expect(keys.length).toBeGreaterThan(3)
  // Without the count in the update of keyToSealWith one of them seals more than three.
  expect(keys.filter(({ seals }) => Number(seals) > 3)).toEqual([])
  for (const field of fields) expect((await get('tenant:11', field))?.reveal()).toBe(field)
})

test('a fingerprint is the same for the same secret of one owner and field, and only there', async () => {
  const of = (owner: string, field: string, text: string) =>
    within((tx) => vault.fingerprint(tx, owner, '1.2.', field, new Sealed(text)))
  const first = await of('tenant:12', 'a', 'hunter2')
  expect(first).toMatch(/^hmac:[0-9a-f]{32}$/)
  expect(await of('tenant:12', 'a', 'hunter2')).toBe(first)
  const others = [
    await of('tenant:12', 'a', 'hunter3'),
    await of('tenant:12', 'b', 'hunter2'),
    await of('tenant:13', 'a', 'hunter2'),
  ]
  expect(new Set([first, ...others]).size).toBe(4)
  await within((tx) => vault.destroy(tx, 'tenant:12'))
  expect(await of('tenant:12', 'a', 'hunter2')).not.toBe(first)
})

test('E7: a lost key file is not replaced by a new one while the database has secrets', async () => {
  await put('tenant:10', 'clientSecret', 'ten').catch(() => {})
  const lost = join(folder, 'lost')
  await expect(keysOfFile(lost, fresh.db)()).rejects.toMatchObject({ code: 'unavailable' })
  expect(await stat(lost).catch(() => 'none')).toBe('none')
})

test('E7: a key file is private, never overwritten, and refused when others may read it', async () => {
  const path = join(folder, 'private')
  const [made] = await createMasterKeyFile(path)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect((await readMasterKeyFile(path))?.[0].id).toBe(made.id)
  await expect(createMasterKeyFile(path)).rejects.toMatchObject({ code: 'EEXIST' })
  expect(inspect(made, { depth: 9 })).not.toContain((await readFile(path, 'utf8')).split(' ')[1])
  for (const mode of [0o640, 0o604, 0o644, 0o620]) {
    await chmod(path, mode)
    await expect(readMasterKeyFile(path), mode.toString(8)).rejects.toThrow('chmod 600')
  }
})

test('E7: a damaged key file is refused', async () => {
  const path = join(folder, 'damaged')
  const [{ id }] = await createMasterKeyFile(path)
  const text = await readFile(path, 'utf8')
  for (const damaged of [
    '',
    id,
    text.slice(0, -9),
    text.replace(id, '00000000'),
    `${text.trim()}=`,
  ]) {
    await writeFile(path, damaged)
    await expect(readMasterKeyFile(path), damaged).rejects.toThrow('is damaged')
  }
})
