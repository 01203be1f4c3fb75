/** Time as an argument, so that tests move it. `now` is milliseconds since 1970. */
export interface Clock {
  now(): number
  /** Resolves after `ms`, or rejects as soon as the signal is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** How long it took: nothing at the least, for the clock may have been put back meanwhile. */
export function elapsedMs(clock: Clock, began: number): number {
  return Math.max(clock.now() - began, 0)
}

/** Randomness as an argument: a number from 0 up to but not including 1. */
export type Random = () => number
