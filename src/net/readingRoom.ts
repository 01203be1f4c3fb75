/**
 * The memory that answers take while they are read, those of all exchanges together. While more
 * than `bytesMax` is held only the reader with the most goes on, for it is nearest to its end or to
 * its own bound; the others leave their answers in the sockets. So the most that is ever held is
 * `bytesMax` and one whole answer, however many are under way.
 */
export interface ReadingRoom {
  enter(signal: AbortSignal): Reader
}

export interface Reader {
  /** Resolves when more may be read, or the signal is aborted. */
  hold(bytes: number): Promise<void>
  /** Gives back everything that was held. */
  leave(): void
}

export function createReadingRoom(bytesMax: number): ReadingRoom {
  const readers = new Map<Reader, number>()
  let total = 0
  let changed = Promise.withResolvers<void>()

  function tellChange(): void {
    changed.resolve()
    changed = Promise.withResolvers()
  }

  /** The one with the most; of equals the one that came first. */
  function leader(): Reader | undefined {
    let [first] = readers
    for (const each of readers) if (first !== undefined && each[1] > first[1]) first = each
    return first?.[0]
  }

  return {
    enter(signal) {
      const reader: Reader = {
        async hold(bytes) {
          total += bytes
          readers.set(reader, (readers.get(reader) ?? 0) + bytes)
          while (total > bytesMax && leader() !== reader && !signal.aborted) await changed.promise
        },
        leave() {
          total -= readers.get(reader) ?? 0
          readers.delete(reader)
          signal.removeEventListener('abort', tellChange)
          tellChange()
        },
      }
      readers.set(reader, 0)
      signal.addEventListener('abort', tellChange)
      return reader
    },
  }
}
