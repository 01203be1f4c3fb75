/** Runs `work` over the items, at most `limit` at a time. The first failure stops the rest. */
export async function inParallel<T>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const waiting = items.entries()
  let failed = false
  async function lane(): Promise<void> {
    // The lanes share one iterator, so each takes the next item that nobody has.
    for (const [index, item] of waiting) {
      if (failed) return
      try {
        await work(item, index)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane))
}
