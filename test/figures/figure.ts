import { TestRunner } from 'vitest'
import { holds } from '../../bench/report.ts'

/** What a test measured or counted, beside its name in docs/figures.md. */
export interface Counted {
  figure: string
  value: number
  /** `= 0`, `<= 60`, `>= 1000`; the unit stands in the name of the figure. */
  goal: string
}

/** Set by `make figures`: tests of which the suite has a smaller size take their full one. */
export const fullSize = process.env.PATCHBAY_FIGURES === 'full'

/** Reports a figure of the running test, and fails the test where the goal is missed. */
export function figure(name: string, value: number, goal: string): void {
  const { meta } = TestRunner.getCurrentTest() ?? {}
  if (meta !== undefined) {
    const counted: Counted = { figure: name, value: Number(value.toPrecision(4)), goal }
    const before: unknown = Reflect.get(meta, 'figures')
    Object.assign(meta, { figures: [...(Array.isArray(before) ? before : []), counted] })
  }
  if (!holds(value, goal)) throw new Error(`${name}: ${value}, and the goal is ${goal}`)
}

/** Puts the seed of the running test beside its figures. */
export function noteSeed(seed: number): void {
  const { meta } = TestRunner.getCurrentTest() ?? {}
  if (meta !== undefined) Object.assign(meta, { seed })
}
