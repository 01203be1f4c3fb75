import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { type Actor, isPermitted, requirePermission } from './actor.ts'
import { type Filter, matches } from './filter.ts'
import { childPath, mayStandBelow, scopeEnd, within } from './hierarchy.ts'
import { canonicalJson, changesBetween } from './json.ts'
import { inParallel } from './parallel.ts'
import { Sealed } from './secret.ts'

describe('hierarchy', () => {
  it.each([
    ['provider', [], true],
    ['customer', [], false],
    ['reseller', ['provider'], true],
    ['site', ['provider', 'customer'], true],
    ['customer', ['provider', 'customer'], false],
    ['reseller', ['provider', 'customer'], false],
    ['intermediate', ['provider'], true],
    ['intermediate', [], false],
    ['customer', ['provider', 'intermediate', 'intermediate'], true],
    ['reseller', ['provider', 'customer', 'intermediate'], false],
    ['intermediate', ['provider', 'customer', 'site'], false],
    ['site', ['provider', 'site'], false],
  ] as const)('a %s below %j: %s', (kind, above, fits) => {
    expect(mayStandBelow(kind, above)).toBe(fits)
  })

  it('keeps 1.4. out of 1.42.', () => {
    expect(within('1.42.', '1.4.')).toBe(false)
    expect(within(childPath('1.4.', 2), '1.4.')).toBe(true)
    expect(within('1.4.', '')).toBe(false)
  })

  it('says the same by range as by prefix', () => {
    const paths = ['1.', '1.4.', '1.4.2.', '1.40.', '1.5.', '2.', '1.4.9.9.']
    for (const scope of paths) {
      const inRange = paths.filter((path) => path >= scope && path < scopeEnd(scope))
      expect(inRange).toEqual(paths.filter((path) => within(path, scope)))
    }
  })
})

describe('permissions', () => {
  const permissions = [
    { type: 'device/*', operations: ['Read'] },
    { type: 'device/msgraph/MSOLUser', operations: ['Update'] },
  ] as const

  it('lets the more specific type win, whatever its case', () => {
    expect(isPermitted(permissions, 'Read', 'device/msgraph/Groups')).toBe(true)
    expect(isPermitted(permissions, 'Update', 'DEVICE/msgraph/msoluser')).toBe(true)
    expect(isPermitted(permissions, 'Read', 'device/msgraph/MSOLUser')).toBe(false)
    expect(isPermitted(permissions, 'Read', 'data/Audit')).toBe(false)
  })

  it('hides what is outside the scope and refuses what is inside without the right', () => {
    const grants = [{ scope: '1.2.', permissions }]
    const actor: Actor = { id: 'a', name: 'A', kind: 'person', grants }
    const ask = (type: string, path: string) => () => requirePermission(actor, 'Read', type, path)
    expect(ask('device/msgraph/Groups', '1.2.3.')).not.toThrow()
    expect(ask('device/msgraph/Groups', '1.3.')).toThrow(/no such object/)
    expect(ask('data/Audit', '1.2.')).toThrow(/not among your permissions/)
  })
})

describe('a secret', () => {
  const secret = new Sealed('hunter2-hunter2')

  it.each([
    ['template', () => `${secret}`],
    ['String', () => String(secret)],
    ['concatenation', () => `a${secret as unknown as string}`],
    ['JSON', () => JSON.stringify({ secret })],
    ['inspect', () => inspect(secret)],
    ['inspect with hidden', () => inspect({ a: [secret] }, { showHidden: true, depth: 9 })],
    ['error cause', () => inspect(new Error('x', { cause: secret }))],
    ['Object.assign', () => JSON.stringify(Object.assign({}, secret))],
    ['entries', () => JSON.stringify(Object.entries(secret))],
    ['toStringTag', () => Object.prototype.toString.call(secret)],
    ['format', () => inspect(new Map([[secret, secret]]))],
    ['clone', () => inspect(structuredClone({ secret: { ...secret } }))],
  ])('E10: does not show by %s', (_how, print) => {
    expect(print()).not.toContain('hunter2')
  })

  it('E10: opens only when asked', () => {
    expect(secret.reveal()).toBe('hunter2-hunter2')
  })
})

describe('json', () => {
  it('writes equal values as equal text', () => {
    expect(canonicalJson({ b: 1, a: [{ d: null, c: 'x' }] })).toBe(
      '{"a":[{"c":"x","d":null}],"b":1}',
    )
  })

  it('finds what changed, absent being null', () => {
    expect(changesBetween({ a: 1, b: null, c: [1] }, { a: 2, c: [1], d: 'x' })).toEqual([
      { property: 'a', before: 1, after: 2 },
      { property: 'd', before: null, after: 'x' },
    ])
  })
})

describe('a filter', () => {
  const anna = { name: 'Anna', age: 30, city: null }
  const cases: [Filter, boolean][] = [
    [{ op: 'eq', property: 'name', value: 'ANNA' }, true],
    [{ op: 'ne', property: 'name', value: 'anna' }, false],
    [{ op: 'eq', property: 'city', value: null }, true],
    [{ op: 'eq', property: 'missing', value: null }, true],
    [{ op: 'ge', property: 'age', value: 30 }, true],
    [{ op: 'lt', property: 'age', value: 30 }, false],
    [{ op: 'gt', property: 'name', value: 5 }, false],
    [{ op: 'in', property: 'name', values: ['bob', 'anna'] }, true],
    [{ op: 'startsWith', property: 'name', value: 'an' }, true],
    [{ op: 'endsWith', property: 'name', value: 'NA' }, true],
    [{ op: 'contains', property: 'city', value: 'x' }, false],
    [{ op: 'not', of: { op: 'eq', property: 'age', value: 30 } }, false],
    [{ op: 'eq', property: 'constructor', value: null }, true],
    [
      {
        op: 'or',
        of: [
          { op: 'eq', property: 'age', value: 1 },
          { op: 'and', of: [] },
        ],
      },
      true,
    ],
  ]
  it.each(cases)('%j: %s', (filter, expected) => {
    expect(matches(filter, anna)).toBe(expected)
  })
})

describe('work in parallel', () => {
  it('does each item once, never more than the limit at a time, in any order of ends', async () => {
    const done: number[] = []
    let running = 0
    let most = 0
    const items = Array.from({ length: 50 }, (_, index) => index)
    await inParallel(items, 8, async (item, index) => {
      expect(index).toBe(item)
      running++
      most = Math.max(most, running)
      await new Promise((resolve) => setTimeout(resolve, item % 3))
      running--
      done.push(item)
    })
    expect(done.sort((a, b) => a - b)).toEqual(items)
    expect(most).toBe(8)
  })

  it('stops taking items at the first failure', async () => {
    let started = 0
    const work = inParallel([1, 2, 3, 4, 5, 6], 2, async (item) => {
      started++
      if (item === 2) throw new Error('two')
      await new Promise((resolve) => setTimeout(resolve, 5))
    })
    await expect(work).rejects.toThrow('two')
    expect(started).toBeLessThan(4)
  })
})
