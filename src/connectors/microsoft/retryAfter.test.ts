import { expect, it } from 'vitest'
import { limits } from '../../core/limits.ts'
import { retryAfterMs } from './retryAfter.ts'

const now = Date.parse('2026-11-20T10:00:00Z')

it.each([
  ['3', 3_000],
  [' 3 ', 3_000],
  ['2.128', 2_128],
  ['0', 0],
  ['1000000000', limits.retryAfterMaxMs],
  ['99999999999999999999', limits.retryAfterMaxMs],
  ['Fri, 20 Nov 2026 10:00:07 GMT', 7_000],
  ['Friday, 20-Nov-26 10:00:07 GMT', 7_000],
  ['Fri, 20 Nov 2026 09:00:00 GMT', 0],
  ['Fri, 20 Nov 2099 09:00:00 GMT', limits.retryAfterMaxMs],
])('%j is %d ms', (header, expected) => {
  expect(retryAfterMs(header, now)).toBe(expected)
})

it.each([undefined, '', '-5', '1e9', 'soon', '5 apples', 'Fri', 'NaN', 'Infinity', '0x10', '3,4'])(
  '%j is no wait that was asked for',
  (header) => {
    expect(retryAfterMs(header, now)).toBeUndefined()
  },
)
