import type { Random } from '../../core/clock.ts'
import { AppError, asAppError, type ErrorCode } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Sealed } from '../../core/secret.ts'
import type { Application } from './application.ts'
import { backoffMs } from './backoff.ts'
import { requestToken, type Token, type TokenRequestDependencies } from './tokenRequest.ts'

export interface TokenOptions {
  signal?: AbortSignal
  /** Something else than Graph: `https://outlook.office365.com/.default`. */
  scope?: string
  /** A person waits for the answer of the service: neither a kept token nor a kept refusal. */
  fresh?: boolean
}

export interface TokenClient {
  /**
   * A token that is valid now; got by the stand-in where the credential itself is refused. Throws
   * the codes of `signInError` and of a failed exchange.
   */
  token(application: Application, options?: TokenOptions): Promise<Sealed>
  /** The service did not accept this token: the next call fetches another. */
  invalidate(application: Application, rejected: Sealed): void
}

export type TokenClientDependencies = TokenRequestDependencies & { random: Random }

interface Entry {
  token: Token | undefined
  flight: Promise<Token> | undefined
  /** The last refusal, repeated without asking until `quietUntil`. */
  refusal: AppError | undefined
  quietUntil: number
  /** The stand-in is used, and that was told. */
  replaced: boolean
}

/**
 * Tokens by application, kept in memory only. However many calls ask at once, one request goes out
 * (msal-node sends one per caller: 20 cold calls are 20 requests).
 */
export function createTokenClient(dependencies: TokenClientDependencies): TokenClient {
  const { clock } = dependencies
  const entries = new Map<string, Entry>()

  async function tokenOf(application: Application, options: TokenOptions): Promise<Sealed> {
    const { signal, scope = application.cloud.scope, fresh = false } = options
    const entry = entryOf(entries, keyOf(application, scope))
    const now = clock.now()
    if (!fresh) {
      const { token, refusal } = entry
      const valid = token !== undefined && now < token.endsAt
      if (valid && now < token.renewAt) return token.text
      const quiet = refusal !== undefined && now < entry.quietUntil
      if (valid) {
        // Renewed beside the calls that still have a good token; if it fails they keep using it.
        if (!quiet) takeOff(dependencies, entry, application, { scope, fresh }).catch(() => {})
        return token.text
      }
      if (quiet) throw refusal
    }
    // One under way may be about to repeat a former refusal, which is no answer for a person.
    if (fresh) await entry.flight?.catch(() => {})
    const flight = takeOff(dependencies, entry, application, { scope, fresh })
    return (await orGiveUp(flight, signal)).text
  }

  return {
    async token(application, options = {}) {
      try {
        return await tokenOf(application, options)
      } catch (thrown) {
        const { standIn } = application
        if (standIn === undefined || !isCredentialRefused(thrown)) throw thrown
        // Where that one does not help either, the first refusal is what there is to mend.
        const token = await tokenOf({ ...application, ...standIn }, options).catch(() => {
          throw thrown
        })
        const { scope = application.cloud.scope } = options
        const entry = entryOf(entries, keyOf(application, scope))
        if (!entry.replaced) await standIn.stepsIn(thrown)
        entry.replaced = true
        return token
      }
    },
    invalidate({ standIn, ...application }, rejected) {
      const own = [application, ...(standIn ? [{ ...application, ...standIn }] : [])]
      for (const [key, entry] of entries) {
        const ours = own.some((each) => key.startsWith(keyOf(each, '')))
        if (ours && entry.token?.text === rejected) entry.token = undefined
      }
    },
  }
}

/** What a wrong, ended or unknown secret or certificate is told: see aadErrors. */
const credentialRefusals = ['AADSTS7000215', 'AADSTS7000222', 'AADSTS700027']

/** Whether another credential of the same application may do better. */
export function isCredentialRefused(thrown: unknown): thrown is AppError {
  return thrown instanceof AppError && credentialRefusals.includes(thrown.foreignCode ?? '')
}

/** Starts the one request, or joins it. Not stopped by a caller that gives up: others wait too. */
function takeOff(
  dependencies: TokenClientDependencies,
  entry: Entry,
  application: Application,
  { scope, fresh }: { scope: string; fresh: boolean },
): Promise<Token> {
  const { watch } = application
  async function fly(): Promise<Token> {
    try {
      const standing = fresh ? undefined : await watch?.standing()
      if (standing !== undefined) {
        entry.quietUntil = standing.quietUntil
        throw standing.refusal
      }
      entry.token = await ask(dependencies, entry, application, scope)
      entry.refusal = undefined
      entry.replaced = false
      return entry.token
    } catch (thrown) {
      entry.refusal = asAppError(thrown, 'Signing in to Microsoft')
      throw entry.refusal
    } finally {
      entry.flight = undefined
    }
  }
  entry.flight ??= fly()
  return entry.flight
}

async function ask(
  dependencies: TokenClientDependencies,
  entry: Entry,
  application: Application,
  scope: string,
): Promise<Token> {
  const { watch } = application
  try {
    const token = await fetchToken(dependencies, application, scope)
    await watch?.granted()
    return token
  } catch (thrown) {
    const refusal = asAppError(thrown, 'Signing in to Microsoft')
    entry.quietUntil = dependencies.clock.now() + quietMs(refusal)
    if (forPeople.has(refusal.code)) await watch?.refused(refusal, entry.quietUntil)
    throw refusal
  }
}

async function fetchToken(
  dependencies: TokenClientDependencies,
  application: Application,
  scope: string,
): Promise<Token> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await requestToken(dependencies, application, scope, attempt)
    } catch (thrown) {
      const error = asAppError(thrown, 'Signing in to Microsoft')
      const waitMs = error.retryAfterMs || backoffMs(attempt, dependencies.random)
      const last = attempt >= limits.tokenAttemptsMax || waitMs > limits.tokenWaitMs
      if (!error.retryable || last) throw error
      await dependencies.clock.sleep(waitMs)
    }
  }
}

/** What only a person can change; everything else may pass by itself. */
const forPeople: ReadonlySet<ErrorCode> = new Set([
  'credentials-rejected',
  'consent-missing',
  'microsoft-refused',
  'microsoft-not-found',
])

/**
 * How long a failure is repeated without asking again: a wrong secret is tried once in a quarter of
 * an hour, so that it locks nothing and fills nobody's sign-in logs.
 */
function quietMs({ code, retryAfterMs }: AppError): number {
  return forPeople.has(code) ? limits.credentialRetryMs : retryAfterMs || limits.backoffFirstMs
}

function keyOf({ cloud, tenantId, clientId, credentialVersion }: Application, scope: string) {
  return [cloud.name, tenantId, clientId, credentialVersion, scope].join('\n')
}

function entryOf(entries: Map<string, Entry>, key: string): Entry {
  const known = entries.get(key)
  if (known !== undefined) return known
  // Old credential versions and removed tenants leave entries behind; the oldest gives way.
  if (entries.size >= limits.tokensMax) {
    const [idle] = [...entries].find(([, { flight }]) => flight === undefined) ?? []
    if (idle !== undefined) entries.delete(idle)
  }
  const entry: Entry = {
    ...{ token: undefined, flight: undefined, refusal: undefined },
    ...{ quietUntil: 0, replaced: false },
  }
  entries.set(key, entry)
  return entry
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
