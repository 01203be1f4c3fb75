import { createHash } from 'node:crypto'
import { limits } from '../../core/limits.ts'
import type { Model } from '../../core/model.ts'
import type { Page, Wire } from '../../core/wire.ts'
import { endlessList } from './modelSync.ts'

/** A wire on which a list or delta that only repeats its pages ends as endless. */
export function endingWire(wire: Wire): Wire {
  const repeats = createPageWatch()
  const follow = <P extends Page>(model: Model, cursor: string | undefined, page: P): P => {
    if (repeats(cursor, keysOf(model, page), page.next)) throw endlessList(model)
    return page
  }
  return {
    ...wire,
    list: async (model, cursor, ...rest) =>
      follow(model, cursor, await wire.list(model, cursor, ...rest)),
    delta: async (model, cursor, signal) =>
      follow(model, cursor, await wire.delta(model, cursor, signal)),
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
  return (
    cursor: string | undefined,
    keys: readonly string[],
    next: string | undefined,
  ): boolean => {
    const chain = (cursor && chains.get(cursor)) || { shown: new Set<string>(), repeats: 0 }
    if (cursor !== undefined) chains.delete(cursor)
    if (next !== undefined) chains.set(next, chain)
    if (keys.length === 0) return false
    const image = createHash('sha256').update(JSON.stringify(keys.toSorted())).digest('base64')
    chain.repeats = chain.shown.has(image) ? chain.repeats + 1 : 0
    chain.shown.add(image)
    return chain.repeats >= limits.pagesRepeatedMax
  }
}

function keysOf(model: Model, page: Page): string[] {
  const removed = 'removed' in page && Array.isArray(page.removed) ? page.removed.map(String) : []
  return [...page.objects.map(({ data }) => String(data[model.key])), ...removed]
}
