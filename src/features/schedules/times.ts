import { Cron } from 'croner'
import { badInput } from '../../core/errors.ts'

const minuteMs = 60_000

/** When a schedule is due: every so many minutes, or by an expression in a time zone. */
export type When =
  | { everyMinutes: number; cron: null; timeZone: string }
  | { everyMinutes: null; cron: string; timeZone: string }

/**
 * The first time behind `now`, all in milliseconds since 1970. An interval keeps its step from
 * `since`, so that a sync that ran late does not move all later ones. An expression follows the
 * clock on the wall: where the clock skips its time it is due right behind the gap, where the clock
 * shows it twice, the first time.
 */
export function nextTime(when: When, since: number, now: number): number {
  if (when.cron !== null) {
    const next = new Cron(when.cron, { timezone: when.timeZone, paused: true }).nextRun(
      new Date(now),
    )
    if (next === null) throw badInput('body.cron', 'names a day that never comes')
    return next.getTime()
  }
  const step = when.everyMinutes * minuteMs
  const steps = Math.max(0, Math.floor((now - since) / step)) + 1
  return since + steps * step
}

/** Checks what a person gave. Throws `bad-input` naming the field. */
export function readWhen(given: {
  everyMinutes?: number | null | undefined
  cron?: string | null | undefined
  timeZone?: string | undefined
}): When {
  const timeZone = readTimeZone(given.timeZone ?? 'UTC')
  const everyMinutes = given.everyMinutes ?? null
  const cron = given.cron ?? null
  if (everyMinutes !== null && cron !== null) {
    throw badInput('body.cron', 'and everyMinutes are both given; give one of them')
  }
  if (everyMinutes !== null) return { everyMinutes, cron: null, timeZone }
  if (cron === null) throw badInput('body.everyMinutes', 'or cron is required')
  return { everyMinutes: null, cron: readCron(cron), timeZone }
}

/** Five parts and no nicknames: seconds, years and `@daily` are other languages. */
function readCron(text: string): string {
  const expression = text.trim().replaceAll(/ +/g, ' ')
  if (expression.split(' ').length !== 5) {
    throw badInput('body.cron', 'must have five parts: minute hour day month weekday')
  }
  try {
    const found = new Cron(expression, { timezone: 'UTC', paused: true }).nextRun()
    if (found !== null) return expression
  } catch {
    throw badInput('body.cron', 'is not an expression such as 30 2 * * MON-FRI')
  }
  throw badInput('body.cron', 'names a day that never comes')
}

function readTimeZone(name: string): string {
  // Intl also takes offsets (+01:00), which know no summer time.
  if (/^[A-Za-z][A-Za-z0-9_+\-/]*$/.test(name)) {
    try {
      return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone
    } catch {
      // Said below.
    }
  }
  throw badInput('body.timeZone', 'is no time zone; give its name, such as Europe/Berlin')
}
