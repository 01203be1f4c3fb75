import { stat } from 'node:fs/promises'
import Type, { type Static } from 'typebox'
import { Closed } from '../contract/schemas.ts'
import { AppError } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import { Sealed } from '../core/secret.ts'
import type { OpenIdProvider } from '../features/signIn/openId.ts'
import type { Destination } from '../net/destination.ts'
import { readIfThere } from './dataDir.ts'

const Origin = Type.String({ pattern: '^https://[^/?#@]+$' })

/** An OpenID provider people may sign in at, in `patchbay.json`. */
export const OpenIdProviderSettings = Closed({
  name: Type.String({ pattern: '^[a-z0-9-]{1,64}$' }),
  /** What the button says: "Sign in with ...". */
  title: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  issuer: Type.String({ pattern: '^https://[^?#@]+$', maxLength: 1_024 }),
  clientId: Type.String({ minLength: 1, maxLength: 255 }),
  /** Its only line is the secret; nobody else may read it. */
  clientSecretFile: Type.String({ minLength: 1, maxLength: 4_096 }),
  /** Where its tokens and keys are, when that is not where its issuer is. */
  origins: Type.Optional(Type.Array(Origin, { maxItems: 8 })),
  matchBy: Type.Optional(Type.Enum(['email', 'login'])),
  caFile: Type.Optional(Type.String({ minLength: 1, maxLength: 4_096 })),
  allowedAddresses: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 64 })),
})

export const OpenIdProviders = Type.Optional(
  Type.Array(OpenIdProviderSettings, { maxItems: limits.openIdProvidersMax }),
)

type Given = Static<typeof OpenIdProviderSettings>

/** Throws `bad-input` where providers send people back to is not known, or a secret is readable. */
export async function readOpenIdProviders(
  given: readonly Given[],
  publicUrl: string | undefined,
  beside: (name: string) => string,
  readWay: (what: string, given: Given) => Promise<Omit<Destination, 'origins'>>,
): Promise<OpenIdProvider[]> {
  if (given.length > 0 && publicUrl === undefined) {
    throw new AppError(
      'bad-input',
      'openIdProviders need publicUrl: the address under which browsers reach this server.',
    )
  }
  if (new Set(given.map(({ name }) => name)).size < given.length) {
    throw new AppError('bad-input', 'Two of openIdProviders have one name. Rename one.')
  }
  return await Promise.all(
    given.map(async (each) => ({
      ...{ name: each.name, title: each.title ?? each.name, issuer: each.issuer },
      ...{ clientId: each.clientId, matchBy: each.matchBy },
      clientSecret: await readSecret(each.name, beside(each.clientSecretFile)),
      destination: {
        origins: [new URL(each.issuer).origin, ...(each.origins ?? [])],
        ...(await readWay(`openIdProviders.${each.name}`, each)),
      },
    })),
  )
}

async function readSecret(name: string, path: string): Promise<Sealed> {
  const secret = (await readIfThere(path))?.replace(/\r?\n$/, '')
  const what = `The clientSecretFile ${path} of openIdProviders.${name}`
  if (!secret) throw new AppError('bad-input', `${what} cannot be read, or is empty.`)
  if (process.platform !== 'win32' && ((await stat(path)).mode & 0o077) !== 0) {
    throw new AppError('bad-input', `${what} may be read by others. Run: chmod 600 ${path}`)
  }
  return new Sealed(secret)
}
