import type { Json } from '../../core/json.ts'
import { isJsonObject } from '../../core/json.ts'
import { brokenPage } from './pages.ts'
import type { GraphTransport } from './transport.ts'

/**
 * How many objects of a list match each filter, at most twenty filters: one request for all of them
 * (`$batch`, learn.microsoft.com/graph/json-batching). Read from the index that lags by seconds, so
 * good for planning and for nothing else: a count that could not be had is undefined.
 */
export async function countsOf(
  transport: GraphTransport,
  template: string,
  filters: readonly string[],
  signal: AbortSignal,
): Promise<(number | undefined)[]> {
  const requests = filters.map((filter, index) => ({
    id: String(index),
    method: 'GET',
    url: `/${template}/$count?$filter=${encodeURIComponent(filter)}`,
    headers: { ConsistencyLevel: 'eventual' },
  }))
  const answer = await transport.send(
    {
      ...{ wire: 'graph', method: 'POST', path: ['$batch'], query: {} },
      ...{ body: { requests }, cost: filters.length },
    },
    { signal, carries: { writes: 0, repeatable: true, news: () => [] } },
  )
  const responses = isJsonObject(answer.body) ? answer.body.responses : undefined
  if (!Array.isArray(responses)) throw brokenPage()
  const counted = new Map(responses.flatMap((each) => countIn(each)))
  return filters.map((_, index) => counted.get(String(index)))
}

/** A count is plain text, which a batch hands on as a number, as text, or in base64. */
function countIn(response: Json): [string, number][] {
  if (!isJsonObject(response) || typeof response.id !== 'string' || response.status !== 200)
    return []
  const { body } = response
  if (typeof body === 'number') return [[response.id, body]]
  if (typeof body !== 'string') return []
  const text = /^\d+$/.test(body) ? body : Buffer.from(body, 'base64').toString()
  return /^\d+$/.test(text) ? [[response.id, Number(text)]] : []
}
