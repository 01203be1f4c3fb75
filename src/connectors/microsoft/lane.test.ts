import { describe, expect, it } from 'vitest'
import type { Clock } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'
import { createLane, type EndTurn, type Lane, type LaneRates, type TurnOutcome } from './lane.ts'

interface Sleeper {
  at: number
  wake: () => void
}

/** A clock that stands until it is moved, and wakes whoever is due on the way. */
function createStandingClock(): Clock & { advance(ms: number): Promise<void> } {
  let now = 1_000_000
  let sleepers: Sleeper[] = []
  return {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const sleeper = { at: now + ms, wake: resolve }
        sleepers.push(sleeper)
        signal?.addEventListener('abort', () => {
          sleepers = sleepers.filter((each) => each !== sleeper)
          reject(signal.reason)
        })
      }),
    async advance(ms) {
      const until = now + ms
      for (;;) {
        await settle()
        const [next] = sleepers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)
        if (next === undefined) break
        sleepers = sleepers.filter((each) => each !== next)
        now = next.at
        next.wake()
      }
      now = until
      await settle()
    },
  }
}
const settle = () => new Promise((resolve) => setImmediate(resolve))

const rates: LaneRates = { unitsPerSecond: 100, unitsBurst: 100_000, inFlightMax: 16 }
const fine = { status: 200, retryAfterMs: undefined, latencyMs: 100 }
const refused = (retryAfterMs?: number) => ({ status: 429, retryAfterMs, latencyMs: 100 })
const sync = { priority: 'sync', kind: 'GET users' } as const

function start(given: Partial<LaneRates> = {}) {
  const clock = createStandingClock()
  const announced: number[] = []
  const lane = createLane(clock, { ...rates, ...given }, (until) => announced.push(until))
  return { clock, lane, announced }
}

/** Rounds of calls that fill whatever window there is. */
async function fill(lane: Lane, rounds: number, outcome: TurnOutcome = fine): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    const ends = await Promise.all(
      Array.from({ length: lane.state().window }, () => lane.take(1, sync)),
    )
    for (const end of ends) end(outcome)
  }
}

describe('window', () => {
  it('starts small, and grows with every good answer of a full window, up to its bound', async () => {
    const { lane } = start()
    expect(lane.state().window).toBe(4)
    const ends: EndTurn[] = []
    for (let call = 0; call < 6; call += 1) lane.take(1, sync).then((end) => ends.push(end))
    await settle()
    expect(ends).toHaveLength(4)
    expect(lane.state()).toMatchObject({ inFlight: 4, waiting: 2 })
    for (const end of ends.splice(0)) end(fine)
    expect(lane.state().window).toBe(6)
    await settle()
    for (const end of ends.splice(0)) end(fine)
    await fill(lane, 100)
    expect(lane.state().window).toBe(16)
  })

  it('grows by one per full window once it has been told no', async () => {
    const { lane, clock } = start()
    await fill(lane, 100)
    await fill(lane, 1, refused())
    await clock.advance(1_000)
    expect(lane.state().window).toBe(8)
    await fill(lane, 1)
    expect(lane.state().window).toBe(9)
    await fill(lane, 2)
    expect(lane.state().window).toBe(11)
  })

  it('does not grow while it is not filled, nor by faults', async () => {
    const { lane } = start()
    for (let call = 0; call < 50; call += 1) (await lane.take(1, sync))(fine)
    expect(lane.state().window).toBe(4)
    await fill(lane, 10, { ...fine, status: 503 })
    expect(lane.state().window).toBe(4)
  })

  it('halves once for refusals that were out together, and never below one', async () => {
    const { lane, clock } = start()
    await fill(lane, 100)
    await fill(lane, 1, refused())
    expect(lane.state().window).toBe(8)
    for (let round = 0; round < 10; round += 1) {
      await clock.advance(1_000)
      await fill(lane, 1, refused())
    }
    expect(lane.state().window).toBe(1)
  })

  it('halves when calls of one kind become slow, and not for a slow kind', async () => {
    const { lane, clock } = start()
    await fill(lane, 100)
    const end = await lane.take(1, { ...sync, kind: 'GET reports' })
    end({ ...fine, latencyMs: 5_000 })
    expect(lane.state().window).toBe(16)
    await clock.advance(1)
    ;(await lane.take(1, sync))({ ...fine, latencyMs: 1_001 })
    expect(lane.state().window).toBe(8)
  })
})

