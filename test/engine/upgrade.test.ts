import { afterAll, beforeAll, expect, it } from 'vitest'
import { advanceSync } from '../../src/engine/sync/advanceSync.ts'
import { advanceTransaction } from '../../src/engine/transaction/advanceTransaction.ts'
import { verifyChains } from '../../src/store/auditChain.ts'
import { openDatabase } from '../../src/store/database.ts'
import { figure } from '../figures/figure.ts'
import { departments, type OldDatabase, openOldDatabase } from '../store/oldDatabase.ts'
import { freshDatabase, quietLog } from '../store/testing.ts'
import { control } from './control.ts'
import { outcome } from './observed.ts'
import { readBack, users } from './transactionCases.ts'
import { startWorld, type World } from './world.ts'

let world: World
let old: OldDatabase
/** Of the people whose departments the old transactions are about. */
let keys: string[]
/** What Microsoft has of the second transaction's person, and is to have no more. */
let kept: Map<string, unknown>

beforeAll(async () => {
  const server = await freshDatabase()
  world = await startWorld(
    { users: 60, groups: 4, seed: 31 },
    {
      open: async (access, emulator) => {
        const microsoft = control(emulator, access.tenantId)
        const snapshot = await microsoft.snapshot()
        await microsoft.close()
        const people = snapshot.users.slice(0, 5).map(({ id, department }) => ({
          ...{ key: String(id), department: String(department) },
        }))
        keys = people.map(({ key }) => key)
        kept = new Map(people.map(({ key, department }) => [key, department]))
        const tenant = { microsoftTenantId: access.tenantId, model: users, people }
        old = await openOldDatabase(server.url, tenant)
        // Its secrets were never sealed; the world has a key of its own.
        await old.admin.query('truncate patchbay.secret, patchbay.data_key, patchbay.master_key')
        const db = await openDatabase({ url: old.url, name: 'upgraded', log: quietLog })
        const close = async () => {
          await db.close()
          await old.drop()
          await server.close()
        }
        return { database: { url: old.url, db, close }, tenantId: 1 }
      },
    },
  )
  await world.control.clearCalls()
}, 60_000)
afterAll(() => world.close())

async function departmentsNow(): Promise<unknown[]> {
  const snapshot = await world.control.snapshot()
  const all = new Map(snapshot.users.map(({ id, department }) => [id, department]))
  return keys.map((key) => all.get(key))
}

// Fails when a newer version reads the steps of an older one in another way.
it('A12: transactions of the first version that were under way go on after the upgrade', async () => {
  for (const id of [1, 2, 3]) await advanceTransaction(world.engine, world.job(id))
  const states = await Promise.all(
    [1, 2, 3].map(async (id) => (await readBack(world, id)).transaction?.state),
  )
  expect(states).toEqual(['succeeded', 'undone', 'succeeded'])
  const { wanted, was } = departments
  expect(await departmentsNow()).toEqual([kept.get(keys[0] ?? ''), wanted, wanted, was, wanted])
  const writes = (await world.control.calls('&writes=true')).filter(({ applied }) => applied)
  // What had been done is not done again.
  figure('writes of the three transactions', writes.length, '= 4')
})

it('A12: a sync of the first version goes on after the upgrade, to a copy of the tenant', async () => {
  await advanceSync(world.engine, world.job(1))
  const { state, models } = await outcome(world, 1)
  expect({ state, error: models.MSOLUser?.error }).toEqual({ state: 'succeeded', error: null })
  const { users: people } = await world.control.snapshot()
  const { rows } = await old.admin.query(
    'select key from patchbay.resource where removed_at is null order by key',
  )
  expect(rows.map(({ key }) => key)).toEqual(people.map(({ id }) => id))
})

it('A12: what was on record before there were chains is sealed', async () => {
  const { rows } = await old.admin.query(
    `select from patchbay.audit where action = 'transaction.start'`,
  )
  expect(rows).toHaveLength(3)
  const { chains, unsealed } = await verifyChains(world.db, '1.', true, [])
  expect(unsealed).toBeUndefined()
  expect(chains.map(({ fault }) => fault)).toEqual(chains.map(() => undefined))
  expect(chains.find(({ chain }) => chain === 2)?.entries).toBeGreaterThan(3)
})
