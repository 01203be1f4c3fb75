import type { Filter } from './filter.ts'
import type { Model } from './model.ts'
import { isRejected, type ObjectLinks, type ReadObject, type RejectedObject } from './readObject.ts'
import type { Writing } from './writing.ts'

/**
 * What the engine asks of a connector, for one tenant. The engine knows no service: it hands over a
 * model and a cursor and gets objects. A cursor is text the connector made; nobody else reads it.
 */
export interface Wire extends Writing {
  /**
   * One page of a list. `cursor` absent: the first page, of what `filter` lets through as far as
   * the service can tell; the caller still looks at what comes.
   */
  list(
    model: Model,
    cursor: string | undefined,
    signal: AbortSignal,
    filter?: Filter,
  ): Promise<Page>
  /**
   * Where the pages begin that together are the whole list, to be read side by side; empty when one
   * after the other is as good. `now` in milliseconds since 1970.
   */
  shards(model: Model, now: number, signal: AbortSignal, filter?: Filter): Promise<string[]>
  /** The cursor of "from now on": taken before a list, so that nothing is missed meanwhile. */
  deltaNow(model: Model, signal: AbortSignal): Promise<string>
  /** One page of changes. Throws `microsoft-token-expired` when only a full list helps. */
  delta(model: Model, cursor: string, signal: AbortSignal): Promise<DeltaPage>
  /** One object by its key, or undefined when the service says it is not there. */
  get(model: Model, key: string, signal: AbortSignal): Promise<ReadObject | undefined>
  /** The keys behind the links that are sub-lists, for many objects at once. */
  links(
    model: Model,
    keys: readonly string[],
    signal: AbortSignal,
  ): Promise<Map<string, ObjectLinks>>
}

/** Who waits for a call: a person, or work in the background, which stands back. */
export type Priority = 'interactive' | 'sync'

export interface Page {
  /** Read from the answer one by one, anew each time they are gone through. */
  objects: Iterable<ReadObject | RejectedObject>
  size: number
  /** Absent on the last page. */
  next: string | undefined
}

/** A whole page at once, where it may cost the memory. */
export function readWhole(page: Page): { objects: ReadObject[]; rejected: RejectedObject[] } {
  const objects: ReadObject[] = []
  const rejected: RejectedObject[] = []
  for (const read of page.objects) {
    if (isRejected(read)) rejected.push(read)
    else objects.push(read)
  }
  return { objects, rejected }
}

export interface DeltaPage extends Page {
  removed: string[]
  /** On the last page: where the next delta begins. */
  resume: string | undefined
}
