import { expect, test } from 'vitest'
import type { Clock } from '../../src/core/clock.ts'
import { makeTenant } from '../../src/emulator/data/tenant.ts'
import { compileFilter } from '../../src/emulator/odata/filterMatch.ts'
import { parseFilter } from '../../src/emulator/odata/filterParser.ts'
import { countWithin, withinTimes } from '../../src/emulator/odata/timeIndex.ts'

const clock: Clock = { now: () => Date.UTC(2026, 10, 1), sleep: async () => undefined }
// Enough of them for an index to be made.
const tenant = makeTenant({ users: 6_000, seed: 3, groups: 0 }, clock)
const times = tenant.users.map(({ data }) => String(data.createdDateTime)).sort()
const [early = '', middle = '', late = ''] = [0.1, 0.5, 0.9].map((part) => times[6_000 * part])
const within = (time: string) => time.replace('Z', '.5Z')

test.each([
  ...['ge', 'gt', 'le', 'lt', 'eq', 'ne'].map((op) => `createdDateTime ${op} ${middle}`),
  ...['ge', 'le'].map((op) => `createdDateTime ${op} ${within(middle)}`),
  `createdDateTime ge ${early} and createdDateTime le ${late}`,
  `createdDateTime gt ${early} and createdDateTime lt ${late}`,
  `createdDateTime ge ${middle} and createdDateTime le ${middle}`,
  `createdDateTime ge ${late} and createdDateTime le ${early}`,
  `createdDateTime ge ${middle} and accountEnabled eq false`,
  `createdDateTime ge ${middle} or accountEnabled eq false`,
  `not(createdDateTime ge ${middle})`,
  `createdDateTime ge 1990-01-01T00:00:00Z`,
  `createdDateTime ge 2090-01-01T00:00:00Z`,
])('by the index it is what looking at everybody finds: %s', (text) => {
  const filter = parseFilter(text)
  const matches = compileFilter(tenant, 'user', filter)
  const found = tenant.users.filter(matches)
  expect(countWithin(tenant, tenant.users, filter, matches)).toBe(found.length)
  for (const _again of [1, 2]) {
    expect(withinTimes(tenant, tenant.users, filter).filter(matches)).toEqual(found)
  }
})

test('more ranges than are kept, one after the other and again, are each what they were', () => {
  const ranges = times.filter((_, index) => index % 500 === 0)
  for (const time of [...ranges, ...ranges]) {
    const filter = parseFilter(`createdDateTime ge ${time}`)
    const matches = compileFilter(tenant, 'user', filter)
    const seqs = withinTimes(tenant, tenant.users, filter).map(({ seq }) => seq)
    expect(seqs).toEqual(tenant.users.filter(matches).map(({ seq }) => seq))
  }
})
