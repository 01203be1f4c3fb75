/** What doctor found when it looked at one thing. */
export interface Finding {
  check: string
  outcome: 'passed' | 'warning' | 'failed' | 'skipped'
  message: string
  /** What to do, wherever there is something to do. */
  remedy: string | null
}

export const passed = (check: string, message: string): Finding => ({
  ...{ check, outcome: 'passed', message, remedy: null },
})
export const skipped = (check: string, message: string): Finding => ({
  ...{ check, outcome: 'skipped', message, remedy: null },
})
export const warning = (check: string, message: string, remedy: string): Finding => ({
  ...{ check, outcome: 'warning', message, remedy },
})
export const failed = (check: string, message: string, remedy: string): Finding => ({
  ...{ check, outcome: 'failed', message, remedy },
})

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const inner = error instanceof AggregateError ? error.errors[0] : undefined
  return error.message || (inner instanceof Error ? inner.message : error.name)
}
