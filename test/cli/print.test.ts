import { describe, expect, it } from 'vitest'
import { parseAssignments } from '../../src/cli/assignments.ts'
import { escapeJson, escapeText } from '../../src/cli/escape.ts'
import { fields, table } from '../../src/cli/print.ts'

describe('F9: what strangers named', () => {
  it.each([
    ['colour', '\u001b[31mred', '\\x1b[31mred'],
    ['the C1 form of the same', '\u009b31mred', '\\x9b31mred'],
    ['a line end', 'a\nb\rc', 'a\\x0ab\\x0dc'],
    ['a bell and a rubout', '\u0007\u007f', '\\x07\\x7f'],
    ['right-to-left override', 'a\u202egpj.exe', 'a\\u202egpj.exe'],
    ['an isolate', '\u2066x\u2069', '\\u2066x\\u2069'],
    ['a line separator', 'a\u2028b', 'a\\u2028b'],
    ['nothing to see', 'a\u200bb\ufeff', 'a\\u200bb\\ufeff'],
    ['half a character', 'a\ud800', 'a\\ud800'],
  ])('is shown without %s', (_what, text, shown) => {
    expect(escapeText(text)).toBe(shown)
  })

  it('keeps its letters', () => {
    const text = "Zoë O'Brien 李雷 Ωmega أحمد 😀 – “quoted”"
    expect(escapeText(text)).toBe(text)
  })

  it('is escaped in JSON, which stays the same value', () => {
    const value = { name: 'a\u009b31m\u202e\u2028\u001b' }
    const json = escapeJson(JSON.stringify(value, null, 2))
    expect(JSON.parse(json)).toEqual(value)
    for (const raw of Object.values(value)
      .join('')
      .match(/[^a-z0-9]/g) ?? []) {
      expect(json).not.toContain(raw)
    }
    expect(json.split('\n')).toHaveLength(3)
  })
})

describe('a table', () => {
  it('aligns figures right and counts columns of the screen', () => {
    const text = table(
      ['id', 'name', 'count'],
      [
        [1, '李雷', 5],
        [23, 'Zoe\u0308', 1_234],
        [4, null, undefined],
      ],
    )
    expect(text.split('\n')).toEqual([
      'id  name  count',
      ' 1  李雷      5',
      '23  Zoe\u0308    1234'.normalize('NFD'),
      ' 4',
      '',
    ])
  })

  it('stays one line per row whatever a cell holds', () => {
    expect(table(['a'], [['x\n1 row of my own']]).split('\n')).toHaveLength(3)
    expect(fields([['name', '\u001b[2Jgone']])).toBe('name  \\x1b[2Jgone\n')
  })

  it('without rows is nothing', () => expect(table(['a'], [])).toBe(''))
})

describe('assignments', () => {
  it('are text, JSON, or null', () => {
    const given = ['department=Sales=North', 'age:=5', 'tags:=["a"]', 'city=', 'note=two\nlines']
    expect(parseAssignments(given)).toEqual({
      department: 'Sales=North',
      age: 5,
      tags: ['a'],
      city: null,
      note: 'two\nlines',
    })
  })

  it.each(['department', '=Sales', 'a:=[', ':=5', ''])('%s is none', (text) => {
    expect(() => parseAssignments([text])).toThrow()
  })

  it('name each property once, and reach no prototype', () => {
    expect(() => parseAssignments(['a=1', 'a=2'])).toThrow('twice')
    expect(Object.getPrototypeOf(parseAssignments(['__proto__:={"x":1}']))).toBe(Object.prototype)
  })
})
