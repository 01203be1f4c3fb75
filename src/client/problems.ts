import {
  AppError,
  type ErrorCode,
  type ErrorDetail,
  errorCodes,
  type FieldProblem,
} from '../core/errors.ts'
import { isJsonObject, type JsonObject } from '../core/json.ts'

/** The body of an answer, or the problem it is, thrown. */
export async function readAnswer(answer: Response, baseUrl: string): Promise<unknown> {
  const type = answer.headers.get('content-type') ?? ''
  const text = await answer.text()
  if (answer.ok)
    return type.startsWith('application/json') ? parsed(text, baseUrl) : text || undefined
  const problem = type.startsWith('application/problem+json') ? parsed(text, baseUrl) : undefined
  throw isJsonObject(problem) ? errorOf(problem) : foreign(answer.status, baseUrl)
}

function parsed(text: string, baseUrl: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw foreign(200, baseUrl)
  }
}

/** Something that is not Patchbay answered: a proxy, another server on that port. */
function foreign(status: number, baseUrl: string): AppError {
  const code = status === 502 || status === 503 || status === 504 ? 'unavailable' : 'internal'
  return new AppError(
    code,
    `What answered at ${baseUrl} (status ${status}) is not Patchbay, or stands before it; check the address.`,
  )
}

/** The problem itself is kept as the cause: it names the request. */
function errorOf(problem: JsonObject): AppError {
  const detail: ErrorDetail = { fields: fieldsOf(problem.fields), cause: problem }
  if (typeof problem.retryAfterMs === 'number') detail.retryAfterMs = problem.retryAfterMs
  if (typeof problem.microsoftCode === 'string') detail.foreignCode = problem.microsoftCode
  if (typeof problem.microsoftRequestId === 'string') {
    detail.foreignRequestId = problem.microsoftRequestId
  }
  return new AppError(codeOf(problem.code), String(problem.detail ?? problem.title), detail)
}

function codeOf(code: unknown): ErrorCode {
  return isErrorCode(code) ? code : 'internal'
}

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorCodes, code)
}

function fieldsOf(fields: unknown): FieldProblem[] {
  if (!Array.isArray(fields)) return []
  return fields
    .filter((entry) => isJsonObject(entry))
    .map((entry) => ({ field: String(entry.field), problem: String(entry.problem) }))
}

/** No answer came; `cause` is what fetch threw. */
export function unreachable(baseUrl: string, cause: unknown, cancelled?: AbortSignal): AppError {
  if (cancelled?.aborted) return new AppError('cancelled', 'The request was given up.', { cause })
  if (cause instanceof Error && cause.name === 'TimeoutError') {
    return new AppError('timed-out', `Patchbay at ${baseUrl} did not answer in time.`, { cause })
  }
  const reason = reasonOf(cause)
  return new AppError(
    'unavailable',
    `Patchbay at ${baseUrl} cannot be reached${reason && ` (${reason})`}. Check the address, and that it runs.`,
    { cause },
  )
}

/** fetch hides the reason (ECONNREFUSED, a certificate) in the cause of its TypeError. */
function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error ? thrown.cause : undefined
  if (!(cause instanceof Error)) return ''
  return 'code' in cause ? String(cause.code) : cause.message
}
