import { retryAfterMs } from './retryAfter.ts'

/** What an answer says of the budgets its call was counted against. */
export interface LaneNews {
  /** Absent when no answer came; 429 is a refusal. */
  status: number | undefined
  retryAfterMs?: number | undefined
  /** The budget that ran out. */
  short?: 'units' | 'writes' | undefined
  /** It is the application's budget in all tenants together. */
  everyTenant?: boolean
  /** What the call really cost. */
  units?: number | undefined
  /** How much of the limit is used, from 0.8 to 1.8. */
  usedShare?: number | undefined
}

type Headers = Readonly<Record<string, string>>

/**
 * Reads the headers that learn.microsoft.com/graph/throttling-limits names: `Retry-After`,
 * `x-ms-throttle-scope` (`Application/ReadWrite/appId/tenantId`: the first part says whose budget),
 * `x-ms-throttle-information`, `x-ms-resource-unit` and `x-ms-throttle-limit-percentage`. The last
 * one was never seen on a real tenant, so it may brake and nothing hangs on it.
 */
export function laneNews(status: number, headers: Headers, now: number): LaneNews {
  const information = headers['x-ms-throttle-information'] ?? ''
  const scope = headers['x-ms-throttle-scope'] ?? ''
  return {
    // Bandwidth exceeded: another word for the same thing.
    status: status === 509 ? 429 : status,
    retryAfterMs: retryAfterMs(headers['retry-after'], now),
    short: shortOf.get(information),
    everyTenant: /^application\//i.test(scope),
    units: numberIn(headers['x-ms-resource-unit']),
    usedShare: numberIn(headers['x-ms-throttle-limit-percentage']),
  }
}

const shortOf = new Map<string, LaneNews['short']>([
  ['ResourceUnitLimitExceeded', 'units'],
  ['WriteLimitExceeded', 'writes'],
])

function numberIn(header: string | undefined): number | undefined {
  return /^\d{1,6}(\.\d{1,6})?$/.test(header ?? '') ? Number(header) : undefined
}

/**
 * Several calls that went out as one, each judged by itself: one that was refused speaks for the
 * budgets, and of several refusals the one that may be tried again first, for the others keep their
 * own waits. `units` of the parts are left out unless every part says them.
 */
export function combineNews(envelope: LaneNews, parts: readonly LaneNews[]): LaneNews {
  const refused = parts.filter((part) => part.status === 429)
  const [first] = refused.sort((a, b) => (a.retryAfterMs ?? 0) - (b.retryAfterMs ?? 0))
  const told = parts.flatMap(({ units }) => units ?? [])
  const units = told.length === parts.length ? told.reduce((sum, each) => sum + each, 0) : undefined
  const usedShare = Math.max(0, ...parts.map((part) => part.usedShare ?? 0))
  return { ...envelope, ...first, units, usedShare }
}
