import { describe, expect, it } from 'vitest'
import { AppError } from '../../core/errors.ts'
import { cutList } from './listText.ts'

const broken = () => new AppError('microsoft-broken-answer', 'not JSON')
const cut = (text: string) => cutList(Buffer.from(text), broken)

describe('a page of a list', () => {
  it.each([
    ['{"value":[]}', []],
    ['{"value":[ \n ]}', []],
    ['{"value":[{}]}', [{}]],
    [' { "value" : [ 1 , "a,]\\"}" , null, {"a":[1,{"b":[]}]} ] }', 'as JSON.parse'],
    ['{"a":{"value":[1]},"b":["value",[2]],"value":[{"value":[3]}],"c":"\\\\"}', 'as JSON.parse'],
    ['{"v":"value","value":["\\\\","\\"",",","]"]}', 'as JSON.parse'],
    ['{"value":["Zoë","日本","\\u2028","😀"],"@odata.nextLink":"x"}', 'as JSON.parse'],
  ])('is cut into its objects: %s', (text, expected) => {
    const page = cut(text)
    const { value, ...rest } = JSON.parse(text)
    expect([...(page?.items ?? [])]).toEqual(expected === 'as JSON.parse' ? value : expected)
    expect(page?.items.length).toBe(value.length)
    expect(page?.body).toEqual({ ...rest, value: [] })
  })

  it('can be gone through again', () => {
    const page = cut('{"value":[1,2]}')
    expect([...(page?.items ?? []), ...(page?.items ?? [])]).toEqual([1, 2, 1, 2])
  })

  it.each([
    '',
    '[]',
    '{}',
    '{"value":{}}',
    '{"value":[1',
    '{"value":["1]}',
    '{"value":[1}',
    '{"value":[{]}]}',
    '{"value":[1]',
    '{"value":[1]}}',
    '{"value":[1],"value":[2]}',
    '{"value":[1],"\\u0076alue":[2]}',
    '"value":[1]',
    '{"a":{"value":[1]}}',
  ])('is none: %s', (text) => {
    expect(cut(text)).toBeUndefined()
  })

  it('is broken off at any byte without being taken for whole', () => {
    const text = '{"@odata.context":"c","value":[{"a":"\\"]}"},{"b":[1,2]}],"n":{"m":"é"}}'
    const bytes = Buffer.from(text)
    for (let length = 0; length < bytes.length; length += 1) {
      expect(cutList(bytes.subarray(0, length), broken)).toBeUndefined()
    }
  })

  it.each(['{"value":[1,]}', '{"value":[,1]}', '{"value":[1 2]}'])(
    'says so at an object that is none: %s',
    (text) => {
      expect(() => [...(cut(text)?.items ?? [])]).toThrow('not JSON')
    },
  )
})
