/** How many rows are of `at` or later; `at` in milliseconds since 1970. */
export interface Knot {
  at: number
  rowsAfter: number
}

export interface Spread {
  total: number
  /** Times of some of the rows, in any order. */
  times: readonly number[]
  /** Exact counts at some times, the latest first. */
  exact: readonly Knot[]
  pieces: number
  now: number
}

/**
 * Times that cut all rows into pieces of about equal size, ascending and each once: between two
 * exact counts the sample says where the rows lie, and where it says nothing they lie evenly.
 * Rows that share one millisecond stay together.
 */
export function divideEvenly(spread: Spread): number[] {
  const { total, pieces } = spread
  const segments = segmentsOf(spread)
  const cuts = new Set<number>()
  let rows = 0
  let piece = 1
  for (const { times, size } of segments) {
    while (piece < pieces && (total * piece) / pieces <= rows + size) {
      cuts.add(timeAt(times, ((total * piece) / pieces - rows) / size))
      piece += 1
    }
    rows += size
  }
  return [...cuts].sort((a, b) => a - b)
}

interface Segment {
  /** Ascending; the first and the last are its ends. */
  times: number[]
  size: number
}

/** From the oldest to the youngest, those with rows. */
function segmentsOf({ total, times, exact, now }: Spread): Segment[] {
  const sorted = [...times].sort((a, b) => a - b)
  const knots = [...exact].sort((a, b) => a.at - b.at)
  const oldest = Math.min(sorted[0] ?? now, knots[0]?.at ?? now) - 1
  const ends = [{ at: oldest, rowsAfter: total }, ...knots, { at: now, rowsAfter: 0 }]
  return ends.slice(1).flatMap((end, index) => {
    const start = ends[index] ?? end
    const size = start.rowsAfter - end.rowsAfter
    const within = sorted.filter((time) => time > start.at && time < end.at)
    return size > 0 ? [{ times: [start.at, ...within, end.at], size }] : []
  })
}

/** The time at a share of a segment's rows, between the two sampled rows it falls between. */
function timeAt(times: readonly number[], share: number): number {
  const place = Math.min(Math.max(share, 0), 1) * (times.length - 1)
  const below = Math.floor(place)
  const from = times[below] ?? 0
  const to = times[below + 1] ?? from
  return Math.round(from + (to - from) * (place - below))
}
