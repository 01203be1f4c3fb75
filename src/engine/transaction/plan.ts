import { describeCall } from '../../core/call.ts'
import { AppError } from '../../core/errors.ts'
import type { Change, JsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import type { Model } from '../../core/model.ts'
import { inParallel } from '../../core/parallel.ts'
import type { Wire } from '../../core/wire.ts'
import { differences } from './updateStep.ts'

export interface PlannedObject {
  key: string
  /** Undefined when there is nothing to do. */
  call: string | undefined
  differences: Change[]
}

/** The dry run: what a change would send and what would differ, by reads alone. */
export async function planChanges(
  model: Model,
  wire: Wire,
  objects: readonly { key: string; set: JsonObject }[],
  signal: AbortSignal,
): Promise<PlannedObject[]> {
  const planned: PlannedObject[] = []
  await inParallel(objects, limits.partReadsInFlight, async ({ key, set }, index) => {
    planned[index] = await planOne(model, wire, key, set, signal)
  })
  return planned
}

async function planOne(
  model: Model,
  wire: Wire,
  key: string,
  set: JsonObject,
  signal: AbortSignal,
): Promise<PlannedObject> {
  const object = await wire.get(model, key, signal)
  if (object === undefined) {
    throw new AppError(
      'microsoft-not-found',
      `${model.title} ${key} is not at Microsoft (any more).`,
    )
  }
  const open = differences(object.data, set)
  const missing = Object.fromEntries(open.map((change) => [change.property, change.after]))
  return {
    key,
    call: open.length === 0 ? undefined : describeCall(wire.updateCall(model, key, missing)),
    differences: open,
  }
}
