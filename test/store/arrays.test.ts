import { afterAll, beforeAll, expect, test } from 'vitest'
import { arrayLiteral, createColumnBlock, textArray } from '../../src/store/arrays.ts'
import { inScope } from '../../src/store/scope.ts'
import { toJsonb } from '../../src/store/text.ts'
import { type FreshDatabase, freshDatabase } from './testing.ts'

let fresh: FreshDatabase

beforeAll(async () => {
  fresh = await freshDatabase()
})
afterAll(() => fresh.close())

const hostile = [
  ...['', '\\N', '\\.', '\\', '\\\\', 'NULL', 'null', '{}', '{a,"b"}', '"', ',', "'"],
  ...["'; drop table node --", 'a\tb', 'a\nb', 'a\r\nb', '\b\f\v', '\\t', '\u2028', '\u202e'],
  ...['\u{1f600}', 'İ', 'ß', '  ', '\\x00', '$$', '%s', ';', 'é\u0301', 'x'.repeat(100_000)],
]

interface Row {
  text: string
  list: string[]
  bytes: Buffer
  data: { text: string }
}

function rowOf(text: string): Row {
  return { text, list: [text, `${text}${text}`, ''], bytes: Buffer.from(text), data: { text } }
}

const columns = [
  { type: 'text', bytes: 8 },
  { type: 'text', bytes: 8 },
  { type: 'bytea', bytes: 8 },
  { type: 'json', bytes: 8 },
] as const

/** A block of these rows: so small at first that it has to grow. */
function blockOf(rows: readonly Row[]) {
  const block = createColumnBlock(columns, 2)
  const lines = rows.map(({ text, list, bytes, data }) =>
    block.add([text, arrayLiteral(list), bytes, JSON.stringify(data)]),
  )
  return { block, lines }
}

async function read(arrays: readonly Buffer[]): Promise<Row[]> {
  return inScope(fresh.db, '1.', async ({ client }) => {
    const { rows } = await client.query<Row>({
      text: `select text, list::text[] as list, bytes, data
             from unnest($1::text[], $2::text[], $3::bytea[], $4::json[])
               with ordinality as given (text, list, bytes, data, seq) order by seq`,
      values: [...arrays],
    })
    return rows
  })
}

test('hostile text comes back as it went, alone, in lists, in JSON and as bytes', async () => {
  const rows = hostile.map(rowOf)
  const { block, lines } = blockOf(rows)
  expect(await read(block.take(lines))).toEqual(rows)
})

test('random text of every kind of character comes back as it went', async () => {
  const alphabet = [
    ...['\\', '\t', '\n', '\r', '"', ',', '{', '}', 'N', '.', 'é', '\u{1f600}', '\u0001'],
  ]
  let state = 42
  const next = () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state
  }
  const rows = Array.from({ length: 2_000 }, () =>
    rowOf(Array.from({ length: next() % 12 }, () => alphabet[next() % alphabet.length]).join('')),
  )
  const { block, lines } = blockOf(rows)
  expect(await read(block.take(lines))).toEqual(rows)
})

test('some of the lines, in any order, as often as asked for', async () => {
  const rows = Array.from({ length: 20 }, (_, index) => rowOf(`row ${index}`))
  const { block } = blockOf(rows)
  const some = [7, 8, 9, 0, 19, 3]
  expect(await read(block.take(some))).toEqual(some.map((line) => rows[line]))
  expect(await read(block.take([4]))).toEqual([rows[4]])
  expect(await read(block.take([]))).toEqual([])
  expect(await read(block.take(rows.map((_, line) => line)))).toEqual(rows)
})

test('a block that was emptied holds what came after alone', async () => {
  const { block } = blockOf(hostile.map(rowOf))
  block.clear()
  const { text, list, bytes, data } = rowOf('after')
  expect(block.add([text, arrayLiteral(list), bytes, JSON.stringify(data)])).toBe(0)
  expect(await read(block.take([0]))).toEqual([rowOf('after')])
})

test('what PostgreSQL cannot hold is replaced, and the row kept', async () => {
  const { block, lines } = blockOf([{ ...rowOf('a\0b\ud800c'), data: { text: 'kept' } }])
  const expected = 'a\ufffdb\ufffdc'
  const [row] = await read(block.take(lines))
  expect(row).toMatchObject({ text: expected, list: [expected, expected + expected, ''] })
})

test('texts alone are an array, an empty one too', async () => {
  const lengthOf = async (values: string[]) =>
    inScope(fresh.db, '1.', async ({ client }) => {
      const { rows } = await client.query<{ given: string[] }>({
        text: 'select $1::text[] as given',
        values: [textArray(values)],
      })
      return rows[0]?.given
    })
  expect(await lengthOf([])).toEqual([])
  expect(await lengthOf(hostile)).toEqual(hostile)
})

test('names of members are cleaned too, and clean JSON is left alone', () => {
  expect(toJsonb({ 'a\0': ['\udc00', 1, null, true] })).toBe('{"a\ufffd":["\ufffd",1,null,true]}')
  expect(toJsonb({ a: '\\u0000 \u{1f600}' })).toBe('{"a":"\\\\u0000 \u{1f600}"}')
  const hostile = toJsonb(JSON.parse('{"__proto__":{"x":"\\u0000"}}'))
  expect(hostile).toBe('{"__proto__":{"x":"\ufffd"}}')
})
