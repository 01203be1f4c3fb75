import { appRoleId } from '../../catalogue/permissions.ts'
import type { JsonObject } from '../../core/json.ts'
import { randomGuid } from '../data/random.ts'
import { directoryRoleIds } from '../data/roles.ts'
import { makeSecret, makeTenant } from '../data/tenant.ts'
import type { ClientCertificate, Tenant } from '../directory/types.ts'
import { readCertificate } from '../login/clientCertificate.ts'
import type { TenantSpec } from '../options.ts'
import type { State } from '../state.ts'
import { accessTo } from '../tenantAccess.ts'
import { ControlRefusal, isNumber, isText, isTexts, numberIn, pickGiven, textIn } from './input.ts'

const yearSeconds = 365 * 86_400

export function postTenant(state: State, input: JsonObject): unknown {
  const given = pickGiven<TenantSpec>(input, {
    users: isNumber,
    seed: isNumber,
    groups: isNumber,
    displayName: isText,
    domain: isText,
    tenantId: isText,
    clientId: isText,
    secret: isText,
    secretDays: isNumber,
    certificates: isTexts,
    roles: isTexts,
    directoryRoles: isTexts,
    tokenSeconds: isNumber,
  })
  const { users, seed } = given
  if (users === undefined || seed === undefined) {
    throw new ControlRefusal(400, 'A tenant needs users and seed.')
  }
  const tenant = makeTenant({ ...given, users, seed }, state.clock.now())
  state.tenants.set(tenant.id, tenant)
  return accessTo(tenant)
}

/** `{roles, directoryRoles, tokenSeconds}`: what is given takes the place of what was. */
export function patchTenant(tenant: Tenant, input: JsonObject): unknown {
  const given = pickGiven<{ roles: string[]; directoryRoles: string[]; tokenSeconds: number }>(
    input,
    { roles: isTexts, directoryRoles: isTexts, tokenSeconds: isNumber },
  )
  for (const name of given.roles ?? []) {
    if (appRoleId(name) === undefined) throw new ControlRefusal(400, `There is no role ${name}.`)
  }
  for (const name of given.directoryRoles ?? []) {
    if (directoryRoleIds[name] === undefined) {
      throw new ControlRefusal(400, `There is no directory role ${name}.`)
    }
  }
  if (given.roles !== undefined) tenant.app.roles = given.roles
  if (given.directoryRoles !== undefined) tenant.app.directoryRoles = given.directoryRoles
  if (given.tokenSeconds !== undefined) tenant.tokenSeconds = given.tokenSeconds
  const { roles, directoryRoles } = tenant.app
  return { roles, directoryRoles, tokenSeconds: tenant.tokenSeconds }
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
