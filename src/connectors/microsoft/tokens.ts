import type { Random } from '../../core/clock.ts'
import { AppError, asAppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Sealed } from '../../core/secret.ts'
import type { Application } from './application.ts'
import { backoffMs } from './backoff.ts'
import { requestToken, type Token, type TokenRequestDependencies } from './tokenRequest.ts'

export interface TokenOptions {
  signal?: AbortSignal
  /** Something else than Graph: `https://outlook.office365.com/.default`. */
  scope?: string
  /** A person waits for the answer of the service itself: neither a kept token nor a kept refusal. */
  fresh?: boolean
}

export interface TokenClient {
  /** A token that is valid now. Throws the codes of `signInError` and of a failed exchange. */
  token(application: Application, options?: TokenOptions): Promise<Sealed>
  /** The service did not accept this token: the next call fetches another. */
  invalidate(application: Application, rejected: Sealed): void
}

interface Entry {
  token: Token | undefined
  flight: Promise<Token> | undefined
  /** The last refusal, repeated without asking until `quietUntil`. */
  refusal: AppError | undefined
  quietUntil: number
}

/**
 * Tokens by application, kept in memory only. However many calls ask at once, one request goes out
 * (msal-node sends one per caller: 20 cold calls are 20 requests).
 */
export function createTokenClient(
  dependencies: TokenRequestDependencies & { random: Random },
): TokenClient {
  const { clock, random } = dependencies
  const entries = new Map<string, Entry>()

  function entryOf(application: Application, scope: string): Entry {
    const key = keyOf(application, scope)
    const known = entries.get(key)
    if (known !== undefined) return known
    const entry: Entry = { token: undefined, flight: undefined, refusal: undefined, quietUntil: 0 }
    entries.set(key, entry)
    dropOldest(entries)
    return entry
  }

  async function fetchToken(application: Application, scope: string): Promise<Token> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await requestToken(dependencies, application, scope, attempt)
      } catch (thrown) {
        const error = asAppError(thrown, 'Signing in to Microsoft')
        const waitMs = error.retryAfterMs ?? backoffMs(attempt, random)
        const last = attempt >= limits.tokenAttemptsMax || waitMs > limits.tokenWaitMs
        if (!error.retryable || last) throw error
        await clock.sleep(waitMs)
      }
    }
  }

  /** Starts the one request, or joins it. Not stopped by a caller that gives up: others wait too. */
  function takeOff(entry: Entry, application: Application, scope: string): Promise<Token> {
    entry.flight ??= fetchToken(application, scope)
      .then(
        (token) => {
          entry.token = token
          entry.refusal = undefined
          entry.quietUntil = 0
          return token
        },
        (thrown) => {
          const error = asAppError(thrown, 'Signing in to Microsoft')
          entry.refusal = error
          entry.quietUntil = clock.now() + quietMs(error)
          throw error
        },
      )
      .finally(() => {
        entry.flight = undefined
      })
    return entry.flight
  }

  return {
    async token(application, { signal, scope = application.cloud.scope, fresh = false } = {}) {
      const entry = entryOf(application, scope)
      const now = clock.now()
      if (!fresh) {
        const { token, refusal } = entry
        const valid = token !== undefined && now < token.endsAt
        if (valid && now < token.renewAt) return token.text
        const quiet = refusal !== undefined && now < entry.quietUntil
        if (valid) {
          // Renewed beside the calls that still have a good token; if it fails they keep using it.
          if (!quiet) takeOff(entry, application, scope).catch(() => {})
          return token.text
        }
        if (quiet) throw refusal
      }
      const token = await orGiveUp(takeOff(entry, application, scope), signal)
      return token.text
    },
    invalidate(application, rejected) {
      for (const [key, entry] of entries) {
        if (entry.token?.text === rejected && key.startsWith(keyOf(application, ''))) {
          entry.token = undefined
        }
      }
    },
  }
}

/**
 * How long a failure is repeated without asking again. What only a person can change is asked once
 * in a quarter of an hour, so that a wrong secret does not lock anything or fill anybody's logs.
 */
function quietMs(error: AppError): number {
  if (!error.retryable) return limits.credentialRetryMs
  return error.retryAfterMs ?? limits.backoffFirstMs
}

function keyOf({ cloud, tenantId, clientId, credentialVersion }: Application, scope: string) {
  return [cloud.name, tenantId, clientId, credentialVersion, scope].join('\n')
}

/** Old credential versions and removed tenants leave entries behind; the oldest give way. */
function dropOldest(entries: Map<string, Entry>): void {
  if (entries.size <= limits.tokensMax) return
  for (const [key, entry] of entries) {
    if (entry.flight === undefined) {
      entries.delete(key)
      return
    }
  }
}

async function orGiveUp<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work
  const { promise, reject } = Promise.withResolvers<never>()
  const giveUp = () =>
    reject(new AppError('cancelled', 'Waiting for a token was given up; nothing else is affected.'))
  if (signal.aborted) giveUp()
  signal.addEventListener('abort', giveUp, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}
