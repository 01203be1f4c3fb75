import Type from 'typebox'
import { appRoleId } from '../../catalogue/permissions.ts'
import type { JsonObject } from '../../core/json.ts'
import { cloudNames } from '../clouds.ts'
import { makeSecret, makeTenant } from '../data/tenant.ts'
import { readCertificate } from '../directory/clientCertificate.ts'
import { grantConsent, withdrawConsent } from '../directory/consent.ts'
import { newReplicas } from '../directory/replicas.ts'
import { directoryRoleIds } from '../directory/roles.ts'
import type { ClientCertificate, Tenant } from '../directory/types.ts'
import { addTenant } from '../notifications/notifier.ts'
import { randomGuid } from '../random.ts'
import type { State } from '../state.ts'
import { accessTo } from '../tenantAccess.ts'
import { ControlRefusal, numberIn, readAs, textIn } from './input.ts'

const yearSeconds = 365 * 86_400

const share = Type.Number({ exclusiveMinimum: 0 })
const lag = Type.Object(
  { readMs: Type.Number({ minimum: 0 }), eventualMs: Type.Number({ minimum: 0 }) },
  { additionalProperties: false },
)
const texts = Type.Array(Type.String())

/** A TenantSpec, see there. */
const TenantInput = Type.Object(
  {
    users: Type.Number(),
    seed: Type.Number(),
    groups: Type.Optional(Type.Number()),
    groupMembers: Type.Optional(Type.Number()),
    displayName: Type.Optional(Type.String()),
    names: Type.Optional(Type.Object({ seed: Type.Number() }, { additionalProperties: false })),
    domain: Type.Optional(Type.String()),
    tenantId: Type.Optional(Type.String()),
    clientId: Type.Optional(Type.String()),
    secret: Type.Optional(Type.String()),
    secretDays: Type.Optional(Type.Number()),
    certificates: Type.Optional(texts),
    consented: Type.Optional(Type.Boolean()),
    redirectUris: Type.Optional(texts),
    cloud: Type.Optional(Type.Union(cloudNames.map((name) => Type.Literal(name)))),
    roles: Type.Optional(texts),
    directoryRoles: Type.Optional(texts),
    tokenSeconds: Type.Optional(Type.Number()),
    budgetShare: Type.Optional(share),
    licenceDelayMs: Type.Optional(Type.Number({ minimum: 0 })),
    lag: Type.Optional(lag),
  },
  { additionalProperties: false },
)

const TenantPatch = Type.Object(
  {
    roles: Type.Optional(texts),
    /** False takes the application out of the tenant; true is what an administrator does. */
    consented: Type.Optional(Type.Boolean()),
    directoryRoles: Type.Optional(texts),
    tokenSeconds: Type.Optional(Type.Number()),
    /** Null: no budgets any more. */
    budgetShare: Type.Optional(Type.Union([share, Type.Null()])),
    licenceDelayMs: Type.Optional(Type.Number({ minimum: 0 })),
    /** Null: reads see every write again. */
    lag: Type.Optional(Type.Union([lag, Type.Null()])),
  },
  { additionalProperties: false },
)

export function postTenant(state: State, input: JsonObject): unknown {
  const tenant = makeTenant(readAs(TenantInput, input), state.clock)
  addTenant(state, tenant)
  return accessTo(tenant)
}

/** What is given takes the place of what was. */
export function patchTenant(state: State, tenant: Tenant, input: JsonObject): unknown {
  const given = readAs(TenantPatch, input)
  for (const name of given.roles ?? []) {
    if (appRoleId(name) === undefined) throw new ControlRefusal(400, `There is no role ${name}.`)
  }
  for (const name of given.directoryRoles ?? []) {
    if (directoryRoleIds[name] === undefined) {
      throw new ControlRefusal(400, `There is no directory role ${name}.`)
    }
  }
  if (given.roles !== undefined) tenant.app.roles = given.roles
  if (given.consented === false) withdrawConsent(tenant)
  if (given.consented === true) grantConsent(tenant, state.clock.now())
  if (given.directoryRoles !== undefined) tenant.app.directoryRoles = given.directoryRoles
  if (given.tokenSeconds !== undefined) tenant.tokenSeconds = given.tokenSeconds
  if (given.budgetShare !== undefined) tenant.budgetShare = given.budgetShare ?? undefined
  if (given.licenceDelayMs !== undefined) tenant.licenceDelayMs = given.licenceDelayMs
  if (given.lag !== undefined) {
    tenant.replicas = newReplicas(given.lag ?? undefined, tenant.seed, state.clock)
  }
  const { tokenSeconds, budgetShare, licenceDelayMs } = tenant
  const { roles, directoryRoles } = tenant.app
  return {
    ...{ roles, directoryRoles, tokenSeconds, budgetShare, licenceDelayMs },
    lag: tenant.replicas?.lag,
  }
}

/** `{text, endsInSeconds}`, both optional; answers the secret. */
export function postSecret(state: State, tenant: Tenant, input: JsonObject): unknown {
  const now = state.clock.now()
  const secret = {
    keyId: randomGuid(tenant.random),
    text: input.text === undefined ? makeSecret(tenant.random) : textIn(input, 'text'),
    displayName: 'added',
    startsAt: now,
    endsAt: now + numberIn(input, 'endsInSeconds', yearSeconds) * 1000,
  }
  tenant.app.secrets.push(secret)
  return { keyId: secret.keyId, text: secret.text }
}

/** `{pem}` of a certificate; `endsInSeconds` makes it end earlier or later than it says. */
export function postCertificate(state: State, tenant: Tenant, input: JsonObject): unknown {
  const certificate = readCertificate(textIn(input, 'pem'), randomGuid(tenant.random))
  if (certificate === undefined) throw new ControlRefusal(400, 'pem is not a certificate.')
  if (input.endsInSeconds !== undefined) {
    certificate.endsAt = state.clock.now() + numberIn(input, 'endsInSeconds') * 1000
  }
  tenant.app.certificates.push(certificate)
  return { keyId: certificate.keyId, thumbprint: certificate.thumbprint1 }
}

/** `{endsInSeconds}` of a secret or certificate; negative: it ended already. */
export function patchCredential(
  state: State,
  tenant: Tenant,
  keyId: string,
  input: JsonObject,
): unknown {
  const found = [...tenant.app.secrets, ...tenant.app.certificates].find(
    (one: { keyId: string; endsAt: number }) => one.keyId === keyId,
  )
  if (found === undefined) throw new ControlRefusal(404, `There is no credential ${keyId}.`)
  found.endsAt = state.clock.now() + numberIn(input, 'endsInSeconds') * 1000
  return { keyId, endsAt: found.endsAt }
}

export function deleteCredential(tenant: Tenant, keyId: string): unknown {
  const { app } = tenant
  const before = app.secrets.length + app.certificates.length
  app.secrets = app.secrets.filter((secret) => secret.keyId !== keyId)
  app.certificates = app.certificates.filter((one: ClientCertificate) => one.keyId !== keyId)
  return { deleted: before - app.secrets.length - app.certificates.length }
}

export function listCredentials(tenant: Tenant): unknown {
  const { secrets, certificates } = tenant.app
  return {
    secrets: secrets.map(({ keyId, text, endsAt }) => ({ keyId, text, endsAt })),
    certificates: certificates.map(({ keyId, subject, thumbprint1, endsAt }) => ({
      keyId,
      subject,
      thumbprint: thumbprint1,
      endsAt,
    })),
  }
}
