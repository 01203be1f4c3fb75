import { describe, expect, test } from 'vitest'
import { AppError } from '../../core/errors.ts'
import { nextTime, readWhen } from './times.ts'

const minute = 60_000

describe('when a schedule is due next', () => {
  const next = (cron: string, timeZone: string, after: string) =>
    new Date(nextTime(readWhen({ cron, timeZone }), 0, Date.parse(after))).toISOString()

  test('once on the day the clock skips its time, right behind the gap', () => {
    const daily = ['30 2 * * *', 'Europe/Berlin'] as const
    expect(next(...daily, '2026-03-28T12:00:00Z')).toBe('2026-03-29T01:00:00.000Z')
    expect(next(...daily, '2026-03-29T01:00:00Z')).toBe('2026-03-30T00:30:00.000Z')
  })

  test('once on the day the clock shows it twice, the first time', () => {
    const daily = ['30 2 * * *', 'Europe/Berlin'] as const
    expect(next(...daily, '2026-10-24T12:00:00Z')).toBe('2026-10-25T00:30:00.000Z')
    expect(next(...daily, '2026-10-25T00:30:00Z')).toBe('2026-10-26T01:30:00.000Z')
  })

  test('at the same time on the wall before and behind a change', () => {
    const daily = ['0 9 * * MON-FRI', 'America/New_York'] as const
    expect(next(...daily, '2026-10-30T12:00:00Z')).toBe('2026-10-30T13:00:00.000Z')
    expect(next(...daily, '2026-10-30T13:00:00Z')).toBe('2026-11-02T14:00:00.000Z')
  })

  test('every hour of a day of 25 hours', () => {
    expect(next('0 * * * *', 'Europe/Berlin', '2026-10-25T00:30:00Z')).toBe(
      '2026-10-25T01:00:00.000Z',
    )
  })

  test('an interval keeps its step, however late it was followed', () => {
    const when = readWhen({ everyMinutes: 10 })
    expect(nextTime(when, 0, 0)).toBe(10 * minute)
    expect(nextTime(when, 0, 35 * minute)).toBe(40 * minute)
    expect(nextTime(when, 0, 40 * minute)).toBe(50 * minute)
  })

  test.each([
    [{}, 'body.everyMinutes'],
    [{ everyMinutes: 5, cron: '* * * * *' }, 'body.cron'],
    [{ cron: '61 * * * *' }, 'body.cron'],
    [{ cron: '* * * * * *' }, 'body.cron'],
    [{ cron: '@daily @daily @daily @daily x' }, 'body.cron'],
    [{ cron: '0 0 31 2 *' }, 'body.cron'],
    [{ everyMinutes: 5, timeZone: 'Mars/Olympus' }, 'body.timeZone'],
    [{ everyMinutes: 5, timeZone: '+01:00' }, 'body.timeZone'],
  ])('%o is refused by its field', (given, field) => {
    expect(fieldsRefused(() => readWhen(given))).toEqual([field])
  })
})

function fieldsRefused(work: () => unknown): string[] {
  try {
    work()
  } catch (error) {
    if (error instanceof AppError) return error.fields.map((one) => one.field)
  }
  return []
}
