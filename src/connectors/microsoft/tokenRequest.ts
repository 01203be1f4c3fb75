import { randomUUID, X509Certificate } from 'node:crypto'
import { type Clock, elapsedMs } from '../../core/clock.ts'
import { AppError } from '../../core/errors.ts'
import { isJsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import { Sealed } from '../../core/secret.ts'
import type { Answer } from '../../net/answer.ts'
import type { Exchange } from '../../net/egress.ts'
import { signInError } from './aadErrors.ts'
import type { Application, Credentials } from './application.ts'
import { signAssertion } from './assertion.ts'
import type { LogCall } from './callLog.ts'
import { loginDestination } from './clouds.ts'
import { microsoftFailure } from './failures.ts'
import { parseJson } from './json.ts'
import { retryAfterMs } from './retryAfter.ts'

export interface Token {
  text: Sealed
  /** Milliseconds since 1970. */
  endsAt: number
  /** From when on a new one is fetched beside it. */
  renewAt: number
}

export interface TokenRequestDependencies {
  exchange: Exchange
  clock: Clock
  log: LogCall
}

/** Asks for one token, once. Throws the codes of `signInError` and those of a failed exchange. */
export async function requestToken(
  { exchange, clock, log }: TokenRequestDependencies,
  application: Application,
  scope: string,
  attempt: number,
): Promise<Token> {
  const { cloud, tenantId, proxy } = application
  const url = new URL(`${cloud.login}/${encodeURIComponent(tenantId)}/oauth2/v2.0/token`)
  const credentials = await application.credentials()
  const clientRequestId = randomUUID()
  const began = clock.now()
  const form = tokenForm(application, credentials, scope, url.href, began)
  let answer: Answer | undefined
  try {
    answer = await exchange({
      destination: loginDestination(cloud),
      proxy,
      method: 'POST',
      url,
      headers: {
        'content-type': 'application/x-www-form-urlencoded;charset=utf-8',
        accept: 'application/json',
        'client-request-id': clientRequestId,
      },
      body: form.toString(),
      answerBytesMax: limits.tokenBytes,
    })
  } catch (error) {
    throw microsoftFailure(error)
  } finally {
    log({
      tenantId,
      wire: 'login',
      operation: 'POST token',
      status: answer?.status,
      milliseconds: elapsedMs(clock, began),
      attempt,
      clientRequestId,
      requestId: answer?.headers['x-ms-request-id'],
    })
  }
  return readToken(answer, began, endOf(credentials))
}

/** When the certificate ends that was sent; undefined for a secret. */
function endOf({ clientSecret, certificate }: Credentials): Date | undefined {
  if (clientSecret !== undefined || certificate === undefined) return undefined
  return new X509Certificate(certificate.certificatePem).validToDate
}

function tokenForm(
  { clientId }: Application,
  { clientSecret, certificate }: Credentials,
  scope: string,
  audience: string,
  now: number,
): URLSearchParams {
  const form = new URLSearchParams({
    client_id: clientId,
    scope,
    grant_type: 'client_credentials',
  })
  if (clientSecret !== undefined) {
    form.set('client_secret', clientSecret.reveal())
  } else if (certificate !== undefined) {
    form.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    form.set('client_assertion', signAssertion(certificate, clientId, audience, now))
  } else {
    throw new AppError(
      'credentials-rejected',
      'The tenant has neither a client secret nor a certificate, so no token was asked for. Enter one of them.',
    )
  }
  return form
}

function readToken(answer: Answer, now: number, certificateEnds: Date | undefined): Token {
  const body = parseJson(answer)
  if (answer.status !== 200) {
    const ended = certificateEnds && certificateEnds.getTime() <= now ? certificateEnds : undefined
    throw signInError(answer.status, body, retryAfterMs(answer.headers['retry-after'], now), ended)
  }
  const text = isJsonObject(body) ? body.access_token : undefined
  // A number in the v2 endpoint; the v1 endpoint and some emulators send text.
  const seconds = isJsonObject(body) ? Number(body.expires_in) : Number.NaN
  const usable = typeof text === 'string' && /^[\x21-\x7e]+$/.test(text)
  if (!usable || !(seconds > 0)) {
    throw new AppError(
      'microsoft-broken-answer',
      "The sign-in service's answer held no usable token. It is tried again.",
    )
  }
  const lifetime = Math.min(seconds * 1_000, limits.tokenLifeMaxMs)
  // A token that lives shorter than twice the early time would otherwise be renewed at every call.
  const early = Math.min(limits.tokenEarlyMs, lifetime / 2)
  return { text: new Sealed(text), endsAt: now + lifetime, renewAt: now + lifetime - early }
}
