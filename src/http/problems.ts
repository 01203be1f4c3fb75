import type { Static } from 'typebox'
import type { Problem } from '../contract/schemas.ts'
import { AppError, type ErrorCode, errorCodes } from '../core/errors.ts'
import { limits } from '../core/limits.ts'

export type ProblemBody = Static<typeof Problem>
export const problemType = 'application/problem+json; charset=utf-8'

const titles: Partial<Record<ErrorCode, string>> = {
  'bad-input': 'The request is not as the API describes it',
  'sign-in-required': 'Sign-in required',
  'not-permitted': 'Not permitted',
  'not-found': 'Not found',
  internal: 'An error Patchbay did not foresee',
}

/** The error as RFC 9457 has it. `instance` names the request, under which the log has the line. */
export function problemOf(error: AppError, requestId: string): ProblemBody {
  const { status } = errorCodes[error.code]
  const retryAfterMs = retryAfterOf(error)
  return {
    type: `urn:patchbay:problem:${error.code}`,
    title: titles[error.code] ?? sentence(error.code),
    status,
    code: error.code,
    detail: error.message,
    instance: `urn:uuid:${requestId}`,
    ...(error.fields.length > 0 && { fields: error.fields }),
    ...(retryAfterMs !== undefined && { retryAfterMs: Math.ceil(retryAfterMs) }),
    ...(error.foreignCode !== undefined && { microsoftCode: error.foreignCode }),
    ...(error.foreignRequestId !== undefined && { microsoftRequestId: error.foreignRequestId }),
  }
}

/** When to come again: every `unavailable` says so, though what caused it does not know. */
export function retryAfterOf({ code, retryAfterMs }: AppError): number | undefined {
  return retryAfterMs ?? (code === 'unavailable' ? limits.unavailableRetryMs : undefined)
}

function sentence(code: string): string {
  return code.charAt(0).toUpperCase() + code.slice(1).replaceAll('-', ' ')
}

/** What Fastify and its router refuse by themselves, in our codes. */
const frameworkCodes: Readonly<Record<string, [ErrorCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['too-large', 'The request body is larger than the API takes.'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    'unsupported-media-type',
    'Send the body as application/json; nothing was done.',
  ],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    'bad-input',
    'The body is not as long as its Content-Length says; nothing was done.',
  ],
  FST_ERR_BAD_URL: ['bad-input', 'The address of the request is not a well-formed URL path.'],
}

export function asProblem(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown
  const known = frameworkCodes[frameworkCode(thrown)]
  if (known) return new AppError(known[0], known[1], { cause: thrown })
  return new AppError(
    'internal',
    'The request failed for a reason Patchbay did not foresee; the log names it under this id.',
    { cause: thrown },
  )
}

/** What stopped a request of which not everything has come: a caller who hung up is no failure. */
export function asUnfinished(thrown: unknown): AppError {
  const known = thrown instanceof AppError || frameworkCode(thrown) in frameworkCodes
  if (known) return asProblem(thrown)
  return new AppError('bad-input', 'The body did not arrive in full; nothing was done.', {
    fields: [{ field: 'body', problem: 'did not arrive in full' }],
    cause: thrown,
  })
}

function frameworkCode(thrown: unknown): string {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
  return typeof code === 'string' ? code : ''
}
