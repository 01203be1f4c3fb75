import { inParallel } from '../src/core/parallel.ts'
import { type GraphPlace, openPlainGraph } from './plainGraph.ts'

/** Lists fetched and parsed and nothing else: run as a child process, answers by message. */
export interface FetchOrder {
  place: GraphPlace
  /** The first page of each list. */
  starts: string[]
  /** Lists at the same time. */
  width: number
}

export interface FetchResult {
  seconds: number
  objects: number
}

process.once('message', async ({ place, starts, width }: FetchOrder) => {
  const graph = await openPlainGraph(place)
  let objects = 0
  const began = performance.now()
  await inParallel(starts, width, async (start) => {
    for await (const page of graph.pages(start)) objects += page.value.length
  })
  const seconds = (performance.now() - began) / 1_000
  await graph.close()
  process.send?.({ seconds, objects } satisfies FetchResult)
  process.disconnect?.()
})
