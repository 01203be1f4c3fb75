import { isJsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import type { Model } from '../../core/model.ts'
import { callUrl } from './address.ts'
import { countsOf } from './counts.ts'
import { bothFilters } from './filter.ts'
import { brokenPage, getCall, itemsOf } from './pages.ts'
import { pathOf, type Reading } from './reading.ts'
import { divideEvenly, type Knot } from './spread.ts'
import type { GraphTransport } from './transport.ts'

/**
 * Where the pages begin that together are a model's whole list, to be read side by side: Graph
 * hands out a list page after page, about half a second each, and asks for no pause meanwhile.
 *
 * The ranges are of a time (`createdDateTime`), not of names. Names are spread unevenly,
 * differently for each tenant, and in an alphabet nobody closed; times are as uneven (a migration
 * creates most people within hours), but their order has nothing to do with the order of a list, so
 * any page of it is a fair sample. Counts at fixed ages, exact, correct what the sample says.
 *
 * Empty when the list is short, or holds objects without that time (some that were synchronised
 * before June 2018) or nobody could say: it is then read in one piece. `now` in milliseconds since
 * 1970.
 */
export async function planShards(
  transport: GraphTransport,
  model: Model,
  list: Reading,
  now: number,
  signal: AbortSignal,
): Promise<string[]> {
  if (model.shard === undefined) return []
  const knots = agesDays.map((days) => now - days * day)
  const asked = [`${model.shard} eq null`, ...knots.map((at) => from(model.shard ?? '', at))]
  const filters = asked.map((filter) => bothFilters(list.query.$filter, filter))
  const [sample, [without, ...counts]] = await Promise.all([
    readSample(transport, list, model.shard, signal),
    countsOf(transport, pathOf(list.template), filters, signal),
  ])
  const pieces = Math.min(Math.floor(sample.total / limits.shardRows), limits.shardsMax)
  if (without !== 0 || pieces < 2) return []
  const exact = knots.flatMap((at, index): Knot[] => {
    const rowsAfter = counts[index]
    return rowsAfter === undefined ? [] : [{ at, rowsAfter }]
  })
  const cuts = divideEvenly({ total: sample.total, times: sample.times, exact, pieces, now })
  return ranges(model.shard, cuts).map((range) => {
    const $filter = bothFilters(list.query.$filter, range)
    const call = getCall(pathOf(list.template), { ...list.query, $filter }, list.cost)
    return callUrl(transport.graph, call).href
  })
}

const day = 86_400_000
/**
 * Ages at which all objects are counted, in days: with the count of those without a time as many as
 * one batch takes. Closer together the younger, since most tenants are.
 */
const agesDays = [
  ...[1, 7, 30, 60, 90, 135, 180, 270, 365, 500],
  ...[730, 1_000, 1_300, 1_600, 2_000, 2_600, 3_300, 4_300, 6_000],
]

/** The times of one page's objects, and how many objects there are. */
async function readSample(
  transport: GraphTransport,
  { template, query: { $filter } }: Reading,
  property: string,
  signal: AbortSignal,
): Promise<{ total: number; times: number[] }> {
  const query = {
    ...{ $select: property, $top: String(limits.shardSampleRows), $count: 'true' },
    ...($filter !== undefined && { $filter }),
  }
  const call = getCall(pathOf(template), query, 1)
  const answer = await transport.send(call, { signal, eventual: true })
  const total = isJsonObject(answer.body) ? answer.body['@odata.count'] : undefined
  if (typeof total !== 'number') throw brokenPage()
  const times = itemsOf(answer).flatMap((item) => {
    const time = isJsonObject(item) ? item[property] : undefined
    const at = typeof time === 'string' ? Date.parse(time) : Number.NaN
    return Number.isNaN(at) ? [] : [at]
  })
  return { total, times }
}

function from(property: string, at: number): string {
  return `${property} ge ${new Date(at).toISOString()}`
}

/**
 * Ranges without a gap and without overlap. Graph compares times with `ge` and `le` only; they have
 * seven digits of a second at most, so the last instant before one is a ten-millionth before it.
 */
function ranges(property: string, cuts: readonly number[]): string[] {
  const before = (at: number) =>
    `${property} le ${new Date(at - 1).toISOString().replace('Z', '9999Z')}`
  const [first, ...others] = cuts
  if (first === undefined) return []
  return [
    before(first),
    ...cuts.map((at, index) => {
      const next = others[index]
      return next === undefined ? from(property, at) : `${from(property, at)} and ${before(next)}`
    }),
  ]
}
