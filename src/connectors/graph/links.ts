import { isJsonObject, type Json } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import type { Model } from '../../core/model.ts'
import { inParallel } from '../../core/parallel.ts'
import type { ObjectLinks } from '../../core/wire.ts'
import { isKey } from './objects.ts'
import { brokenPage, getCall, pagesOf, unlessGone } from './pages.ts'
import { pathOf, type Reading, sublistReading } from './reading.ts'
import type { GraphTransport } from './transport.ts'

/**
 * The sub-lists of many objects (`groups/{id}/members`), each read to its end. An object that is
 * gone is absent from the answer; any other failure fails the whole, so that no list is half read.
 */
export async function readAllLinks(
  transport: GraphTransport,
  model: Model,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, ObjectLinks>> {
  const found = new Map<string, ObjectLinks>(keys.map((key) => [key, {}]))
  const reads = model.links.flatMap(({ kind, call }) =>
    call === undefined ? [] : keys.map((key) => ({ kind, key, call })),
  )
  await inParallel(reads, limits.partReadsInFlight, async ({ kind, key, call }) => {
    const links = found.get(key)
    // Another of its lists was not found already: the object is gone.
    if (links === undefined) return
    const reading = sublistReading(model, call)
    const members = await unlessGone(readSublist(transport, reading, key, signal))
    if (members === undefined) found.delete(key)
    else links[kind] = members
  })
  return found
}

async function readSublist(
  transport: GraphTransport,
  { template, query, cost, skipBy }: Reading,
  key: string,
  signal: AbortSignal,
): Promise<string[]> {
  const call = getCall(pathOf(template, key), query, cost)
  const members = new Set<string>()
  for await (const page of pagesOf(transport, call, signal, skipBy)) {
    for (const item of page) members.add(memberKey(item))
  }
  return [...members].sort()
}

function memberKey(item: Json): string {
  const id = isJsonObject(item) ? item.id : undefined
  if (!isKey(id)) throw brokenPage()
  return id
}
