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
  // Fails when one who leaves lets in one: in flight are then as many as fit, however many may be.
  it('opens to all who wait once few enough are inside', async () => {
    const gate = createGate(1, new AbortController().signal)
    gate.enter()
    let opened = 0
    for (let one = 0; one < 3; one++) gate.open().then(() => opened++)
    await soon()
    expect(opened).toBe(0)
    gate.leave()
    await soon()
    expect(opened).toBe(3)
  })

  // Fails when who waits is forgotten after a failure: the work around them then never ends.
  it('holds nobody once its signal is aborted', async () => {
    const stop = new AbortController()
    const gate = createGate(1, stop.signal)
    gate.enter()
    const waits = gate.open()
    stop.abort()
    await waits
    await gate.open()
  })
})
