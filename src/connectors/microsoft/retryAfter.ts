import { limits } from '../../core/limits.ts'

/**
 * The wait a `Retry-After` header asks for, in milliseconds from 0 to `limits.retryAfterMaxMs`;
 * undefined when it is absent, negative or makes no sense. RFC 9110 allows whole seconds and an
 * HTTP date; Graph also sends decimals ("2.128").
 */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? ''
  if (/^\d{1,20}(\.\d{1,20})?$/.test(text)) return bounded(Number(text) * 1_000)
  // Date.parse takes almost anything ("5 apples" is in May); an HTTP date begins with a weekday.
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text)) return undefined
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : bounded(date - now)
}

function bounded(milliseconds: number): number {
  return Math.ceil(Math.min(Math.max(milliseconds, 0), limits.retryAfterMaxMs))
}
