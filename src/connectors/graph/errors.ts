import { AppError, type ErrorCode } from '../../core/errors.ts'
import { isJsonObject, type Json } from '../../core/json.ts'

/** Codes that say more than their status does; the most inner code of an error comes first. */
const byCode: Readonly<Record<string, [ErrorCode, string]>> = {
  InvalidAuthenticationToken: [
    'credentials-rejected',
    'Graph did not accept the token, even a new one. Check that tenant and cloud belong together.',
  ],
  Authorization_RequestDenied: [
    'consent-missing',
    'The application lacks a permission or directory role for this. Grant it with admin consent; administrators are protected and need a higher role of the application.',
  ],
  ErrorAccessDenied: [
    'consent-missing',
    'The application may not use this mailbox. Grant the permission, or widen its mailbox scope.',
  ],
  Authorization_IdentityNotFound: [
    'consent-missing',
    'The application is not known in the tenant yet. Grant admin consent and wait a minute.',
  ],
  Authentication_RequestFromNonPremiumTenantOrB2CTenant: [
    'microsoft-refused',
    'The tenant has no licence for this (any more). Buy or renew the subscription; what it does not need goes on.',
  ],
  MailboxNotEnabledForRESTAPI: [
    'microsoft-not-found',
    'There is no active Exchange Online mailbox. Check its licence; a new mailbox takes minutes.',
  ],
  Directory_ExpiredPageToken: [
    'microsoft-token-expired',
    'The place in the list is no longer known. The list begins anew.',
  ],
  DirectoryPageTokenNotFoundException: [
    'microsoft-token-expired',
    'The place in the list is no longer known. The list begins anew.',
  ],
  syncStateNotFound: [
    'microsoft-token-expired',
    'The changes since then are no longer known. A full list follows.',
  ],
  resyncRequired: [
    'microsoft-token-expired',
    'The changes since then are no longer known. A full list follows.',
  ],
  ObjectConflict: ['microsoft-conflict', 'Another object already has this value.'],
  PropertyConflict: ['microsoft-conflict', 'Another object already has this value.'],
}

/**
 * The directory refuses almost everything as `Request_BadRequest`; only the message tells what was
 * wrong. It is used to choose words, never to decide whether to try again.
 */
const byMessage: readonly [RegExp, ErrorCode, string][] = [
  [
    /^Another object with the same value for property (\w+) already exists/,
    'microsoft-conflict',
    'Another object already has this value of $1. Choose another, or free it there (also in the deleted users).',
  ],
  [
    /^One or more added object references already exist/,
    'microsoft-conflict',
    'It is already a member.',
  ],
  [
    /^The domain portion of the (\w+) property is invalid/,
    'microsoft-refused',
    'The domain of $1 is not a verified domain of the tenant. Use one that is.',
  ],
  [
    /^The specified password does not comply with password complexity/,
    'microsoft-refused',
    'The password is too simple for the tenant. Choose a longer one of several kinds of characters.',
  ],
  [
    /^License assignment cannot be done for user with invalid usage location/,
    'microsoft-refused',
    'The user needs a usage location before a licence. Set it; a new one takes some seconds to count.',
  ],
  [
    /^Subscription with SKU \S+ does not have any available licenses/,
    'microsoft-conflict',
    'No licence of this kind is left. Buy one or take one back.',
  ],
  [
    /are mutually exclusive/,
    'microsoft-refused',
    'Two service plans of these licences exclude each other. Switch one of them off.',
  ],
  [
    /depends on the service plan/,
    'microsoft-refused',
    'A service plan needs another one that is switched off. Switch that one on as well.',
  ],
  [
    /^Unable to update the specified properties for on-premises mastered/,
    'microsoft-refused',
    'The object is mastered by a directory on premises. Change it there.',
  ],
]

