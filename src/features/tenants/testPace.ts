import type { Clock } from '../../core/clock.ts'
import { AppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'

/** Counts one more test of a tenant by somebody. Throws too-many-requests with the time to wait. */
export type TakePlace = (tenantId: number, actorId: string) => void

/**
 * How often Test Connection may be asked for, or a second credential be tested, by this process.
 * The answer says the same whatever stands behind a proxy's address, but not always after the same
 * time: so few questions a minute are answered that nobody maps a network with them.
 */
export function createTestPace(clock: Clock): TakePlace {
  const taken = new Map<string, number[]>()

  function recent(key: string, now: number): number[] {
    const times = (taken.get(key) ?? []).filter((at) => at > now - limits.connectionTestWindowMs)
    if (times.length === 0) taken.delete(key)
    else taken.set(key, times)
    return times
  }

  return (tenantId, actorId) => {
    const now = clock.now()
    for (const key of taken.keys()) recent(key, now)
    const ofTenant = recent(`tenant:${tenantId}`, now)
    const ofActor = recent(actorId, now)
    requirePlace(ofTenant, limits.connectionTestsPerTenant, now)
    requirePlace(ofActor, limits.connectionTestsPerActor, now)
    taken.set(`tenant:${tenantId}`, [...ofTenant, now])
    taken.set(actorId, [...ofActor, now])
  }
}

function requirePlace(times: readonly number[], max: number, now: number): void {
  if (times.length < max) return
  const [first = now] = times
  const retryAfterMs = Math.max(1, first + limits.connectionTestWindowMs - now)
  throw new AppError(
    'too-many-requests',
    `Connections are tested at most ${max} times a minute for one tenant or by one person. Nothing was started; try again in ${Math.ceil(retryAfterMs / 1_000)} seconds.`,
    { retryAfterMs },
  )
}
