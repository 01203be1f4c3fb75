import { createSecretKey, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Sealed } from '../../src/core/secret.ts'
import { keysOfFile } from '../../src/store/keyRing.ts'
import { inScope } from '../../src/store/scope.ts'
import { seal } from '../../src/store/seal.ts'
import { createVault } from '../../src/store/vault.ts'
import { figure, fullSize } from '../figures/figure.ts'
import { freshDatabase } from './testing.ts'

/** Two seconds for the suite; the full number takes fifteen. */
const times = fullSize ? 1_000_000 : 100_000

test(`E5: sealed ${times} times, never the same nonce`, () => {
  const key = createSecretKey(randomBytes(32))
  const clear = Buffer.from('the same secret')
  const nonces = new Set<string>()
  for (let time = 0; time < times; time++) {
    nonces.add(seal(key, ['tenant:1', 'field', '1'], clear).toString('latin1', 1, 13))
  }
  figure('nonces that came again', times - nonces.size, '= 0')
  figure('encryptions', times, fullSize ? '>= 1000000' : '>= 100000')
}, 240_000)

test('E5: a key that has sealed 2^32 times seals no more', async () => {
  const fresh = await freshDatabase()
  const folder = await mkdtemp(join(tmpdir(), 'patchbay-nonces-'))
  const masterKeys = keysOfFile(join(folder, 'master'), fresh.db)
  const vault = await createVault({ db: fresh.db, masterKeys })
  const put = (text: string) =>
    inScope(fresh.db, '1.', (tx) => vault.put(tx, 'tenant:1', '1.2.', 'a', new Sealed(text)))
  const keys = () =>
    inScope(fresh.db, '1.', (tx) =>
      tx.selectFrom('data_key').select(['key_id', 'seals']).orderBy('key_id').execute(),
    )
  await put('first')
  await inScope(fresh.db, '1.', (tx) =>
    tx
      .updateTable('data_key')
      .set({ seals: 2 ** 32 - 1 })
      .execute(),
  )
  await put('the last of this key')
  expect(await keys()).toEqual([{ key_id: 1, seals: 2 ** 32 }])
  await put('the first of the next')
  expect(await keys()).toEqual([
    { key_id: 1, seals: 2 ** 32 },
    { key_id: 2, seals: 1 },
  ])
  await fresh.close()
  await rm(folder, { recursive: true })
})
