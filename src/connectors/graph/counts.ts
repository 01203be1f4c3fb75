import { AppError } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import { sendInBatches } from './batch.ts'
import { getCall } from './pages.ts'
import type { GraphTransport } from './transport.ts'

/**
 * How many objects of a list match each filter, in as few requests as batches take. Read from the
 * index that lags by seconds, so good for planning and for nothing else: a count that could not be
 * had is undefined.
 */
export async function countsOf(
  transport: GraphTransport,
  list: readonly string[],
  filters: readonly string[],
  signal: AbortSignal,
): Promise<(number | undefined)[]> {
  const counts = filters.map((): number | undefined => undefined)
  const calls = filters.map(($filter) => getCall([...list, '$count'], { $filter }, 1))
  await sendInBatches(transport, calls, { signal, eventual: true }, (answer, index) => {
    counts[index] = answer instanceof AppError ? undefined : countIn(answer.body)
  })
  return counts
}

/** A count is plain text, which a batch hands on as a number, as text, or in base64. */
function countIn(body: Json | undefined): number | undefined {
  if (typeof body === 'number') return body
  if (typeof body !== 'string') return undefined
  const text = /^\d+$/.test(body) ? body : Buffer.from(body, 'base64').toString()
  return /^\d+$/.test(text) ? Number(text) : undefined
}
