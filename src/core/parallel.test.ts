import { describe, expect, it } from 'vitest'
import { createGate, inParallel } from './parallel.ts'

const soon = () => new Promise((resolve) => setImmediate(resolve))

it('does everything once, so many at a time', async () => {
  const done: number[] = []
  let inFlight = 0
  let most = 0
  await inParallel([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
    inFlight += 1
    most = Math.max(most, inFlight)
    await soon()
    inFlight -= 1
    done.push(item)
  })
  expect(done.sort()).toEqual([1, 2, 3, 4, 5, 6, 7])
  expect(most).toBe(3)
  await inParallel([], 3, async () => expect.unreachable())
})

it('begins nothing more after a failure, and hands it on', async () => {
  const begun: number[] = []
  const work = inParallel([1, 2, 3, 4, 5, 6], 2, async (item) => {
    begun.push(item)
    await soon()
    if (item === 2) throw new Error('two')
  })
  await expect(work).rejects.toThrow('two')
  await soon()
  expect(begun.length).toBeLessThanOrEqual(3)
})

describe('a gate', () => {
  it('lets in as many as there are places, in the order they came', async () => {
    const gate = createGate(2, new AbortController().signal)
    const entered: number[] = []
    for (let one = 0; one < 4; one++) gate.enter().then(() => entered.push(one))
    await soon()
    expect(entered).toEqual([0, 1])
    gate.leave()
    await soon()
    expect(entered).toEqual([0, 1, 2])
  })

  // Fails when who waits is forgotten after a failure: the work around them then never ends.
  it('holds nobody once its signal is aborted', async () => {
    const stop = new AbortController()
    const gate = createGate(1, stop.signal)
    await gate.enter()
    const waits = gate.enter()
    stop.abort()
    await waits
    await gate.enter()
  })
})
