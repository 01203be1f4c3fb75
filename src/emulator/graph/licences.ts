import { isJsonObject, type Json } from '../../core/json.ts'
import { dependentPlans, exclusivePlans, type Product, plans } from '../data/skus.ts'
import { type Licence, licencesIn, productOf } from '../directory/computed.ts'
import { type Tenant, textOf } from '../directory/types.ts'
import { updateObject } from '../directory/write.ts'
import type { Reply } from '../exchange.ts'
import { readBody } from './body.ts'
import type { GraphCallContext, GraphRoute } from './context.ts'
import { badRequest, refuse } from './errors.ts'
import { singleReply } from './single.ts'
import { consumedUnits } from './skus.ts'
import { userOf } from './users.ts'

export const licenceRoutes: readonly GraphRoute[] = [
  { method: 'POST', path: '/users/{id}/assignLicense', answer: assignLicense },
]

/** Removes and adds in one step: either all of it holds afterwards or nothing changed. */
function assignLicense(context: GraphCallContext): Reply {
  const { tenant, seen } = context
  const user = userOf(context)
  const body = readBody(context.request)
  const added = readAdded(tenant, body.addLicenses)
  const removed = readRemoved(body.removeLicenses)
  const before = licencesIn(user)
  for (const skuId of removed) {
    if (!before.some((licence) => licence.skuId === skuId)) {
      throw badRequest(`User does not have a corresponding license.`)
    }
  }
  const replaced = [...removed, ...added.map((licence) => licence.skuId)]
  const after = [...before.filter(({ skuId }) => !replaced.includes(skuId)), ...added]
  // As a replica knows it, which is what makes a licence right after a change of it fail.
  const location = textOf(seen.byId.get(user.id) ?? user, 'usageLocation')
  if (added.length > 0 && !/^[A-Z]{2}$/.test(location)) {
    throw refuse('licence, no usageLocation')
  }
  checkUnits(
    tenant,
    added.filter(({ skuId }) => !before.some((one) => one.skuId === skuId)),
  )
  checkPlans(tenant, after)
  updateObject(tenant, user, {
    assignedLicenses: after.map(({ skuId, disabledPlans }) => ({ disabledPlans, skuId })),
  })
  return singleReply(context, user, 'users')
}

function readAdded(tenant: Tenant, value: Json | undefined): Licence[] {
  if (!Array.isArray(value)) throw badRequest("The parameter 'addLicenses' is required.")
  return value.map((item) => {
    const skuId = isJsonObject(item) ? String(item.skuId).toLowerCase() : ''
    const product = productOf(tenant, skuId)
    if (product === undefined) {
      throw badRequest(`License ${skuId} does not correspond to a valid company License.`)
    }
    const disabled =
      isJsonObject(item) && Array.isArray(item.disabledPlans) ? item.disabledPlans : []
    const disabledPlans = disabled.map(String)
    const known = product.plans.map((name) => plans[name]?.id)
    if (disabledPlans.some((id) => !known.includes(id))) {
      throw badRequest(`License ${skuId} does not contain one of the disabled plans.`)
    }
    return { skuId, disabledPlans }
  })
}

function readRemoved(value: Json | undefined): string[] {
  if (!Array.isArray(value)) throw badRequest("The parameter 'removeLicenses' is required.")
  return value.map((skuId) => String(skuId).toLowerCase())
}

function checkUnits(tenant: Tenant, added: readonly Licence[]): void {
  if (added.length === 0) return
  const consumed = consumedUnits(tenant)
  for (const { skuId } of added) {
    const bought = tenant.skus.find((sku) => sku.product.skuId === skuId)?.enabledUnits ?? 0
    if ((consumed.get(skuId) ?? 0) >= bought) throw refuse('licence, none left', { skuId })
  }
}

/** Some plans exclude each other, and some need another one. */
function checkPlans(tenant: Tenant, licences: readonly Licence[]): void {
  const active = licences.flatMap(({ skuId, disabledPlans }) =>
    activePlans(productOf(tenant, skuId), disabledPlans),
  )
  for (const set of exclusivePlans) {
    const [a, b] = set.filter((plan) => active.includes(plan))
    if (a !== undefined && b !== undefined) throw refuse('licence, exclusive plans', { a, b })
  }
  for (const [plan, needed] of Object.entries(dependentPlans)) {
    if (!active.includes(plan) || needed.some((other) => active.includes(other))) continue
    const known = refuse('licence, dependency', { a: plan })
    throw badRequest(known.message.replace('{b}, {c}', needed.join(', ')))
  }
}

function activePlans(product: Product | undefined, disabledPlans: readonly string[]): string[] {
  return (product?.plans ?? []).filter((name) => !disabledPlans.includes(plans[name]?.id ?? ''))
}
