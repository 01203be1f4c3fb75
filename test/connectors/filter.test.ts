import { describe, expect, it } from 'vitest'
import { odataFilter } from '../../src/connectors/graph/filter.ts'
import type { Filter } from '../../src/core/filter.ts'
import type { Json } from '../../src/core/json.ts'
import type { Property, PropertyType } from '../../src/core/model.ts'
import { type FilterNode, parseFilter } from '../../src/emulator/odata/filterParser.ts'
import { seededRandom } from '../../src/emulator/random.ts'

const property = (name: string, type: PropertyType, many = false): Property => ({
  name,
  type,
  many,
  readOnly: false,
  volatile: false,
  maxLength: undefined,
  values: undefined,
  description: undefined,
})
const properties = [
  property('displayName', 'string'),
  property('accountEnabled', 'boolean'),
  property('consumedUnits', 'integer'),
  property('createdDateTime', 'dateTime'),
  property('skuId', 'guid'),
  property('proxyAddresses', 'string', true),
  property('assignedLicenses', 'object', true),
]
const guid = '00000000-0000-4000-8000-00000000000a'

describe('odataFilter', () => {
  it.each([
    [{ op: 'eq', property: 'displayName', value: "O'Neil" }, "displayName eq 'O''Neil'"],
    [{ op: 'ne', property: 'displayName', value: null }, 'displayName ne null'],
    [{ op: 'eq', property: 'accountEnabled', value: true }, 'accountEnabled eq true'],
    [{ op: 'ge', property: 'consumedUnits', value: -3 }, 'consumedUnits ge -3'],
    [
      { op: 'ge', property: 'createdDateTime', value: '2026-01-01T00:00:00Z' },
      'createdDateTime ge 2026-01-01T00:00:00Z',
    ],
    [{ op: 'eq', property: 'skuId', value: guid }, `skuId eq ${guid}`],
    [
      { op: 'startsWith', property: 'proxyAddresses', value: 'sip:' },
      "proxyAddresses/any(p:startswith(p,'sip:'))",
    ],
    [{ op: 'in', property: 'displayName', values: ['a', 'b'] }, "displayName in ('a','b')"],
    [
      { op: 'not', of: { op: 'endsWith', property: 'displayName', value: 'x' } },
      "not (endswith(displayName,'x'))",
    ],
  ] as [Filter, string][])('renders %j', (filter, text) => {
    expect(odataFilter(filter, properties)).toBe(text)
  })

  it.each([
    [{ op: 'eq', property: "displayName eq 'a' or id", value: 'x' }, 'is not a property'],
    [{ op: 'eq', property: 'unknown', value: 'x' }, 'is not a property'],
    [{ op: 'eq', property: 'assignedLicenses', value: 'x' }, 'is not a property'],
    [{ op: 'eq', property: 'accountEnabled', value: "true or displayName eq 'x'" }, 'boolean'],
    [{ op: 'eq', property: 'consumedUnits', value: '1 or 1 eq 1' }, 'integer'],
    [{ op: 'ge', property: 'createdDateTime', value: '2026-01-01T00:00:00Z or true' }, 'dateTime'],
    [{ op: 'eq', property: 'skuId', value: `${guid} or true` }, 'guid'],
    [{ op: 'eq', property: 'displayName', value: '\ud800' }, 'string'],
    [{ op: 'eq', property: 'displayName', value: ['x'] }, 'string'],
    [{ op: 'contains', property: 'accountEnabled', value: 'x' }, 'is not text'],
    [{ op: 'in', property: 'displayName', values: [] }, 'no value'],
    [{ op: 'and', of: [] }, 'of nothing'],
  ] as [Filter, string][])('refuses %j', (filter, problem) => {
    expect(() => odataFilter(filter, properties)).toThrow(problem)
  })

  it('F5: says what was meant, for 5,000 random filters of hostile values', () => {
    const seed = 20261120
    const random = seededRandom(seed, 'filters')
    for (let round = 0; round < 5_000; round += 1) {
      const filter = randomFilter(random, 3)
      const parsed = parseFilter(odataFilter(filter, properties))
      expect(parsed, `seed ${seed}, round ${round}`).toEqual(expectedNode(filter))
    }
  })
})

const fragments = ["'", "''", '"', '\\', ' or ', ' eq ', '(', ')', ',', ':', '/', '%27', '$', '&']
const letters = ['a', 'Z', 'ß', 'é', '中', '😀', '’', '‘', '＇', '\n', '\u2028', ' ', '0', 'null']

function randomText(random: () => number): string {
  const parts = [...fragments, ...letters]
  const pick = () => parts[Math.floor(random() * parts.length)] ?? ''
  return Array.from({ length: Math.floor(random() * 6) }, pick).join('')
}

function randomFilter(random: () => number, depth: number): Filter {
  const some = () => Array.from({ length: 1 + Math.floor(random() * 3) }, () => randomText(random))
  const property = random() < 0.5 ? 'displayName' : 'proxyAddresses'
  const kinds = depth > 0 ? 6 : 3
  switch (Math.floor(random() * kinds)) {
    case 0:
      return { op: 'eq', property, value: random() < 0.1 ? null : randomText(random) }
    case 1:
      return { op: 'startsWith', property, value: randomText(random) }
    case 2:
      return { op: 'in', property, values: some() }
    case 3:
      return { op: 'not', of: randomFilter(random, depth - 1) }
    default: {
      const of = some().map(() => randomFilter(random, depth - 1))
      return { op: random() < 0.5 ? 'and' : 'or', of }
    }
  }
}

/** The same filter as the emulator's parser writes it down: binary, with `any` for collections. */
function expectedNode(filter: Filter): FilterNode {
  switch (filter.op) {
    case 'and':
    case 'or': {
      const [first, ...rest] = filter.of.map(expectedNode)
      if (first === undefined) throw new Error('empty')
      return rest.reduce((left, right) => ({ op: filter.op, left, right }), first)
    }
    case 'not':
      return { op: 'not', of: expectedNode(filter.of) }
    case 'in':
      return onItems(filter.property, { op: 'in', path: [], values: filter.values.map(scalar) })
    case 'startsWith':
    case 'endsWith':
    case 'contains':
      return onItems(filter.property, { op: filter.op, path: [], value: filter.value })
    default:
      return onItems(filter.property, { op: filter.op, path: [], value: scalar(filter.value) })
  }
}

function onItems(name: string, node: Extract<FilterNode, { path: unknown }>): FilterNode {
  return name === 'proxyAddresses'
    ? { op: 'any', path: [name], of: node }
    : { ...node, path: [name] }
}

function scalar(value: Json): string | number | boolean | null {
  return typeof value === 'object' ? null : value
}
