import { licencesIn, productOf } from '../directory/computed.ts'
import { consumedUnits } from '../directory/licensing.ts'
import { type Product, plans } from '../directory/skus.ts'
import type { Entity, Sku, Tenant, User } from '../directory/types.ts'
import { notFound } from '../graphErrors.ts'
import type { GraphRoute } from './context.ts'
import { listReply } from './list.ts'
import { singleReply } from './single.ts'

export const skuRoutes: readonly GraphRoute[] = [
  {
    method: 'GET',
    path: '/subscribedSkus',
    answer: (context) =>
      listReply(context, {
        types: ['subscribedSku'],
        items: subscribedSkus(context.tenant),
        contextName: 'subscribedSkus',
      }),
  },
  {
    method: 'GET',
    path: '/subscribedSkus/{id}',
    answer: (context) => {
      const [id = ''] = context.params
      const found = subscribedSkus(context.tenant).find((sku) => sku.id === id)
      if (found === undefined) throw notFound(id)
      return singleReply(context, found, 'subscribedSkus')
    },
  },
]

function subscribedSkus(tenant: Tenant): Entity[] {
  const consumed = consumedUnits(tenant)
  return tenant.skus.map((sku, index) => skuEntity(tenant, sku, index, consumed))
}

function skuEntity(
  tenant: Tenant,
  sku: Sku,
  index: number,
  consumed: ReadonlyMap<string, number>,
): Entity {
  const { product, enabledUnits, subscriptionId } = sku
  const id = `${tenant.id}_${product.skuId}`
  return {
    seq: index + 1,
    id,
    type: 'subscribedSku',
    data: {
      id,
      accountId: tenant.id,
      accountName: tenant.displayName,
      appliesTo: product.appliesTo,
      capabilityStatus: 'Enabled',
      consumedUnits: consumed.get(product.skuId) ?? 0,
      prepaidUnits: { enabled: enabledUnits, lockedOut: 0, suspended: 0, warning: 0 },
      servicePlans: servicePlans(product, []),
      skuId: product.skuId,
      skuPartNumber: product.partNumber,
      subscriptionIds: [subscriptionId],
    },
  }
}

/** `licenseDetails` of a person: their products with the state of each plan. */
export function licenceDetails(tenant: Tenant, user: User): Entity[] {
  return licencesIn(user).flatMap(({ skuId, disabledPlans }, index) => {
    const product = productOf(tenant, skuId)
    if (product === undefined) return []
    const id = Buffer.from(`${user.id}${skuId}`.replaceAll('-', ''), 'hex').toString('base64url')
    const data = {
      id,
      servicePlans: servicePlans(product, disabledPlans),
      skuId,
      skuPartNumber: product.partNumber,
    }
    return [{ seq: index + 1, id, type: 'licenseDetails', data }]
  })
}

function servicePlans(product: Product, disabledPlans: readonly string[]) {
  return product.plans.flatMap((name) => {
    const plan = plans[name]
    if (plan === undefined) return []
    const provisioningStatus = disabledPlans.includes(plan.id) ? 'Disabled' : 'Success'
    return [
      { servicePlanId: plan.id, servicePlanName: name, provisioningStatus, appliesTo: 'User' },
    ]
  })
}
