import type { Call } from '../../core/call.ts'
import { asAppError } from '../../core/errors.ts'
import type { Change, JsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import type { Model } from '../../core/model.ts'
import { inParallel } from '../../core/parallel.ts'
import { Sealed } from '../../core/secret.ts'
import type { Engine, TenantWires } from '../engine.ts'
import { namedSteps } from './chains.ts'
import { namingNeeds } from './needs.ts'
import type { StepContext, StepKind } from './step.ts'
import { lackingTogether } from './together.ts'
import { kindOf, readContext } from './work.ts'

export interface PlannedStep {
  /** Undefined when there is nothing to do, or it cannot be told before another step was done. */
  call: Call | undefined
  differences: Change[]
  /** Why the step would fail as things are. */
  problem: string | undefined
  /** Why there will be no way back, when there is none. */
  irreversible: string | undefined
}

/** What a step stops at in a dry run: the call it would send. */
class Planned extends Error {
  readonly call: Call

  constructor(call: Call) {
    super('planned')
    this.call = call
  }
}

/** The dry run: the same code as the real one, by reads alone. */
export async function planSteps(
  engine: Pick<Engine, 'clock' | 'stepKinds'>,
  models: readonly Model[],
  wires: TenantWires,
  steps: readonly { kind: string; input: JsonObject }[],
  signal: AbortSignal,
): Promise<PlannedStep[]> {
  const reads = readContext({ engine, models, wires, signal })
  const context: StepContext = {
    ...reads,
    known: null,
    resumed: false,
    patienceMs: 0,
    mustSend: false,
    send: async (_model, call) => {
      throw new Planned(call)
    },
    keep: async () => {},
    password: async () => new Sealed(''),
  }
  const planned: PlannedStep[] = []
  await inParallel(steps, limits.partReadsInFlight, async ({ kind, input }, index) => {
    planned[index] = await planStep(kindOf({ engine }, kind), context, input)
  })
  const lacking = steps.length < 2 ? noProblems : await lackingTogether(engine, reads, steps)
  return planned.map((step, index) => ({
    ...step,
    problem: step.problem ?? lacking.get(steps[index]?.kind ?? ''),
  }))
}

const noProblems: ReadonlyMap<string, string> = new Map()

async function planStep(
  kind: StepKind,
  context: StepContext,
  input: JsonObject,
): Promise<PlannedStep> {
  const plan = (call: Call | undefined, before: JsonObject | null): PlannedStep => {
    const back = kind.reverse(input, before ?? {}, null)
    return {
      call,
      differences: kind.differences(input, before, null),
      problem: undefined,
      irreversible: typeof back === 'object' && 'never' in back ? back.never : undefined,
    }
  }
  // Its object is made by a step before it: there is nothing to read yet.
  if (namedSteps(input).length > 0) return plan(undefined, null)
  let before: JsonObject | null = null
  try {
    before = await kind.look(context, input)
    await kind.ensure(context, input, before)
    return { ...plan(undefined, before), differences: [] }
  } catch (thrown) {
    if (thrown instanceof Planned) return plan(thrown.call, before)
    const failed = asAppError(thrown, 'Looking at what is there')
    const error = namingNeeds(context, kind, input, failed)
    if (context.signal.aborted || error.retryable || error.code === 'internal') throw error
    return { ...plan(undefined, before), problem: error.message }
  }
}
