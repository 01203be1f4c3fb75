/**
 * The closed list of errors. A code carries its HTTP status, the exit code of the CLI and whether
 * trying the same thing again may help; nothing else in the product decides any of the three.
 */
export const errorCodes = {
  'bad-input': { status: 400, exit: 2, retryable: false },
  'sign-in-required': { status: 401, exit: 3, retryable: false },
  'not-permitted': { status: 403, exit: 3, retryable: false },
  'not-found': { status: 404, exit: 4, retryable: false },
  'method-not-allowed': { status: 405, exit: 2, retryable: false },
  conflict: { status: 409, exit: 1, retryable: false },
  /** What was asked for was there once and is not kept any more. */
  gone: { status: 410, exit: 4, retryable: false },
  'too-large': { status: 413, exit: 2, retryable: false },
  'unsupported-media-type': { status: 415, exit: 2, retryable: false },
  'idempotency-key-reused': { status: 422, exit: 2, retryable: false },
  'confirmation-required': { status: 428, exit: 2, retryable: false },
  'too-many-requests': { status: 429, exit: 6, retryable: true },
  cancelled: { status: 409, exit: 1, retryable: false },
  fenced: { status: 409, exit: 1, retryable: true },
  internal: { status: 500, exit: 1, retryable: false },
  unavailable: { status: 503, exit: 6, retryable: true },
  /** The audit takes this entry neither now nor later, so nothing was done. */
  'audit-refused': { status: 503, exit: 6, retryable: false },
  'timed-out': { status: 504, exit: 6, retryable: true },
  /** The address is not one an administrator allowed. */
  'address-refused': { status: 422, exit: 2, retryable: false },
  /** Microsoft refused the application's own secret or certificate. */
  'credentials-rejected': { status: 502, exit: 3, retryable: false },
  /** Signed in, but an application permission or directory role is missing. */
  'consent-missing': { status: 502, exit: 3, retryable: false },
  'microsoft-refused': { status: 502, exit: 1, retryable: false },
  'microsoft-conflict': { status: 409, exit: 1, retryable: false },
  'microsoft-not-found': { status: 404, exit: 4, retryable: false },
  'microsoft-throttled': { status: 503, exit: 6, retryable: true },
  'microsoft-unavailable': { status: 502, exit: 6, retryable: true },
  /** What came back was not what the service documents: cut short, not JSON, a foreign link. */
  'microsoft-broken-answer': { status: 502, exit: 1, retryable: true },
  /** A delta or page token is no longer known there: the only way on is a full list. */
  'microsoft-token-expired': { status: 502, exit: 1, retryable: true },
} as const

export type ErrorCode = keyof typeof errorCodes

/** What is wrong with one field of an input; `field` is a path with dots: `body.graph.tenantId`. */
export interface FieldProblem {
  field: string
  problem: string
}

export interface ErrorDetail {
  /** The fields at fault, when the code is `bad-input`. */
  fields?: FieldProblem[]
  /** A field names what may well be another customer's: on record like what is not permitted. */
  beyondScope?: boolean
  /** How long to wait before trying again, in milliseconds. */
  retryAfterMs?: number
  /**
   * What Microsoft called it (an AADSTS number, a Graph error code). Never a value of a request.
   */
  foreignCode?: string
  /** The id under which Microsoft's support finds the request. */
  foreignRequestId?: string
  cause?: unknown
}

/**
 * The only error that crosses a boundary. Its message says what was attempted, what is unaffected
 * where that matters, and what to do; it never holds a secret.
 */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly fields: FieldProblem[]
  readonly beyondScope: boolean
  readonly retryAfterMs: number | undefined
  readonly foreignCode: string | undefined
  readonly foreignRequestId: string | undefined

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause })
    this.name = 'AppError'
    this.code = code
    this.fields = detail.fields ?? []
    this.beyondScope = detail.beyondScope ?? false
    this.retryAfterMs = detail.retryAfterMs
    this.foreignCode = detail.foreignCode
    this.foreignRequestId = detail.foreignRequestId
  }

  get retryable(): boolean {
    return errorCodes[this.code].retryable
  }

  get status(): number {
    return errorCodes[this.code].status
  }
}

/** Anything thrown, as an AppError; what nobody foresaw becomes `internal` with its cause kept. */
export function asAppError(thrown: unknown, attempted: string): AppError {
  if (thrown instanceof AppError) return thrown
  return new AppError('internal', `${attempted} failed for a reason Patchbay did not foresee.`, {
    cause: thrown,
  })
}

export function badInput(field: string, problem: string): AppError {
  return new AppError('bad-input', `${field} ${problem}`, { fields: [{ field, problem }] })
}
