import { AppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Model } from '../../core/model.ts'
import type { ReadObject } from '../../core/readObject.ts'
import type { StepContext } from './step.ts'

/**
 * Looks until there is something to see, each wait twice the one before, within `ms`. Undefined
 * when there was nothing until then: a nearby replica answers for the service, and learns of a
 * change some time after it (seconds as a rule, minutes at worst).
 */
export async function settled<T>(
  { clock, signal }: Pick<StepContext, 'clock' | 'signal'>,
  ms: number,
  look: (waitedMs: number) => Promise<T | undefined>,
): Promise<T | undefined> {
  let waitMs: number = limits.settleFirstMs
  for (let waited = 0; ; waited += waitMs, waitMs = Math.min(waitMs * 2, limits.settleWaitMaxMs)) {
    const found = await look(waited)
    if (found !== undefined || waited >= ms) return found
    await clock.sleep(waitMs, signal)
  }
}

/** The object, waited for where it is new; or `microsoft-not-found` in words. */
export async function readObject(
  context: StepContext,
  model: Model,
  key: string,
): Promise<ReadObject> {
  const object = await settled(context, context.patienceMs, () =>
    context.wire(model).get(model, key, context.signal),
  )
  if (object === undefined) throw notThere(model, key)
  return object
}

export function notThere(model: Model, key: string): AppError {
  return new AppError(
    'microsoft-not-found',
    `${model.title} ${key} is not at Microsoft (any more). Sync the tenant to see what is there.`,
  )
}

/**
 * Whether the service may have carried the call out all the same: it broke off, or a fault came in
 * place of an answer. A refusal, also one for want of room (429), was not carried out.
 */
export function mayHaveHappened(error: unknown): boolean {
  if (!(error instanceof AppError) || !error.retryable) return false
  return error.code !== 'microsoft-throttled' && error.code !== 'fenced'
}

/** What was written is there no more, and neither is what had been there. */
export function overtaken(names: readonly string[]): AppError {
  return new AppError(
    'microsoft-conflict',
    `${names.join(', ')} was changed by somebody else right behind this change; their value was left as it is.`,
  )
}

export function notShown(what: string): AppError {
  return new AppError(
    'microsoft-broken-answer',
    `Microsoft accepted ${what}, but reading it back still shows other values.`,
  )
}
