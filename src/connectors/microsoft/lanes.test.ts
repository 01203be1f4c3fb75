import { describe, expect, it } from 'vitest'
import {
  fine,
  named,
  one,
  person,
  refused,
  startLanes,
  sync,
  takeAll,
  wide,
} from '../../../test/connectors/lanesAtRest.ts'
import { settle } from '../../../test/connectors/standingClock.ts'
import { limits } from '../../core/limits.ts'

describe('the budgets', () => {
  it('of an application hold all its tenants, and serve them in turn', async () => {
    const application = { units: { perSecond: 10, burst: 1 }, writes: wide }
    const { lanes, clock } = startLanes({ application })
    const order: string[] = []
    for (const tenant of ['a', 'b', 'c']) {
      for (let call = 0; call < 4; call += 1) {
        lanes
          .lane(named(tenant))
          .take(one, sync)
          .then((end) => {
            order.push(tenant)
            end(fine)
          })
      }
    }
    await clock.advance(2_000)
    expect(order).toHaveLength(12)
    // Whoever came first with all calls is not served first with all of them.
    for (const from of [1, 4, 7]) {
      expect([...order.slice(from, from + 3)].sort()).toEqual(['a', 'b', 'c'])
    }
    const other = lanes.lane(named('a', 'other app'))
    expect(await takeAll(other, 1)).toHaveLength(1)
  })
})

it('a clock that is put back holds nobody for longer than a wait more', async () => {
  const application = { units: { perSecond: 10, burst: 1 }, writes: wide }
  const { lanes, clock } = startLanes({ application })
  const ends = await takeAll(lanes.lane(named('tenant')), 2)
  expect(ends).toHaveLength(1)
  clock.putBy(-900_000)
  await clock.advance(300)
  expect(ends).toHaveLength(2)
})

describe('tenants', () => {
  it('get a turn each where connections are few', async () => {
    const { lanes } = startLanes({ inFlightTotalMax: limits.callsKeptForPeople + 3 })
    const [busy, late] = [lanes.lane(named('busy')), lanes.lane(named('late'))]
    const ends = await takeAll(busy, 50)
    expect(ends).toHaveLength(3)
    const later = await takeAll(late, 2)
    expect(later).toHaveLength(0)
    ends[0]?.(fine)
    await settle()
    ends[1]?.(fine)
    await settle()
    expect(ends.length - 2 + later.length).toBe(3)
    expect(later.length).toBeGreaterThanOrEqual(1)
  })

  it('leave connections for people, and a place in a full window', async () => {
    const { lanes } = startLanes({
      inFlightMax: 4,
      inFlightTotalMax: limits.callsKeptForPeople + 4,
    })
    const lane = lanes.lane(named('busy'))
    expect(await takeAll(lane, 20)).toHaveLength(4)
    expect(await takeAll(lane, 3, person)).toHaveLength(1)
    expect(await takeAll(lanes.lane(named('other')), 1, sync)).toHaveLength(0)
    expect(await takeAll(lanes.lane(named('other')), 1, person)).toHaveLength(1)
  })

  it('pause together when it is the application that was refused', async () => {
    const { lanes, lane, clock, announced } = startLanes()
    const other = lanes.lane(named('other'))
    const stranger = lanes.lane(named('other', 'other app'))
    ;(await lane.take(one, sync))({ ...refused(5_000), everyTenant: true })
    expect(announced).toEqual([['graph app *', clock.now() + 5_000]])
    expect(await takeAll(other, 1)).toHaveLength(0)
    expect(await takeAll(stranger, 1)).toHaveLength(1)
    await clock.advance(5_000)
    expect(other.state().inFlight).toBe(1)
  })

  it('do not pause for the refusal of one', async () => {
    const { lanes, lane } = startLanes()
    ;(await lane.take(one, sync))(refused(50_000))
    expect(await takeAll(lane, 1)).toHaveLength(0)
    expect(await takeAll(lanes.lane(named('other')), 1)).toHaveLength(1)
  })
})

describe('pauses of other processes', () => {
  it('hold a lane that was never used here, and an application in all tenants', async () => {
    const { lanes, clock, announced } = startLanes()
    lanes.hear('graph app new', clock.now() + 2_000)
    expect(await takeAll(lanes.lane(named('new')), 1)).toHaveLength(0)
    lanes.hear('graph app *', clock.now() + 3_000)
    expect(await takeAll(lanes.lane(named('tenant')), 1)).toHaveLength(0)
    await clock.advance(3_000)
    expect(lanes.lane(named('new')).state().inFlight).toBe(1)
    expect(lanes.lane(named('tenant')).state().inFlight).toBe(1)
    // What was heard is not told again, and what is no name is nobody's.
    lanes.hear('nonsense', clock.now() + 2_000)
    expect(announced).toEqual([])
  })

  it('are told only when they last', async () => {
    const { lane, announced } = startLanes()
    ;(await lane.take(one, sync))(refused(limits.pauseToldMs - 1))
    expect(announced).toEqual([])
  })
})
