import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Filter, matches } from '../../src/core/filter.ts'
import { seededRandom } from '../../src/emulator/random.ts'
import { columnText } from '../../src/store/columns.ts'
import { filterSql } from '../../src/store/filter.ts'
import { figure } from '../figures/figure.ts'
import { hostileTexts } from '../hostileTexts.ts'
import { type FreshDatabase, freshDatabase } from './testing.ts'

const seed = 20261121
const rounds = 1_000
const properties = ['displayName', 'department'] as const

let fresh: FreshDatabase
const objects = Array.from({ length: 60 }, () => ({ displayName: '', department: '' }))

beforeAll(async () => {
  fresh = await freshDatabase()
  const text = hostileTexts(seed)
  for (const object of objects) Object.assign(object, { displayName: text(), department: text() })
})
afterAll(() => fresh.close())

function randomFilter(random: () => number, text: () => string, depth: number): Filter {
  // Mostly texts that occur, so that filters find somebody.
  const some = objects[Math.floor(random() * objects.length)]
  const value = random() < 0.5 ? (some?.displayName ?? '') : text()
  const property = properties[Math.floor(random() * 2)] ?? 'displayName'
  const op = (['eq', 'ne', 'startsWith', 'endsWith', 'contains'] as const)[Math.floor(random() * 5)]
  const part = () => randomFilter(random, text, depth - 1)
  if (depth > 0 && random() < 0.5) {
    if (random() < 0.3) return { op: 'not', of: part() }
    return { op: random() < 0.5 ? 'and' : 'or', of: [part(), part()] }
  }
  if (random() < 0.2) return { op: 'in', property, values: [value, text()] }
  return { op: op ?? 'eq', property, value }
}

test(`F5: ${rounds} filters of hostile values mean in SQL what they mean in memory`, async () => {
  const random = seededRandom(seed, 'filters')
  const text = hostileTexts(seed + 1)
  const rows = objects.map(({ displayName, department }) => [
    columnText(displayName),
    columnText(department),
  ])
  const placeOf = (property: string) => properties.indexOf(property as 'department') + 1
  let clauses = 0
  let found = 0
  for (let round = 0; round < rounds; round++) {
    const filter = randomFilter(random, text, 2)
    const wanted = objects.flatMap((object, at) => (matches(filter, object) ? [at] : []))
    const answer = await sql<{ at: number }>`
      with resource as (
        select (ordinality - 1)::int as at, array[value ->> 0, value ->> 1] as cols
          from jsonb_array_elements(${JSON.stringify(rows)}::jsonb) with ordinality)
      select at from resource where ${filterSql(filter, placeOf)} order by at`.execute(
      fresh.db.kysely,
    )
    const got = answer.rows.map(({ at }) => at)
    expect(got, `seed ${seed}, round ${round}: ${JSON.stringify(filter)}`).toEqual(wanted)
    clauses += got.length === wanted.length ? 0 : 1
    found += got.length
  }
  figure('SQL filters that mean something else', clauses, '= 0')
  figure('SQL filters tried', rounds, '>= 1000')
  expect(found).toBeGreaterThan(rounds)
}, 60_000)
