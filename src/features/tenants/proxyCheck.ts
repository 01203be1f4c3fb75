import type { Clock } from '../../core/clock.ts'
import { AppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { checkAddresses, type Visit } from './checks.ts'
import { isNetwork, type Step } from './steps.ts'

/** The check of addresses, evened out where a proxy is in the way. */
export function checkAddressesEvenly(visit: Visit): Promise<Step> {
  const proxied = visit.application.proxy !== undefined
  return evenly({ ...visit, proxied }, (signal) => checkAddresses(visit, signal))
}

/**
 * What is asked through a proxy, evened out: that nothing came through is told after the same
 * time, whether the proxy's address refused, was silent, or is not there at all. Its words tell
 * nothing of what stands there (see `failed`), and so neither must a stopwatch.
 */
export async function evenly<T>(
  { proxied, clock, signal }: { proxied: boolean; clock: Clock; signal: AbortSignal },
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (!proxied) return await ask(signal)
  const began = clock.now()
  const bound = AbortSignal.timeout(limits.proxyCheckMs)
  try {
    // A connection that is being made is not given up at once: undici waits for its end.
    return await Promise.race([ask(AbortSignal.any([signal, bound])), endOf(bound)])
  } catch (error) {
    if (!(error instanceof AppError) || !isNetwork(error)) throw error
    await clock.sleep(Math.max(0, began + limits.proxyCheckMs - clock.now()), signal)
    throw error
  }
}

function endOf(bound: AbortSignal): Promise<never> {
  const seconds = limits.proxyCheckMs / 1_000
  const message = `Nothing came through the proxy within ${seconds} seconds.`
  return new Promise((_resolve, reject) => {
    bound.addEventListener('abort', () => reject(new AppError('timed-out', message)))
  })
}
