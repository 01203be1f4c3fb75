import { createHash } from 'node:crypto'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import { type Product, plans } from './skus.ts'
import { type Entity, type Licence, type Tenant, textOf } from './types.ts'

type Compute = (tenant: Tenant, entity: Entity) => Json

/** Properties that follow from others and are therefore not stored. */
const computed: Readonly<Record<string, Readonly<Record<string, Compute>>>> = {
  user: {
    assignedPlans: (tenant, user) =>
      effectivePlans(tenant, user).map((plan) => ({
        assignedDateTime: textOf(user, 'createdDateTime'),
        capabilityStatus: 'Enabled',
        service: plan.service,
        servicePlanId: plan.id,
      })),
    provisionedPlans: (tenant, user) =>
      [...new Set(effectivePlans(tenant, user).map((plan) => plan.service))].map((service) => ({
        capabilityStatus: 'Enabled',
        provisioningStatus: 'Success',
        service,
      })),
    licenseAssignmentStates: (tenant, user) => {
      const { direct, inherited = [] } = tenant.licensing.get(user.id) ?? {}
      const created = textOf(user, 'createdDateTime')
      return [
        ...(direct ?? licencesIn(user)).map((licence) => assignmentState(licence, null, created)),
        ...inherited.map((one) => assignmentState(one, one.groupId, one.at, one.error)),
      ]
    },
    identities: (tenant, user) => [
      {
        issuer: tenant.initialDomain,
        issuerAssignedId: textOf(user, 'userPrincipalName'),
        signInType: 'userPrincipalName',
      },
    ],
    imAddresses: (_, user) =>
      textOf(user, 'mail') === '' ? [] : [textOf(user, 'userPrincipalName').toLowerCase()],
    passwordProfile: () => null,
    proxyAddresses: (tenant, user) => {
      const mail = textOf(user, 'mail')
      if (mail === '') return []
      if (user.data.userType === 'Guest') return [`SMTP:${mail}`]
      return [`SMTP:${mail}`, `smtp:${textOf(user, 'mailNickname')}@${tenant.initialDomain}`]
    },
    securityIdentifier: (_, user) => securityIdentifier(user.id),
  },
  group: {
    hasMembersWithLicenseErrors: (tenant, group) =>
      membersWithLicenceErrors(tenant, group).length > 0,
    securityIdentifier: (_, group) => securityIdentifier(group.id),
  },
}

function assignmentState(
  { skuId, disabledPlans }: Licence,
  assignedByGroup: string | null,
  lastUpdatedDateTime: string,
  error = 'None',
): JsonObject {
  const state = error === 'None' ? 'Active' : 'Error'
  return { assignedByGroup, disabledPlans, error, lastUpdatedDateTime, skuId, state }
}

/** What changes with a stored property because it is computed from it. */
export const dependents: Readonly<Record<string, readonly string[]>> = {
  assignedLicenses: ['assignedPlans', 'provisionedPlans', 'licenseAssignmentStates'],
  mail: ['proxyAddresses', 'imAddresses'],
  mailNickname: ['proxyAddresses'],
  userPrincipalName: ['identities', 'imAddresses'],
}

/** The members whom a licence of the group did not reach. */
export function membersWithLicenceErrors(tenant: Tenant, group: Entity): Entity[] {
  return [...tenant.licensing].flatMap(([id, { inherited }]) => {
    const failed = inherited.some((one) => one.groupId === group.id && one.error !== 'None')
    const user = failed ? tenant.byId.get(id) : undefined
    return user === undefined ? [] : [user]
  })
}

/** How to read one property; collections that are not stored are empty, everything else null. */
export function propertyReader(type: string, name: string, many: boolean): Compute {
  const compute = computed[type]?.[name]
  if (compute !== undefined) return compute
  const absent: Json = many ? [] : null
  return (_, entity) => entity.data[name] ?? absent
}

/** `assignedLicenses` of a person, as stored. */
export function licencesIn(user: Entity): Licence[] {
  const stored = user.data.assignedLicenses
  if (!Array.isArray(stored)) return []
  return stored.filter(isJsonObject).map((licence: JsonObject) => ({
    skuId: String(licence.skuId),
    disabledPlans: Array.isArray(licence.disabledPlans) ? licence.disabledPlans.map(String) : [],
  }))
}

export function productOf(tenant: Tenant, skuId: string): Product | undefined {
  return tenant.skus.find((sku) => sku.product.skuId === skuId)?.product
}

function effectivePlans(tenant: Tenant, user: Entity): { id: string; service: string }[] {
  return licencesIn(user).flatMap(({ skuId, disabledPlans }) =>
    (productOf(tenant, skuId)?.plans ?? []).flatMap((name) => {
      const plan = plans[name]
      return plan === undefined || disabledPlans.includes(plan.id) ? [] : [plan]
    }),
  )
}

/** A SID of the form that cloud objects have. */
function securityIdentifier(id: string): string {
  const hash = createHash('sha1').update(id).digest()
  const parts = [0, 4, 8, 12].map((offset) => hash.readUInt32LE(offset))
  return `S-1-12-1-${parts.join('-')}`
}
