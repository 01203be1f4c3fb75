/** One measured figure. Without a goal it is there to be compared by. */
export interface Figure {
  figure: string
  value: number
  unit: string
  /** Such as `<= 1.1`; decides `ok`. */
  goal?: string
}

export type Report = (figure: Figure) => void

/**
 * Prints a figure as one JSON line on standard output; `failed` tells whether a goal was missed.
 */
export function createReport(bench: string): { report: Report; failed: () => boolean } {
  let failed = false
  return {
    report: ({ figure, value, unit, goal }) => {
      const ok = goal === undefined || holds(value, goal)
      if (!ok) failed = true
      const rounded = Number(value.toPrecision(4))
      process.stdout.write(
        `${JSON.stringify({ bench, figure, value: rounded, unit, goal: goal ?? null, ok })}\n`,
      )
    },
    failed: () => failed,
  }
}

export function holds(value: number, goal: string): boolean {
  const [comparison, text] = goal.split(' ')
  const bound = Number(text)
  if (comparison === '<=') return value <= bound
  if (comparison === '>=') return value >= bound
  return value === bound
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** Such as `percentile(times, 0.95)`: 95 of 100 are at most as large. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length * part)] ?? Number.NaN
}

/** Milliseconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}