const byStatus: Readonly<Record<number, [ErrorCode, string]>> = {
  401: ['credentials-rejected', 'Graph did not accept the token.'],
  403: ['consent-missing', 'The application lacks a permission for this. Grant it.'],
  404: ['microsoft-not-found', 'There is no such object at Microsoft.'],
  409: ['microsoft-conflict', 'It is in conflict with what is there.'],
  410: ['microsoft-token-expired', 'The changes since then are no longer known.'],
  412: ['microsoft-conflict', 'The object was changed by somebody else meanwhile.'],
  423: ['microsoft-conflict', 'The object is locked there at the moment.'],
  429: ['microsoft-throttled', 'Too many requests. It is tried again after a pause.'],
  509: ['microsoft-throttled', 'Too much traffic. It is tried again after a pause.'],
}

export interface GraphRefusal {
  status: number
  body: Json | undefined
  requestId: string | undefined
  retryAfterMs: number | undefined
  /** What was attempted: `PATCH users/{}`. */
  operation: string
}

/** An answer that is not 2xx, as an AppError; its message holds no value of the request. */
export function graphError(refusal: GraphRefusal): AppError {
  const { status, operation, requestId, retryAfterMs } = refusal
  const { codes, message } = readError(refusal.body)
  const [code, words] = meaningOf(status, codes, message)
  const foreignCode = codes[0] ?? `HTTP ${status}`
  return new AppError(code, `${operation}: Graph answered ${foreignCode} (${status}). ${words}`, {
    foreignCode,
    ...(requestId === undefined ? {} : { foreignRequestId: requestId }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

function meaningOf(status: number, codes: string[], message: string): [ErrorCode, string] {
  // A server in trouble often names a code as if the request were at fault.
  if (status >= 500 && status !== 509) {
    return ['microsoft-unavailable', 'Microsoft has a fault of its own. Trying again later helps.']
  }
  // "Not there" removes rows, so it has to come from Graph itself, not from something in between.
  if (status === 404 && codes.length === 0) {
    return [
      'microsoft-broken-answer',
      'That 404 did not come from Graph. Check what is in between.',
    ]
  }
  for (const code of codes) {
    const known = Object.hasOwn(byCode, code) ? byCode[code] : undefined
    if (known !== undefined) return known
  }
  for (const [pattern, code, words] of byMessage) {
    const match = pattern.exec(message)
    if (match !== null) return [code, words.replace('$1', match[1] ?? '')]
  }
  return byStatus[status] ?? ['microsoft-refused', 'The request id helps Microsoft find out why.']
}

/** The codes from the most inner to the outer one, as Graph's error page says to read them. */
function readError(body: Json | undefined): { codes: string[]; message: string } {
  const codes: string[] = []
  const outer = isJsonObject(body) ? body.error : undefined
  let inner: Json | undefined = outer
  for (let depth = 0; depth < errorDepthMax && isJsonObject(inner); depth += 1) {
    const details = Array.isArray(inner.details) ? inner.details : []
    for (const each of [...details, inner]) {
      const code = isJsonObject(each) ? each.code : undefined
      if (typeof code === 'string' && /^[A-Za-z][\w.]{0,99}$/.test(code)) codes.unshift(code)
    }
    inner = inner.innerError ?? inner.innererror
  }
  const message = isJsonObject(outer) && typeof outer.message === 'string' ? outer.message : ''
  return { codes, message }
}

const errorDepthMax = 8

/**
 * A refusal for want of room that is handed on: it always says when to come back, which is how
 * callers tell "later" from "never".
 */
export function forLater(error: AppError, retryAfterMs: number): AppError {
  const { code, message, foreignCode, foreignRequestId } = error
  return new AppError(code, message, {
    ...{ cause: error, retryAfterMs },
    ...(foreignCode === undefined ? {} : { foreignCode }),
    ...(foreignRequestId === undefined ? {} : { foreignRequestId }),
  })
}

export function brokenAnswer(operation: string, requestId: string | undefined): AppError {
  return new AppError(
    'microsoft-broken-answer',
    `${operation}: what came back with a good status was not complete JSON (cut short, or a page of something in between). Nothing of it was used.`,
    requestId === undefined ? {} : { foreignRequestId: requestId },
  )
}
