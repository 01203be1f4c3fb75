import { describe, expect, it } from 'vitest'
import {
  fine,
  one,
  person,
  refused,
  startLanes,
  sync,
  takeAll,
  units,
  wide,
} from '../../../test/connectors/lanesAtRest.ts'
import { settle } from '../../../test/connectors/standingClock.ts'
import { limits } from '../../core/limits.ts'
import type { Cost } from './allowance.ts'
import type { EndTurn, Lane, TakeOptions, TurnOutcome } from './lane.ts'

/** The same, with budgets of the tenant's units. */
const startWithUnits = (perSecond: number, burst: number) =>
  startLanes({ tenant: { units: { perSecond, burst }, writes: wide } })

/** Rounds of calls that fill whatever window there is. */
async function fill(lane: Lane, rounds: number, outcome: TurnOutcome = fine): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    const ends = await Promise.all(
      Array.from({ length: lane.state().window }, () => lane.take(one, sync)),
    )
    for (const end of ends) end(outcome)
  }
}

describe('window', () => {
  it('starts small, and grows with every good answer of a full window, up to its bound', async () => {
    const { lane } = startLanes()
    expect(lane.state().window).toBe(10)
    const ends: EndTurn[] = []
    for (let call = 0; call < 12; call += 1) lane.take(one, sync).then((end) => ends.push(end))
    await settle()
    expect(ends).toHaveLength(10)
    expect(lane.state()).toMatchObject({ inFlight: 10, waiting: 2 })
    for (const end of ends.splice(0)) end(fine)
    expect(lane.state().window).toBe(12)
    await settle()
    for (const end of ends.splice(0)) end(fine)
    await fill(lane, 100)
    expect(lane.state().window).toBe(16)
  })

  it('grows by one per full window once it has been told no', async () => {
    const { lane, clock } = startLanes()
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
    const { lane } = startLanes()
    for (let call = 0; call < 50; call += 1) (await lane.take(one, sync))(fine)
    expect(lane.state().window).toBe(10)
    await fill(lane, 10, { ...fine, status: 503 })
    expect(lane.state().window).toBe(10)
  })

  it('halves once for refusals that were out together, and never below one', async () => {
    const { lane, clock } = startLanes()
    await fill(lane, 100)
    await fill(lane, 1, refused(1_000))
    expect(lane.state().window).toBe(8)
    for (let round = 0; round < 10; round += 1) {
      await clock.advance(1_000)
      await fill(lane, 1, refused(1_000))
    }
    expect(lane.state().window).toBe(1)
  })

  it('halves when calls of one kind become slow, and not for a slow kind', async () => {
    const { lane, clock } = startLanes()
    await fill(lane, 100)
    const end = await lane.take(one, { ...sync, kind: 'GET reports' })
    end({ ...fine, latencyMs: 5_000 })
    expect(lane.state().window).toBe(16)
    await clock.advance(1)
    const ends = await takeAll(lane, 8)
    for (const end of ends.slice(1)) end({ ...fine, latencyMs: 1_001 })
    expect(lane.state().window).toBe(16)
    ends[0]?.({ ...fine, latencyMs: 1_001 })
    expect(lane.state().window).toBe(8)
  })

  it('stays as it is for one answer in some that comes late', async () => {
    const { lane, clock } = startLanes()
    await fill(lane, 100)
    for (let round = 0; round < 100; round += 1) {
      await clock.advance(1)
      const [late, ...others] = await takeAll(lane, 10)
      late?.({ ...fine, latencyMs: 5_000 })
      for (const end of others) end(fine)
    }
    expect(lane.state().window).toBe(16)
  })
})

