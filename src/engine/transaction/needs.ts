import { AppError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import type { ReadContext, StepKind } from './step.ts'

/** Microsoft does not say which permission it misses; the kind of step does, or its model. */
export function namingNeeds(
  context: Pick<ReadContext, 'model'>,
  kind: StepKind,
  input: JsonObject,
  error: AppError,
): AppError {
  if (error.code !== 'consent-missing') return error
  const { read, write } = kind.needs ?? context.model(String(input.model)).needs
  const needs = `Reading it takes ${read.join(' and ')}, changing it ${write.join(' and ')}.`
  const { code, message, foreignCode, foreignRequestId } = error
  return new AppError(code, `${message} ${needs}`, {
    cause: error,
    ...(foreignCode !== undefined && { foreignCode }),
    ...(foreignRequestId !== undefined && { foreignRequestId }),
  })
}
