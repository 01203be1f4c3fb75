import { AppError } from '../../core/errors.ts'
import { type Change, changesBetween, type JsonObject } from '../../core/json.ts'

/** The difference between what is there and what is wanted, property by property. */
export function differences(current: JsonObject, wanted: JsonObject): Change[] {
  return changesBetween(pick(current, Object.keys(wanted)), wanted)
}

export function pick(object: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(names.map((name) => [name, object[name] ?? null]))
}

/** Each property must have the value we left there, or already the one to be set. */
export function refuseForeignChange(
  current: JsonObject,
  wanted: JsonObject,
  ours: JsonObject,
): void {
  const foreign = Object.keys(ours).filter(
    (name) =>
      differences(current, pick(ours, [name])).length > 0 &&
      !(Object.hasOwn(wanted, name) && differences(current, pick(wanted, [name])).length === 0),
  )
  if (foreign.length > 0) {
    throw new AppError(
      'microsoft-conflict',
      `${foreign.join(', ')} was changed by somebody else since; their value was left as it is.`,
    )
  }
}
