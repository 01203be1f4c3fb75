import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { Sealed } from '../../src/core/secret.ts'
import { openDatabase } from '../../src/store/database.ts'
import { inScope } from '../../src/store/scope.ts'
import { type FreshDatabase, freshDatabase, quietLog } from './testing.ts'

let fresh: FreshDatabase

beforeAll(async () => {
  fresh = await freshDatabase()
})
afterAll(() => fresh.close())

/** Raises an error with this SQLSTATE inside the server, as the real cause would. */
function raise(state: string): Promise<unknown> {
  return inScope(fresh.db, '1.', (tx) =>
    sql.raw(`do $$ begin raise sqlstate '${state}'; end $$`).execute(tx),
  )
}

test.each([
  ...[['53100', 'unavailable', 'disk space'] as const],
  ...[['53200', 'unavailable', 'memory'] as const],
  ...[['57P03', 'unavailable', 'cannot be reached'] as const],
  ...[['57014', 'unavailable', 'too long'] as const],
  ...[['25006', 'unavailable', 'read-only'] as const],
  ...[['40001', 'conflict', 'Nothing was changed'] as const],
  ...[['40P01', 'conflict', 'Nothing was changed'] as const],
  ...[['55P03', 'unavailable', 'Nothing was changed'] as const],
])('SQLSTATE %s is told as %s', async (state, code, words) => {
  const message = expect.stringContaining(words)
  await expect(raise(state)).rejects.toMatchObject({ code, message })
})

test('what nobody foresaw stays what it was', async () => {
  await expect(raise('22012')).rejects.toMatchObject({ code: '22012' })
})

test('a row that someone else holds is waited for, not for ever', async () => {
  await inScope(fresh.db, '1.', async (tx) => {
    const row = { id: 1, parent_id: null, kind: 'provider' as const, name: 'one', node_path: '1.' }
    await tx.insertInto('node').values(row).execute()
  })
  await inScope(fresh.db, '1.', async (holder) => {
    await holder.selectFrom('node').select('id').forUpdate().execute()
    const late = inScope(fresh.db, '1.', async (tx) => {
      await sql`set local lock_timeout = '100ms'`.execute(tx)
      await tx.selectFrom('node').select('id').forUpdate().execute()
    })
    await expect(late).rejects.toMatchObject({ code: 'unavailable' })
  })
})

test('an exhausted pool answers after its wait, and works again when one comes back', async () => {
  const small = await openDatabase({
    ...{ url: fresh.url, name: 'small', log: quietLog, poolMax: 1, poolWaitMs: 200 },
  })
  const start = Date.now()
  await inScope(small, '1.', async () => {
    await expect(inScope(small, '1.', async () => {})).rejects.toMatchObject({
      code: 'unavailable',
    })
  })
  // By its own wait, and not by that of the product.
  expect(Date.now() - start).toBeLessThan(limits.poolWaitMs)
  await inScope(small, '1.', async () => {})
  await small.close()
})

test('a server that is not there, and an address without a password, say so', async () => {
  const options = { name: 'x', log: quietLog }
  const nowhere = new Sealed('postgres://someone:word@127.0.0.1:1/none')
  await expect(openDatabase({ ...options, url: nowhere })).rejects.toMatchObject({
    code: 'unavailable',
  })
  const bare = new Sealed('postgres://someone@127.0.0.1:1/none')
  await expect(openDatabase({ ...options, url: bare })).rejects.toMatchObject({ code: 'bad-input' })
})