describe('pause', () => {
  it('holds every call until Retry-After, and tells the other processes', async () => {
    const { lane, clock, announced } = start()
    ;(await lane.take(1, sync))(refused(3_000))
    expect(announced).toEqual([clock.now() + 3_000])
    let started = 0
    for (const priority of ['sync', 'interactive'] as const) {
      lane.take(1, { ...sync, priority }).then((end) => {
        started += 1
        end(fine)
      })
    }
    await clock.advance(2_999)
    expect(started).toBe(0)
    await clock.advance(1)
    expect(started).toBe(2)
  })

  it('sends a call away when it would wait too long, also those that wait already', async () => {
    const { lane } = start()
    const ends = await Promise.all([1, 2, 3, 4].map(() => lane.take(1, sync)))
    const waiting = lane.take(1, sync)
    ends[0]?.(refused(limits.callWaitMs + 1))
    await expect(waiting).rejects.toMatchObject({ code: 'microsoft-throttled' })
    await expect(lane.take(1, sync)).rejects.toMatchObject({
      code: 'microsoft-throttled',
      retryAfterMs: limits.callWaitMs + 1,
    })
  })

  it('is bounded, and heard from other processes', async () => {
    const { lane, clock } = start()
    lane.pauseUntil(clock.now() + 1e12)
    expect(lane.state().pausedUntil).toBe(clock.now() + limits.retryAfterMaxMs)
    await clock.advance(limits.retryAfterMaxMs)
    ;(await lane.take(1, sync))(fine)
  })
})

describe('turns', () => {
  it('go to interactive calls first', async () => {
    const { lane } = start()
    const ends = await Promise.all([1, 2, 3, 4].map(() => lane.take(1, sync)))
    const order: string[] = []
    for (const priority of ['sync', 'sync', 'interactive'] as const) {
      lane.take(1, { ...sync, priority }).then((end) => {
        order.push(priority)
        end(fine)
      })
    }
    ends[0]?.(fine)
    await settle()
    expect(order).toEqual(['interactive', 'sync', 'sync'])
  })

  it('are paced by resource units', async () => {
    const { lane, clock } = start({ unitsBurst: 10 })
    let started = 0
    for (let call = 0; call < 30; call += 1) {
      lane.take(2, sync).then((end) => {
        started += 1
        end(fine)
      })
    }
    await settle()
    expect(started).toBe(5)
    await clock.advance(100)
    expect(started).toBe(10)
    await clock.advance(400)
    expect(started).toBe(30)
  })

  it('come even to a call dearer than the bucket, and the next pays for it', async () => {
    const { lane, clock } = start({ unitsBurst: 10 })
    ;(await lane.take(30, sync))(fine)
    let started = false
    lane.take(1, sync).then(() => {
      started = true
    })
    await clock.advance(200)
    expect(started).toBe(false)
    await clock.advance(20)
    expect(started).toBe(true)
  })

  it('are given up without a trace', async () => {
    const { lane } = start()
    const ends = await Promise.all([1, 2, 3, 4].map(() => lane.take(1, sync)))
    const controller = new AbortController()
    const { signal } = controller
    const leaving = lane.take(1, { ...sync, signal })
    const staying = lane.take(1, sync)
    controller.abort()
    await expect(leaving).rejects.toMatchObject({ code: 'cancelled' })
    await expect(lane.take(1, { ...sync, signal })).rejects.toMatchObject({ code: 'cancelled' })
    for (const end of ends) end(fine)
    ;(await staying)(fine)
    expect(lane.state()).toMatchObject({ inFlight: 0, waiting: 0 })
  })

  it('are refused when too many wait', async () => {
    const { lane } = start({ inFlightMax: 1 })
    await lane.take(1, sync)
    const waiting = Array.from({ length: limits.laneWaitersMax }, () => lane.take(1, sync))
    for (const each of waiting) each.catch(() => {})
    await expect(lane.take(1, sync)).rejects.toMatchObject({ code: 'unavailable' })
  })
})
