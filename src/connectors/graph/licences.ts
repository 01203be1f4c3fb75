import { dependentPlans, exclusivePlans } from '../../catalogue/servicePlans.ts'
import type { GraphCall } from '../../core/call.ts'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import { writeCall } from './writes.ts'

/** A licence as a user holds it: the product, and its plans that are switched off. */
export interface Licence {
  skuId: string
  disabledPlans: string[]
}

export interface LicenceChange {
  add: readonly Licence[]
  /** Ids of products. */
  remove: readonly string[]
}

/** A product as the tenant has bought it. */
export interface Product {
  skuId: string
  name: string
  appliesTo: string
  /** `Enabled`, `Warning`, `Suspended`, `Deleted`, `LockedOut`. */
  status: string
  free: number
  plans: readonly { id: string; name: string }[]
}

/** All of it in one call, or none (learn.microsoft.com: user-assignlicense). */
export function assignLicence(user: string, { add, remove }: LicenceChange): GraphCall {
  return writeCall('POST', 'users/{key}/assignLicense', ['users', user, 'assignLicense'], {
    addLicenses: add.map(({ skuId, disabledPlans }) => ({ skuId, disabledPlans })),
    removeLicenses: [...remove],
  })
}

/** `assignedLicenses` of a user. */
export function readLicences(value: Json | undefined): Licence[] {
  return listOf(value).flatMap(({ skuId, disabledPlans }) =>
    typeof skuId === 'string' ? [{ skuId, disabledPlans: textsOf(disabledPlans).sort() }] : [],
  )
}

/** A `subscribedSku`. Units in their grace period (`warning`) can still be assigned. */
export function readProduct(sku: JsonObject): Product {
  const prepaid = isJsonObject(sku.prepaidUnits) ? sku.prepaidUnits : {}
  const bought = Number(prepaid.enabled ?? 0) + Number(prepaid.warning ?? 0)
  return {
    skuId: String(sku.skuId),
    name: String(sku.skuPartNumber),
    appliesTo: String(sku.appliesTo),
    status: String(sku.capabilityStatus),
    free: bought - Number(sku.consumedUnits ?? 0),
    plans: listOf(sku.servicePlans).map((plan) => ({
      id: String(plan.servicePlanId),
      name: String(plan.servicePlanName),
    })),
  }
}

/** What Microsoft would refuse, in words that say what is missing; empty when nothing is. */
export function licenceProblems(
  change: LicenceChange,
  user: { usageLocation: Json | undefined; held: readonly Licence[] },
  products: readonly Product[],
): string[] {
  const { add, remove } = change
  const after = [
    ...user.held.filter(({ skuId }) => ![...remove, ...add.map(idOf)].includes(skuId)),
    ...add,
  ]
  const isNew = add.filter(({ skuId }) => !user.held.some((licence) => licence.skuId === skuId))
  return [
    ...(isNew.length > 0 && !isCountry(user.usageLocation)
      ? ['The user has no usage location, without which no licence can be assigned. Set one first.']
      : []),
    ...isNew.flatMap(({ skuId }) => productProblem(skuId, products)),
    ...planProblems(after, products),
  ]
}

function productProblem(skuId: string, products: readonly Product[]): string[] {
  const product = products.find((one) => one.skuId === skuId)
  if (product === undefined) return [`The tenant has not bought ${skuId}.`]
  const { name, appliesTo, status, free } = product
  if (appliesTo !== 'User') return [`${name} is for the whole company, not for a user.`]
  if (status !== 'Enabled' && status !== 'Warning')
    return [`The subscription of ${name} is ${status}.`]
  return free > 0 ? [] : [`No licence of ${name} is left. Buy one or take one back.`]
}

function planProblems(licences: readonly Licence[], products: readonly Product[]): string[] {
  const active = new Map<string, string>()
  for (const { skuId, disabledPlans } of licences) {
    const product = products.find((one) => one.skuId === skuId)
    for (const { id, name } of product?.plans ?? []) {
      if (!disabledPlans.includes(id)) active.set(name, product?.name ?? skuId)
    }
  }
  const exclusive = exclusivePlans.flatMap((set) => {
    const [one, other] = set.filter((name) => active.has(name))
    if (one === undefined || other === undefined) return []
    return [
      `${one} (of ${active.get(one)}) and ${other} (of ${active.get(other)}) exclude each other. Switch one of them off.`,
    ]
  })
  const dependent = Object.entries(dependentPlans).flatMap(([name, needed]) => {
    if (!active.has(name) || needed.some((other) => active.has(other))) return []
    return [
      `${name} (of ${active.get(name)}) works only beside ${needed.join(' or ')}, which the user would not have.`,
    ]
  })
  return [...exclusive, ...dependent]
}

const idOf = ({ skuId }: Licence) => skuId

function isCountry(value: Json | undefined): boolean {
  return typeof value === 'string' && /^[A-Z]{2}$/.test(value)
}

function listOf(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

function textsOf(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.map(String) : []
}
