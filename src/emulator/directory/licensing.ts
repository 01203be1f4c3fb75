import type { JsonObject } from '../../core/json.ts'
import { dateText } from '../dates.ts'
import { addChange } from './changes.ts'
import { licencesIn, productOf } from './computed.ts'
import { dependentPlans, exclusivePlans, plans } from './skus.ts'
import type { InheritedLicence, Licence, Licensing, Tenant, User } from './types.ts'
import { updateObject } from './write.ts'

/** A plan that does not go with, or not without, others. */
export interface PlanProblem {
  plan: string
  others: readonly string[]
}

/** How many people use a product; nothing else counts against what was bought. */
export function consumedUnits(tenant: Tenant): Map<string, number> {
  const consumed = new Map<string, number>()
  for (const user of tenant.users) {
    for (const { skuId } of licencesIn(user)) consumed.set(skuId, (consumed.get(skuId) ?? 0) + 1)
  }
  return consumed
}

export function boughtUnits(tenant: Tenant, skuId: string): number {
  return tenant.skus.find((sku) => sku.product.skuId === skuId)?.enabledUnits ?? 0
}

/** Two plans of which a person can have one only. */
export function exclusion(tenant: Tenant, licences: readonly Licence[]): PlanProblem | undefined {
  const active = activePlans(tenant, licences)
  for (const set of exclusivePlans) {
    const [plan, ...others] = set.filter((one) => active.includes(one))
    if (plan !== undefined && others.length > 0) return { plan, others }
  }
  return undefined
}

/** A plan of `licences` that needs one of those that are on neither in them nor `beside` them. */
export function missingPlan(
  tenant: Tenant,
  licences: readonly Licence[],
  beside: readonly Licence[] = [],
): PlanProblem | undefined {
  const own = activePlans(tenant, licences)
  const active = [...own, ...activePlans(tenant, beside)]
  for (const [plan, others] of Object.entries(dependentPlans)) {
    if (own.includes(plan) && !others.some((one) => active.includes(one))) return { plan, others }
  }
  return undefined
}

function activePlans(tenant: Tenant, licences: readonly Licence[]): string[] {
  return licences.flatMap(({ skuId, disabledPlans }) =>
    (productOf(tenant, skuId)?.plans ?? []).filter(
      (name) => !disabledPlans.includes(plans[name]?.id ?? ''),
    ),
  )
}

/** What was assigned to the person and not to a group. */
export function directLicences(tenant: Tenant, user: User): readonly Licence[] {
  return tenant.licensing.get(user.id)?.direct ?? licencesIn(user)
}

/**
 * Gives the person the licences of groups. What came from them before goes first and keeps its
 * unit; what finds none left, or does not go together with the rest, is an error of its own and
 * leaves the rest alone. `consumed` follows.
 */
export function inheritLicences(
  tenant: Tenant,
  user: User,
  asked: readonly (Licence & { groupId: string })[],
  consumed: Map<string, number>,
): void {
  const direct = directLicences(tenant, user)
  const before = tenant.licensing.get(user.id)?.inherited ?? []
  const held = licencesIn(user).map(({ skuId }) => skuId)
  const knownOf = (licence: { groupId: string; skuId: string }) =>
    before.find((one) => one.groupId === licence.groupId && one.skuId === licence.skuId)
  const accepted: Licence[] = []
  const errors = new Map<object, InheritedLicence['error']>()
  const inOrder = [
    ...asked.filter((licence) => knownOf(licence)?.error === 'None'),
    ...asked.filter((licence) => knownOf(licence)?.error !== 'None'),
  ]
  for (const licence of inOrder) {
    const { skuId } = licence
    const left = held.includes(skuId) || (consumed.get(skuId) ?? 0) < boughtUnits(tenant, skuId)
    if (!left) errors.set(licence, 'CountViolation')
    else if (exclusion(tenant, merged([...direct, ...accepted, licence])) !== undefined) {
      errors.set(licence, 'MutuallyExclusiveViolation')
    } else accepted.push(licence)
  }
  for (const licence of accepted) {
    const problem = missingPlan(tenant, [licence], [...direct, ...accepted])
    if (problem !== undefined) errors.set(licence, 'DependencyViolation')
  }
  const now = dateText(tenant.clock.now())
  const inherited = asked.map((licence): InheritedLicence => {
    const error = errors.get(licence) ?? 'None'
    const known = knownOf(licence)
    return { ...licence, error, at: known?.error === error ? known.at : now }
  })
  setLicences(tenant, user, { direct, inherited })
  const holds = licencesIn(user).map(({ skuId }) => skuId)
  for (const skuId of new Set([...held, ...holds])) {
    const change = Number(holds.includes(skuId)) - Number(held.includes(skuId))
    consumed.set(skuId, (consumed.get(skuId) ?? 0) + change)
  }
}

/** Both ways to a licence at once; `assignedLicenses` is what follows from them. */
export function setLicences(tenant: Tenant, user: User, licensing: Licensing): void {
  const { direct, inherited } = licensing
  const before = JSON.stringify(tenant.licensing.get(user.id) ?? null)
  const effective = merged([...direct, ...inherited.filter(({ error }) => error === 'None')])
  const assigned = effective.map(
    ({ skuId, disabledPlans }): JsonObject => ({ disabledPlans, skuId }),
  )
  if (inherited.length === 0) tenant.licensing.delete(user.id)
  else tenant.licensing.set(user.id, licensing)
  if (JSON.stringify(assigned) !== JSON.stringify(user.data.assignedLicenses)) {
    updateObject(tenant, user, { assignedLicenses: assigned })
  } else if (JSON.stringify(tenant.licensing.get(user.id) ?? null) !== before) {
    const { type, id } = user
    const properties = ['licenseAssignmentStates']
    addChange(tenant.changes, { type, id, what: 'changed', properties })
  }
}

/** A product that comes twice has the plans that are on in either. */
function merged(licences: readonly Licence[]): Licence[] {
  const bySku = Map.groupBy(licences, ({ skuId }) => skuId)
  return [...bySku].map(([skuId, [first, ...others]]) => ({
    disabledPlans: (first?.disabledPlans ?? []).filter((plan) =>
      others.every(({ disabledPlans }) => disabledPlans.includes(plan)),
    ),
    skuId,
  }))
}
