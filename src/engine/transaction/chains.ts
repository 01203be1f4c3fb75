import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import type { Step } from './queries.ts'
import type { StepKind } from './step.ts'

/**
 * Steps that depend on one another, by what they touch and by the steps whose object they name, as
 * chains in their order. Nothing ties one chain to another: they are done side by side.
 */
export function chainsOf<S extends Pick<Step, 'seq' | 'input'>>(
  steps: readonly S[],
  kindOf: (step: S) => StepKind,
): S[][] {
  const above = new Map<string, string>()
  const rootOf = (name: string): string => {
    const next = above.get(name)
    return next === undefined ? name : rootOf(next)
  }
  for (const step of steps) {
    const names = [...namedSteps(step.input).map(nameOf), ...kindOf(step).touches(step.input)]
    for (const name of names) {
      const [own, other] = [rootOf(nameOf(step.seq)), rootOf(name)]
      if (own !== other) above.set(own, other)
    }
  }
  return [...Map.groupBy(steps, (step) => rootOf(nameOf(step.seq))).values()]
}

const nameOf = (seq: number) => `step ${seq}`

/** The numbers of the steps whose object an input names: `{ step: 1 }` in place of a key. */
export function namedSteps({ key, to }: JsonObject): number[] {
  return [key, isJsonObject(to) ? to.key : undefined].flatMap((one) => stepNumber(one) ?? [])
}

/** The input with the keys of the objects those steps have made; undefined: not made yet. */
export function withKeys(
  input: JsonObject,
  madeBy: (seq: number) => Json | undefined,
): JsonObject | undefined {
  let isWhole = true
  const keyFor = (key: Json | undefined): Json => {
    const seq = stepNumber(key)
    const made = seq === undefined ? key : madeBy(seq)
    if (made === undefined && seq !== undefined) isWhole = false
    return made ?? null
  }
  const { key, to } = input
  const found = {
    ...input,
    ...(key !== undefined && { key: keyFor(key) }),
    ...(isJsonObject(to) && { to: { ...to, key: keyFor(to.key) } }),
  }
  return isWhole ? found : undefined
}

function stepNumber(key: Json | undefined): number | undefined {
  return isJsonObject(key) && typeof key.step === 'number' ? key.step : undefined
}
