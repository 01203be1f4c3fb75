import { createHash } from 'node:crypto'
import { limits } from '../../core/limits.ts'
import type { Model } from '../../core/model.ts'
import { isRejected } from '../../core/readObject.ts'
import type { DeltaPage, Page, Wire } from '../../core/wire.ts'
import { endlessList } from './modelSync.ts'

/**
 * A wire on which a list or delta that only repeats its pages ends as endless. Objects are looked
 * at as they are read, since reading them twice would cost as much again.
 */
export function endingWire(wire: Wire): Wire {
  const watch = createPageWatch()
  const follow = <P extends Page | DeltaPage>(
    model: Model,
    cursor: string | undefined,
    page: P,
  ): P => {
    const repeats = watch(cursor, page.next)
    const removed = 'removed' in page ? page.removed : []
    return {
      ...page,
      objects: noting(page.objects, model, (keys) => {
        if (repeats([...keys, ...removed])) throw endlessList(model)
      }),
    }
  }
  return {
    ...wire,
    list: async (model, cursor, ...rest) =>
      follow(model, cursor, await wire.list(model, cursor, ...rest)),
    delta: async (model, cursor, signal) =>
      follow(model, cursor, await wire.delta(model, cursor, signal)),
  }
}

/** The objects as they are, and their keys once all of them were read for the first time. */
function noting(
  objects: Page['objects'],
  model: Model,
  tell: (keys: readonly string[]) => void,
): Page['objects'] {
  let told = false
  return {
    *[Symbol.iterator]() {
      const keys: string[] = []
      for (const object of objects) {
        if (!isRejected(object)) keys.push(String(object.data[model.key]))
        yield object
      }
      if (!told) tell(keys)
      told = true
    },
  }
}

/** Pages that follow one another: what they were, and how many in a row showed nothing else. */
interface Chain {
  shown: Set<string>
  repeats: number
}

/**
 * Tells whether the pages behind one another, told by the cursors that lead to them, repeat. A
 * service may bring known objects again, and in a delta does, so a page counts only when it is,
 * object by object, one its chain had before, and `limits.pagesRepeatedMax` of them in a row are
 * needed. Pages without objects, which deltas and filters bring, say nothing. After a restart
 * counting begins anew; `limits.syncPagesMax` is behind it.
 */
export function createPageWatch() {
  const chains = new Map<string, Chain>()
  return (cursor: string | undefined, next: string | undefined) => {
    const chain = (cursor && chains.get(cursor)) || { shown: new Set<string>(), repeats: 0 }
    if (cursor !== undefined) chains.delete(cursor)
    if (next !== undefined) chains.set(next, chain)
    return (keys: readonly string[]): boolean => {
      if (keys.length === 0) return false
      const image = createHash('sha256').update(JSON.stringify(keys.toSorted())).digest('base64')
      chain.repeats = chain.shown.has(image) ? chain.repeats + 1 : 0
      chain.shown.add(image)
      return chain.repeats >= limits.pagesRepeatedMax
    }
  }
}
