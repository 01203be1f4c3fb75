import type { JsonObject } from '../../core/json.ts'
import type { Engine } from '../engine.ts'
import type { ReadContext } from './step.ts'
import { kindOf } from './work.ts'

interface KindAndInput {
  kind: string
  input: JsonObject
}

/** What several steps lack that each of them alone would find: by kind, in words. */
export async function lackingTogether(
  engine: Pick<Engine, 'stepKinds'>,
  context: ReadContext,
  steps: readonly KindAndInput[],
): Promise<Map<string, string>> {
  const lacking = new Map<string, string>()
  for (const [kind, all] of Map.groupBy(steps, (step) => step.kind)) {
    const inputs = all.map(({ input }) => input)
    const problem = await kindOf({ engine }, kind).together?.(context, inputs)
    if (problem !== undefined) lacking.set(kind, problem)
  }
  return lacking
}
