import type * as oidc from 'openid-client'
import { AppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Sealed } from '../../core/secret.ts'
import type { Destination } from '../../net/destination.ts'
import type { Exchange } from '../../net/egress.ts'
import { derived } from './secrets.ts'

/** Brought when somebody first signs in so: megabytes that most servers never need. */
const library = () => import('openid-client')

/** An OpenID provider people may sign in at, from the server's own configuration. */
export interface OpenIdProvider {
  /** Stands in the address it sends people back to, so each has an address of its own. */
  name: string
  title: string
  issuer: string
  clientId: string
  clientSecret: Sealed
  destination: Destination
  /**
   * What makes an identity a person's when no administrator linked the two: nothing, unless the
   * server's configuration says that this issuer may be believed about e-mail or logins.
   */
  matchBy: 'email' | 'login' | undefined
}

/** What the provider says of who signed in there. */
export interface Identity {
  issuer: string
  subject: string
  email: string | undefined
  login: string | undefined
}

export interface OpenIdClient {
  /** Where the browser is sent. `way` is the secret it keeps meanwhile. */
  begin(provider: OpenIdProvider, way: Sealed, redirectUri: string): Promise<string>
  /**
   * Who came back: state, PKCE, nonce, issuer (RFC 9207, also in the ID token), audience, signature
   * and times are checked. Throws `sign-in-required`, `unavailable`.
   */
  finish(provider: OpenIdProvider, way: Sealed, returnedTo: URL): Promise<Identity>
}

/**
 * Everything the round trip needs to know follows from the secret that the browser keeps, so that
 * the answer to one browser is worth nothing in another, and nothing secret is stored here.
 */
export function createOpenIdClient(exchange: Exchange): OpenIdClient {
  const known = new Map<string, Promise<oidc.Configuration>>()

  async function configurationOf(provider: OpenIdProvider): Promise<oidc.Configuration> {
    const found = known.get(provider.name) ?? discover(provider, exchange)
    known.set(provider.name, found)
    try {
      return await found
    } catch (cause) {
      // A provider that was away is asked again by who comes next.
      known.delete(provider.name)
      throw cause
    }
  }

  return {
    async begin(provider, way, redirectUri) {
      const configuration = await configurationOf(provider)
      const oidc = await library()
      const { verifier, state, nonce } = secretsOf(way, provider)
      const url = oidc.buildAuthorizationUrl(configuration, {
        ...{ redirect_uri: redirectUri, scope: 'openid email profile' },
        ...{ state, nonce },
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      })
      return url.href
    },
    async finish(provider, way, returnedTo) {
      const oidc = await library()
      const configuration = await configurationOf(provider)
      const { verifier, state, nonce } = secretsOf(way, provider)
      const answer = await oidc
        .authorizationCodeGrant(configuration, returnedTo, {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
          idTokenExpected: true,
        })
        .catch((cause: unknown) => {
          throw refusedBy(provider, cause)
        })
      const claims = answer.claims()
      if (claims === undefined) throw refusedBy(provider, undefined)
      const needed = { email: 'email', login: 'preferred_username' } as const
      // A provider may keep claims for its userinfo endpoint (OpenID Connect Core, section 5.4).
      const isThere = !provider.matchBy || needed[provider.matchBy] in claims
      const told = isThere
        ? claims
        : await oidc.fetchUserInfo(configuration, answer.access_token, claims.sub)
      const text = (value: unknown) => (typeof value === 'string' ? value : undefined)
      return {
        issuer: claims.iss,
        subject: claims.sub,
        email: told.email_verified === true ? text(told.email) : undefined,
        login: text(told.preferred_username),
      }
    },
  }
}

/** Others for each provider, so that what one of them answers fits no other. */
function secretsOf(way: Sealed, { name }: OpenIdProvider) {
  const secret = (use: string) => derived(way, `${use} for ${name}`)
  return { state: secret('state'), nonce: secret('nonce'), verifier: secret('verifier') }
}

async function discover(
  { issuer, clientId, clientSecret, destination, title }: OpenIdProvider,
  exchange: Exchange,
): Promise<oidc.Configuration> {
  const oidc = await library()
  const credential = oidc.ClientSecretBasic(clientSecret.reveal())
  const fetch = fetchBy(exchange, destination)
  try {
    return await oidc.discovery(new URL(issuer), clientId, {}, credential, {
      [oidc.customFetch]: fetch,
      // OpenID Connect lets a client skip the signature of a token it got over TLS; we do not.
      execute: [oidc.enableNonRepudiationChecks],
      timeout: limits.openIdMs / 1_000,
    })
  } catch (cause) {
    throw new AppError(
      'unavailable',
      `${title} does not answer as an OpenID provider. Nobody can sign in there at the moment; other ways are not affected.`,
      { cause },
    )
  }
}

/** Our way out: addresses checked at connect, TLS verified, bounded, no redirects. */
function fetchBy(exchange: Exchange, destination: Destination): oidc.CustomFetch {
  return async (url, { method, headers, body, signal }) => {
    if (method !== 'GET' && method !== 'POST') throw new RangeError(`${method} is not sent`)
    const answer = await exchange({
      ...{ destination, method, url: new URL(url), headers, signal },
      ...(body instanceof URLSearchParams && { body: body.toString() }),
      answerBytesMax: limits.openIdAnswerBytes,
    })
    const { 'content-encoding': _, 'content-length': __, ...rest } = answer.headers
    const bytes = new Uint8Array(answer.body)
    return new Response(bytes.length > 0 ? bytes : null, { status: answer.status, headers: rest })
  }
}

function refusedBy({ title }: OpenIdProvider, cause: unknown): AppError {
  return new AppError(
    'sign-in-required',
    `The sign-in at ${title} was not completed, or its answer was not meant for this browser. Begin it again.`,
    { cause },
  )
}
