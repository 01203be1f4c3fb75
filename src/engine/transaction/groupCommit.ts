/** Hands work over to be committed together with what others hand over meanwhile. */
export type GroupCommit<T> = (item: T) => Promise<void>

/**
 * While one commit is under way, what comes waits and goes into the next one together: a commit
 * costs some milliseconds however little is in it, and only one at a time can hold the transaction.
 * When a group fails, each of it is tried by itself, so that one's failure is no other's.
 */
export function createGroupCommit<T>(
  itemsMax: number,
  commit: (items: readonly T[]) => Promise<void>,
): GroupCommit<T> {
  const waiting: { item: T; done: () => void; failed: (error: unknown) => void }[] = []
  let running = false

  async function drain(): Promise<void> {
    running = true
    while (waiting.length > 0) {
      const group = waiting.splice(0, itemsMax)
      try {
        await commit(group.map(({ item }) => item))
        for (const { done } of group) done()
      } catch (error) {
        if (group.length === 1) group[0]?.failed(error)
        else for (const { item, done, failed } of group) await commit([item]).then(done, failed)
      }
    }
    running = false
  }

  return (item) =>
    new Promise((done, failed) => {
      waiting.push({ item, done, failed })
      if (!running) void drain()
    })
}
