import { AppError } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import { tooLarge } from './answer.ts'

interface Attempt {
  method: string
  url: URL
  /** The caller gave up. */
  cancelled: boolean
  /** The limit on the whole exchange ran out, or the caller gave up. */
  outOfTime: boolean
  /** The scheme of the proxy on the way; undefined: there is none. */
  proxy: string | undefined
}

/** What went wrong, in words, by the codes of Node, OpenSSL and undici. */
const reasons: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name is not known to the name server',
  EAI_AGAIN: 'the name server did not answer',
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  EHOSTUNREACH: 'there is no way to that network',
  ENETUNREACH: 'there is no way to that network',
  UND_ERR_SOCKET: 'the connection was cut',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the answer was cut short',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself only',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate comes from an authority that is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate comes from an authority not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate comes from an authority not trusted here',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'it only speaks versions of TLS that are too old',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'it only speaks versions of TLS that are too old',
  Z_BUF_ERROR: 'the answer was cut short',
  Z_DATA_ERROR: 'the answer could not be unpacked',
}

const timeouts: Readonly<Record<string, string>> = {
  UND_ERR_CONNECT_TIMEOUT: 'could not be connected to',
  ETIMEDOUT: 'could not be connected to',
  UND_ERR_HEADERS_TIMEOUT: 'did not begin to answer',
  UND_ERR_BODY_TIMEOUT: 'stopped in the middle of its answer',
}

/** Anything a socket throws, as an AppError that names the host and nothing of the request. */
export function toAppError(error: unknown, attempt: Attempt): AppError {
  if (error instanceof AppError) return error
  const { method, url } = attempt
  if (attempt.cancelled) {
    return new AppError('cancelled', `The ${method} to ${url.host} was given up before its answer.`)
  }
  const code = codeOf(error)
  if (attempt.proxy !== undefined && isAboutProxy(code, attempt)) {
    return new AppError(
      'unavailable',
      `${method} to ${url.host} did not get through the proxy; check its address, user and password, and that it lets this host through.`,
      { cause: error },
    )
  }
  const slow = attempt.outOfTime ? 'did not finish its answer' : timeouts[code]
  if (slow !== undefined) {
    return new AppError(
      'timed-out',
      `${url.host} ${slow} within the time limit (${method}). Whether it acted on the request is not known.`,
      { cause: error },
    )
  }
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return tooLarge(url.host, limits.answerBytes)
  const reason = reasons[code] ?? `the connection failed${code === '' ? '' : ` (${code})`}`
  return new AppError('unavailable', `${method} to ${url.host} failed: ${reason}.`, {
    cause: error,
  })
}

/**
 * Before a proxy has let us through, why it did not is told in one sentence: the address was typed,
 * and whoever typed it would learn which machines and ports answer in this network. What may have
 * reached the other end (a cut, a silence behind the request) keeps its code: it decides whether
 * the request counts as sent. A certificate is the target's when the proxy itself speaks no TLS.
 */
function isAboutProxy(code: string, { proxy, outOfTime }: Attempt): boolean {
  if (outOfTime || Object.hasOwn(behindProxy, code)) return false
  if (code.startsWith('HPE_')) return false
  return proxy === 'https' || !isCertificate(code)
}

const behindProxy: Readonly<Record<string, true>> = {
  ECONNRESET: true,
  EPIPE: true,
  UND_ERR_SOCKET: true,
  UND_ERR_HEADERS_TIMEOUT: true,
  UND_ERR_BODY_TIMEOUT: true,
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: true,
  UND_ERR_RES_EXCEEDED_MAX_SIZE: true,
  Z_BUF_ERROR: true,
  Z_DATA_ERROR: true,
}

function isCertificate(code: string): boolean {
  return /CERT|UNABLE_TO|SELF_SIGNED/.test(code)
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  const code: unknown = Reflect.get(error, 'code')
  if (typeof code === 'string') return code
  return error.cause === undefined ? '' : codeOf(error.cause)
}
