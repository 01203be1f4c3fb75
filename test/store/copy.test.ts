import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { copyIn, copyRow } from '../../src/store/copy.ts'
import { inScope } from '../../src/store/scope.ts'
import { toJsonb } from '../../src/store/text.ts'
import { type FreshDatabase, freshDatabase } from './testing.ts'

let fresh: FreshDatabase

beforeAll(async () => {
  fresh = await freshDatabase()
})
afterAll(() => fresh.close())

const hostile = [
  ...[
    '',
    '\\N',
    '\\.',
    '\\',
    '\\\\',
    'NULL',
    '{}',
    '{a,"b"}',
    '"',
    ',',
    "'",
    "'; drop table node --",
  ],
  ...['a\tb', 'a\nb', 'a\r\nb', '\b\f\v', '\\t', '\u2028', '\u202e', '\u{1f600}', 'İ', 'ß', '  '],
  ...['\\x00', '$$', '%s', ';', 'é\u0301', 'x'.repeat(100_000)],
]

interface Row {
  seq: number
  body: string | null
  list: (string | null)[]
  bytes: Buffer
  flag: boolean
  at: Date
  data: { text: string }
}

function copyRows(rows: Row[]): Promise<Row[]> {
  return inScope(fresh.db, '1.', async (tx) => {
    await sql`create temporary table t (seq integer, body text, list text[], bytes bytea,
      flag boolean, at timestamptz, data jsonb) on commit drop`.execute(tx)
    const lines = rows.map((row) =>
      copyRow([row.seq, row.body, row.list, row.bytes, row.flag, row.at, toJsonb(row.data)]),
    )
    expect(await copyIn(tx, 'copy t from stdin', lines)).toBe(rows.length)
    return (await sql<Row>`select * from t order by seq`.execute(tx)).rows
  })
}

function rowOf(text: string, seq: number): Row {
  const list = [text, null, `${text}${text}`, '']
  const data = { text }
  return {
    seq,
    body: text,
    list,
    bytes: Buffer.from(text),
    flag: seq % 2 === 0,
    at: new Date(seq),
    data,
  }
}

test('hostile text comes back as it went, alone, in lists, in JSON and as bytes', async () => {
  const rows = hostile.map(rowOf)
  expect(await copyRows(rows)).toEqual(rows)
})

test('random text of every kind of character comes back as it went', async () => {
  const alphabet = [
    '\\',
    '\t',
    '\n',
    '\r',
    '"',
    ',',
    '{',
    '}',
    'N',
    '.',
    'é',
    '\u{1f600}',
    '\u0001',
  ]
  let state = 42
  const next = () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state
  }
  const rows = Array.from({ length: 2_000 }, (_, seq) => {
    const text = Array.from({ length: next() % 12 }, () => alphabet[next() % alphabet.length]).join(
      '',
    )
    return rowOf(text, seq)
  })
  expect(await copyRows(rows)).toEqual(rows)
})

test('what PostgreSQL cannot hold is replaced, and the row kept', async () => {
  const [row] = await copyRows([rowOf('a\0b\ud800c', 1)])
  const expected = 'a\ufffdb\ufffdc'
  expect(row).toMatchObject({ body: expected, list: [expected, null, expected + expected, ''] })
  expect(row?.data).toEqual({ text: expected })
})

test('names of members are cleaned too, and clean JSON is left alone', () => {
  expect(toJsonb({ 'a\0': ['\udc00', 1, null, true] })).toBe('{"a\ufffd":["\ufffd",1,null,true]}')
  expect(toJsonb({ a: '\\u0000 \u{1f600}' })).toBe('{"a":"\\\\u0000 \u{1f600}"}')
  const hostile = toJsonb(JSON.parse('{"__proto__":{"x":"\\u0000"}}'))
  expect(hostile).toBe('{"__proto__":{"x":"\ufffd"}}')
})

test('null and an absent value are NULL, an empty list is empty', async () => {
  const rows = [{ ...rowOf('x', 1), body: null, list: [] }]
  expect(await copyRows(rows)).toEqual(rows)
})

test('a row that the table refuses fails the copy and leaves the connection usable', async () => {
  const bad = inScope(fresh.db, '1.', async (tx) => {
    await sql`create temporary table t (n integer) on commit drop`.execute(tx)
    await copyIn(tx, 'copy t from stdin', [copyRow([1]), copyRow(['not a number'])])
  })
  await expect(bad).rejects.toMatchObject({ code: '22P02' })
  const broken = inScope(fresh.db, '1.', async (tx) => {
    await sql`create temporary table t (n integer) on commit drop`.execute(tx)
    const source = (function* () {
      yield copyRow([1])
      throw new Error('source broke')
    })()
    await copyIn(tx, 'copy t from stdin', source)
  })
  await expect(broken).rejects.toThrow('source broke')
  expect((await inScope(fresh.db, '1.', (tx) => sql`select 1`.execute(tx))).rows).toHaveLength(1)
})
