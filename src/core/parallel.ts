/**
 * Runs `work` over the items, at most `limit` at a time. After the first failure no further one is
 * begun; it is thrown when those that had begun have ended.
 */
export async function inParallel<T>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const waiting = items.entries()
  const failures: unknown[] = []
  async function lane(): Promise<void> {
    // The lanes share one iterator, so each takes the next item that nobody has.
    for (const [index, item] of waiting) {
      if (failures.length > 0) return
      try {
        await work(item, index)
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane))
  if (failures.length > 0) throw failures[0]
}

/** Runs work handed to it in the order it came, at most `count` at a time. */
export type Slots = <T>(work: () => Promise<T>) => Promise<T>

export function createSlots(count: number): Slots {
  const gate = createGate(count)
  return async (work) => {
    await gate.enter()
    try {
      return await work()
    } finally {
      gate.leave()
    }
  }
}

/** A bound on how many are inside at once. */
export interface Gate {
  /** Resolves once there is a place, in the order of asking, or when a signal ends waiting. */
  enter(): Promise<void>
  leave(): void
}

export function createGate(places: number, signal?: AbortSignal): Gate {
  const waiting: (() => void)[] = []
  let free = places
  // Who would have left may have failed, and then nobody would let the others go on.
  const letAllIn = () => {
    for (const resolve of waiting.splice(0)) resolve()
  }
  signal?.addEventListener('abort', letAllIn, { once: true })
  return {
    async enter() {
      if (free > 0) free -= 1
      else if (!signal?.aborted) await new Promise<void>((resolve) => waiting.push(resolve))
    },
    leave() {
      const next = waiting.shift()
      if (next === undefined) free += 1
      else next()
    },
  }
}