describe('pause', () => {
  it('holds every call until Retry-After, and tells the other processes', async () => {
    const { lane, clock, announced } = startLanes()
    ;(await lane.take(one, sync))(refused(3_000))
    expect(announced).toEqual([['graph app tenant', clock.now() + 3_000]])
    let started = 0
    for (const priority of ['sync', 'interactive'] as const) {
      lane.take(one, { ...sync, priority }).then((end) => {
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
    const { lane } = startLanes({ inFlightMax: 4 })
    const ends = await Promise.all([1, 2, 3, 4].map(() => lane.take(one, sync)))
    const waiting = lane.take(one, sync)
    ends[0]?.(refused(limits.callWaitMs + 1))
    await expect(waiting).rejects.toMatchObject({ code: 'microsoft-throttled' })
    await expect(lane.take(one, sync)).rejects.toMatchObject({
      code: 'microsoft-throttled',
      retryAfterMs: limits.callWaitMs + 1,
    })
  })

  it('is bounded, and heard from other processes', async () => {
    const { lanes, lane, clock } = startLanes()
    lanes.hear('graph app tenant', clock.now() + 1e12)
    expect(lane.state().pausedUntil).toBe(clock.now() + limits.retryAfterMaxMs)
    await clock.advance(limits.retryAfterMaxMs)
    ;(await lane.take(one, sync))(fine)
  })

  it('A10: that is over stays over when the clock is put back', async () => {
    const { lane, clock } = startLanes()
    ;(await lane.take(one, sync))(refused(5_000))
    await clock.advance(5_000)
    ;(await lane.take(one, sync))(fine)
    clock.putBy(-600_000)
    expect(await takeAll(lane, 1)).toHaveLength(1)
  })
})

it('A10: a window shrinks at a refusal though the clock was put back since the last', async () => {
  const { lane, clock } = startLanes()
  await fill(lane, 100)
  await fill(lane, 1, refused(1_000))
  await clock.advance(1_000)
  expect(lane.state().window).toBe(8)
  clock.putBy(-600_000)
  ;(await lane.take(one, sync))(fine)
  await clock.advance(1)
  ;(await lane.take(one, sync))(refused(1_000))
  expect(lane.state().window).toBe(4)
})

describe('turns', () => {
  it('go to interactive calls first', async () => {
    const { lane } = startLanes({ inFlightMax: 4 })
    const ends = await Promise.all([1, 2, 3, 4].map(() => lane.take(one, sync)))
    const order: string[] = []
    for (const priority of ['sync', 'sync', 'interactive'] as const) {
      lane.take(one, { ...sync, priority }).then((end) => {
        order.push(priority)
        end(fine)
      })
    }
    ends[0]?.(fine)
    await settle()
    expect(order).toEqual(['interactive', 'sync', 'sync'])
  })

  it('are paced by resource units', async () => {
    const { lane, clock } = startWithUnits(100, 10)
    let started = 0
    for (let call = 0; call < 30; call += 1) {
      lane.take(units(2), sync).then((end) => {
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
    const { lane, clock } = startWithUnits(100, 10)
    ;(await lane.take(units(30), sync))(fine)
    let started = false
    lane.take(one, sync).then(() => {
      started = true
    })
    await clock.advance(200)
    expect(started).toBe(false)
    await clock.advance(20)
    expect(started).toBe(true)
  })

  it('are given up without a trace', async () => {
    const { lane } = startLanes({ inFlightMax: 4 })
    const ends = await Promise.all([1, 2, 3, 4].map(() => lane.take(one, sync)))
    const controller = new AbortController()
    const { signal } = controller
    const leaving = lane.take(one, { ...sync, signal })
    const staying = lane.take(one, sync)
    controller.abort()
    await expect(leaving).rejects.toMatchObject({ code: 'cancelled' })
    await expect(lane.take(one, { ...sync, signal })).rejects.toMatchObject({ code: 'cancelled' })
    for (const end of ends) end(fine)
    ;(await staying)(fine)
    expect(lane.state()).toMatchObject({ inFlight: 0, waiting: 0 })
  })

  it('are refused when too many wait', async () => {
    const { lane } = startLanes({ inFlightMax: 1 })
    await lane.take(one, sync)
    const waiting = Array.from({ length: limits.laneWaitersMax }, () => lane.take(one, sync))
    for (const each of waiting) each.catch(() => {})
    await expect(lane.take(one, sync)).rejects.toMatchObject({ code: 'unavailable' })
  })
})

describe('budgets', () => {
  it('of writes are their own: reads go on while writes wait', async () => {
    const writes = { perSecond: 20, burst: 2 }
    const { lane, clock } = startLanes({ tenant: { units: wide, writes } })
    for (let call = 0; call < 2; call += 1) {
      ;(await lane.take({ units: 1, writes: 1 }, sync))(fine)
    }
    let written = 0
    for (let call = 0; call < 40; call += 1) {
      lane.take({ units: 1, writes: 1 }, person).then((end) => {
        written += 1
        end(fine)
      })
    }
    // Both at once, though many writes came before them.
    ;(await lane.take(one, person))(fine)
    ;(await lane.take(one, sync))(fine)
    await clock.advance(49)
    expect(written).toBe(0)
    await clock.advance(1)
    expect(written).toBe(1)
    await clock.advance(1_950)
    expect(written).toBe(40)
  })

  it('of units are for who came first: a read passes no write that lacks them', async () => {
    const units = { perSecond: 100, burst: 10 }
    const { lane, clock } = startLanes({ tenant: { units, writes: { perSecond: 1, burst: 1 } } })
    ;(await lane.take({ units: 10, writes: 1 }, sync))({ ...fine, units: 10 })
    const order: string[] = []
    const take = async (name: string, cost: Cost, options: TakeOptions) => {
      const end = await lane.take(cost, options)
      order.push(name)
      end(fine)
    }
    take('write', { units: 8, writes: 1 }, person)
    take('read', one, sync)
    await clock.advance(79)
    expect(order).toEqual([])
    // Now it lacks nothing but the quota of writes, which takes it a second.
    await clock.advance(20)
    expect(order).toEqual(['read'])
    await clock.advance(1_000)
    expect(order).toEqual(['read', 'write'])
  })

  it('are what the service says they are', async () => {
    const { lane, clock } = startWithUnits(100, 10)
    ;(await lane.take(one, sync))({ ...fine, units: 10 })
    let started = 0
    lane.take(units(5), sync).then((end) => {
      started += 1
      end({ ...fine, units: 1 })
    })
    await clock.advance(49)
    expect(started).toBe(0)
    await clock.advance(1)
    expect(started).toBe(1)
    // Four came back.
    ;(await lane.take(units(4), sync))(fine)
  })

  it('are smaller than documented once the service says so, for a minute', async () => {
    const { lane, clock } = startWithUnits(100, 1_000)
    ;(await lane.take(one, sync))({ ...refused(1_000), short: 'units' })
    await clock.advance(1_000)
    const perSecond = async () => {
      let given = 0
      const stop = new AbortController()
      const taking = (async () => {
        for (;;) {
          const end = await lane.take(one, { ...sync, signal: stop.signal })
          given += 1
          end(fine)
        }
      })()
      taking.catch(() => {})
      await clock.advance(1_000)
      stop.abort()
      await settle()
      return given
    }
    await perSecond()
    expect(await perSecond()).toBeLessThan(90)
    await clock.advance(60_000)
    ;(await lane.take(units(1_000), sync))(fine)
    expect(await perSecond()).toBeGreaterThanOrEqual(99)
  })
})

describe('a refusal without a wait', () => {
  it.each([undefined, 0, 1])(
    'that names %s ms doubles the pause each time',
    async (retryAfterMs) => {
      const { lane, clock } = startLanes()
      const pauses: number[] = []
      for (let round = 0; round < 9; round += 1) {
        ;(await lane.take(one, sync))(refused(retryAfterMs))
        const pauseMs = lane.state().pausedUntil - clock.now()
        pauses.push(pauseMs)
        await clock.advance(pauseMs)
      }
      const { backoffFirstMs: first, backoffMaxMs: most } = limits
      expect(pauses).toEqual(
        [1, 2, 4, 8, 16, 32, 64, 128, 256].map((n) => Math.min(n * first, most)),
      )
      ;(await lane.take(one, sync))(fine)
      ;(await lane.take(one, sync))(refused(retryAfterMs))
      expect(lane.state().pausedUntil - clock.now()).toBe(first)
    },
  )

  it('counts once for calls that were out together', async () => {
    const { lane, clock } = startLanes()
    const ends = await Promise.all([1, 2, 3, 4].map(() => lane.take(one, sync)))
    await clock.advance(10)
    for (const end of ends) end(refused())
    expect(lane.state().pausedUntil - clock.now()).toBe(limits.backoffFirstMs)
  })
})

it('brakes where the service says how much is used', async () => {
  const { lane, clock } = startLanes()
  await fill(lane, 3, { ...fine, usedShare: 0.8 })
  expect(lane.state().window).toBe(10)
  await fill(lane, 1, { ...fine, usedShare: 1.2 })
  expect(lane.state().window).toBe(5)
  await clock.advance(1)
  await fill(lane, 5)
  expect(lane.state().window).toBeGreaterThan(5)
})
