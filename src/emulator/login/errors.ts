import { tokenError } from '../../catalogue/graphErrors.ts'
import { jsonReply, type Reply } from '../exchange.ts'
import { randomGuid } from '../random.ts'
import type { LoginState } from './state.ts'

/** Why the token endpoint says no, by the case's name in the catalogue. */
export class TokenRefusal extends Error {
  readonly status: number
  readonly error: string
  readonly aadsts: number

  constructor(status: number, error: string, aadsts: number, text: string) {
    super(text)
    this.name = 'TokenRefusal'
    this.status = status
    this.error = error
    this.aadsts = aadsts
  }
}

/** The recorded refusal of a case, its placeholders filled. */
export function refusal(name: string, values: Record<string, string> = {}): TokenRefusal {
  const known = tokenError(name)
  if (known === undefined) throw new Error(`The catalogue has no token error "${name}".`)
  const text = known.text.replace(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole)
  return new TokenRefusal(known.status, known.error, known.code, text)
}

/** In the form recorded in 2026: the parts of the description joined by blanks. */
export function refusalReply(
  state: LoginState,
  refused: TokenRefusal,
  correlationId: string,
): Reply {
  const time = new Date(state.clock.now()).toISOString()
  const timestamp = `${time.slice(0, 10)} ${time.slice(11, 19)}Z`
  const traceId = randomGuid(state.random)
  const described = `AADSTS${refused.aadsts}: ${refused.message}`
  const withUri = refused.aadsts !== 700038
  return jsonReply(refused.status, {
    error: refused.error,
    error_description: `${described} Trace ID: ${traceId} Correlation ID: ${correlationId} Timestamp: ${timestamp}`,
    error_codes: [refused.aadsts],
    timestamp,
    trace_id: traceId,
    correlation_id: correlationId,
    ...(withUri
      ? { error_uri: `https://login.microsoftonline.com/error?code=${refused.aadsts}` }
      : {}),
  })
}
