import { expect, it } from 'vitest'
import { createStandingClock } from '../../../test/connectors/standingClock.ts'
import { makeTenant } from '../data/tenant.ts'
import { compileFilter } from './filterMatch.ts'
import { parseFilter } from './filterParser.ts'
import { withinIds } from './idIndex.ts'

const tenant = makeTenant({ users: 5_000, seed: 3, groups: 1 }, createStandingClock())
const { users } = tenant

it('finds in a long list what a look at each of it finds, in its order', () => {
  const wanted = [users[4_999], users[7], users[2_500]].map((user) => user?.id.toUpperCase())
  const filter = parseFilter(`id in (${[...wanted, 'nobody'].map((id) => `'${id}'`).join(',')})`)
  const found = withinIds(tenant, users, filter)
  expect(found).toEqual(users.filter(compileFilter(tenant, 'user', filter)))
  expect(found).toHaveLength(3)
})

it.each(["displayName in ('a','b')", "not(id in ('a'))", "id in ('a') or accountEnabled eq true"])(
  'leaves a list whole for %s',
  (text) => {
    expect(withinIds(tenant, users, parseFilter(text))).toBe(users)
  },
)
