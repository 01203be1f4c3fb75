import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createModels } from '../../src/engine/models/versions/versions.ts'
import { stepKinds } from '../../src/features/transactions/kinds.ts'
import { replayTransaction } from '../../src/features/transactions/transactions.ts'
import { inScope } from '../../src/store/scope.ts'
import { actorAt, addNode, type Bench, failureOf, openBench } from './support.ts'

let bench: Bench
beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.close())

async function addTransaction(nodePath: string, key: string | null): Promise<number> {
  return inScope(bench.store.db, '1.', async (tx) => {
    const { rows } = await sql<{ id: number }>`
      insert into transaction (tenant_id, node_path, kind, title, state, actor, actor_id,
        idempotency_key, request_hash)
      values (1, ${nodePath}, 'update', 'x', 'succeeded', '{}', 'person:Ada', ${key}, '')
      returning id`.execute(tx)
    return rows[0]?.id ?? 0
  })
}

test('a key that was used for what has left the scope since is refused, once and for all', async () => {
  const mine = await addNode(bench, 1, 'customer', 'Mine')
  const moved = await addNode(bench, 1, 'customer', 'Moved away')
  await addTransaction(moved.path, 'k')
  const here = await addTransaction(mine.path, null)
  const dependencies = {
    engine: { ...bench.store, models: createModels(bench.store.db), stepKinds },
    jobs: { enqueue: async () => undefined },
  }
  const replay = replayTransaction(actorAt(mine.path), dependencies, here, 'k')
  expect(await failureOf(replay)).toMatchObject({ code: 'idempotency-key-reused', status: 422 })
})
