import { expect, it } from 'vitest'
import { combineNews, laneNews } from './laneNews.ts'

const now = Date.parse('2026-11-20T10:00:00Z')

it('reads what the service says of its budgets', () => {
  const headers = {
    'retry-after': '7',
    'x-ms-throttle-scope': 'Tenant_Application/ReadWrite/app/tenant',
    'x-ms-throttle-information': 'ResourceUnitLimitExceeded',
  }
  expect(laneNews(429, headers, now)).toMatchObject({
    ...{ status: 429, retryAfterMs: 7_000, short: 'units', everyTenant: false },
  })
  const wide = {
    'x-ms-throttle-scope': 'Application/Write/app/tenant',
    'x-ms-throttle-information': 'WriteLimitExceeded',
  }
  expect(laneNews(509, wide, now)).toMatchObject({
    ...{ status: 429, retryAfterMs: undefined, short: 'writes', everyTenant: true },
  })
  const fine = { 'x-ms-resource-unit': '3', 'x-ms-throttle-limit-percentage': '1.2' }
  expect(laneNews(200, fine, now)).toMatchObject({ status: 200, units: 3, usedShare: 1.2 })
})

it.each(['', '-1', 'many', '1e9', 'NaN', '99999999', '__proto__'])(
  'takes %j for nothing',
  (text) => {
    const headers = {
      ...{ 'x-ms-resource-unit': text, 'x-ms-throttle-limit-percentage': text },
      ...{ 'x-ms-throttle-information': text, 'x-ms-throttle-scope': text },
    }
    const { units, usedShare, short, everyTenant } = laneNews(200, headers, now)
    expect([units, usedShare, typeof short, everyTenant]).toEqual([
      undefined,
      undefined,
      'undefined',
      false,
    ])
  },
)

it('lets the refusal that ends first speak for calls that went together', () => {
  const parts = [
    { status: 200, units: 2 },
    { status: 429, retryAfterMs: 9_000, everyTenant: true, units: 2 },
    { status: 429, retryAfterMs: 3_000, short: 'units', units: 2, usedShare: 0.9 },
  ] as const
  expect(combineNews({ status: 200 }, parts)).toMatchObject({
    ...{ status: 429, retryAfterMs: 3_000, short: 'units', units: 6, usedShare: 0.9 },
  })
  const [first] = parts
  expect(combineNews({ status: 200 }, [first, { status: 200 }])).toMatchObject({
    ...{ status: 200, units: undefined },
  })
})
