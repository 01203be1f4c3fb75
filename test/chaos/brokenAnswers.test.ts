import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { Patience } from '../../src/net/dispatcher.ts'
import { disagreements } from '../engine/observed.ts'
import { startWorld, type World } from '../engine/world.ts'
import { sync, withLimit } from './support.ts'

/** The product's own, some hundred times as hasty. */
const patience: Patience = { connectMs: 900, headersMs: 250, bodyIdleMs: 250, exchangeMs: 5_000 }
/** Tries of a call; a timeout of the way out is as exact as a second. */
const tries = 2
const mostMs = tries * (patience.headersMs + 1_000) + 4_000
/** What a sync takes without a fault, on this machine as busy as it is. */
let wellMs: number
let world: World

beforeAll(async () => {
  world = await startWorld({ users: 60, groups: 4, seed: 24 }, { patience })
  await sync(world)
  const began = performance.now()
  await sync(world, true)
  wellMs = performance.now() - began
})
afterEach(async () => {
  await world.control.clearFaults()
  expect(await disagreements(world)).toEqual([])
})
afterAll(() => world.close())

/** The most memory this process held above what it held before; the emulator is part of it. */
async function growthDuring(work: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage.rss()
  let most = before
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss())
  }, 5)
  await work().finally(() => clearInterval(watch))
  return (most - before) / (1024 * 1024)
}

const places = [
  ['a list', '/v1.0/users\\?', 'MSOLUser'],
  ['a delta', '/v1.0/users/delta', 'MSOLUser'],
  // However they are read: one by one, with the group, or in a batch.
  ['members', '/members|groups\\?.*expand|batch', 'Groups'],
] as const

const faults = [
  ['cut-body', 'microsoft-unavailable'],
  ['reset-after-headers', 'microsoft-unavailable'],
  ['html-200', 'microsoft-broken-answer'],
  ['empty-body', 'microsoft-broken-answer'],
  ['huge-body', 'too-large'],
  ['gzip-bomb', 'too-large'],
  ['drip', 'timed-out'],
  ['hang', 'timed-out'],
] as const

// Fails when `readBody` has no bound, `createDispatcher` and `send` no timeouts, or `readAnswer`
// takes what is not JSON.
it.each(
  faults.flatMap(([fault, code]) => places.map((place) => [fault, place[0], place, code] as const)),
)(
  'B3: %s in %s ends as an error in time, small and without harm',
  async (fault, _, place, code) => {
    const [, path, model] = place
    await world.control.fault(fault, { path })
    const began = performance.now()
    const grown = await growthDuring(() =>
      withLimit('callAttemptsMax', tries, async () => {
        const run = await sync(world, true)
        expect(run.models[model]).toMatchObject({ phase: 'failed', removed: 0, error: { code } })
        expect(run.models.MsolAccountSku).toMatchObject({ phase: 'done' })
        expect(Object.values(run.models).filter(({ removed }) => removed > 0)).toEqual([])
      }),
    )
    expect(performance.now() - began).toBeLessThan(mostMs + wellMs)
    // Members are read eight at a time; what one reader gave back waits for the collector.
    expect(grown).toBeLessThan(model === 'Groups' ? 128 : 64)
  },
)
