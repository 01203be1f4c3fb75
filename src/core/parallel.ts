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
  const waiting: (() => void)[] = []
  let free = count
  return async (work) => {
    if (free > 0) free -= 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free += 1
      else next()
    }
  }
}

/** Counts who is inside, and lets wait who would come while they are many. */
export interface Gate {
  /** Resolves once fewer than the limit are inside, or when the signal ends all waiting. */
  open(): Promise<void>
  enter(): void
  leave(): void
}

export function createGate(limit: number, signal: AbortSignal): Gate {
  let waiting: (() => void)[] = []
  let inside = 0
  function letIn(): void {
    const all = waiting
    waiting = []
    for (const resolve of all) resolve()
  }
  // Who leaves last may have failed, and then nobody else would let the others go on.
  signal.addEventListener('abort', letIn, { once: true })
  return {
    async open() {
      if (inside < limit || signal.aborted) return
      await new Promise<void>((resolve) => waiting.push(resolve))
    },
    enter() {
      inside += 1
    },
    leave() {
      inside -= 1
      if (inside < limit) letIn()
    },
  }
}
