import type { Clock, Random } from '../../core/clock.ts'
import { AppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'

/**
 * The wait before attempt `failed + 1`, in milliseconds: doubling, and anywhere in its upper half,
 * so that many callers that failed together do not come back together.
 */
export function backoffMs(failed: number, random: Random): number {
  const full = Math.min(limits.backoffFirstMs * 2 ** (failed - 1), limits.backoffMaxMs)
  return Math.ceil(full / 2 + (full / 2) * random())
}

/** Sleeps, and turns the abort of a sleep into `cancelled`. */
export async function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal)
  } catch (cause) {
    throw new AppError('cancelled', 'Waiting to try again was given up.', { cause })
  }
}
