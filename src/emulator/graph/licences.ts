import { isJsonObject, type Json } from '../../core/json.ts'
import { licencesIn, membersWithLicenceErrors, productOf } from '../directory/computed.ts'
import { reprocessUser } from '../directory/licenceQueue.ts'
import { processGroup } from '../directory/licenceWork.ts'
import {
  boughtUnits,
  consumedUnits,
  directLicences,
  exclusion,
  missingPlan,
  setLicences,
} from '../directory/licensing.ts'
import { plans } from '../directory/skus.ts'
import { type Licence, type Tenant, textOf } from '../directory/types.ts'
import { updateObject } from '../directory/write.ts'
import type { Reply } from '../exchange.ts'
import { badRequest, refuse } from '../graphErrors.ts'
import { readBody } from './body.ts'
import type { GraphCallContext, GraphRoute } from './context.ts'
import { groupOf } from './groups.ts'
import { listReply } from './list.ts'
import { singleReply } from './single.ts'
import { userOf } from './users.ts'

export const licenceRoutes: readonly GraphRoute[] = [
  { method: 'POST', path: '/users/{id}/assignLicense', answer: assignToUser },
  {
    method: 'POST',
    path: '/users/{id}/reprocessLicenseAssignment',
    answer: (context) => {
      const user = userOf(context)
      reprocessUser(context.tenant, user)
      return singleReply(context, user, 'users')
    },
  },
  { method: 'POST', path: '/groups/{id}/assignLicense', answer: assignToGroup },
  {
    method: 'GET',
    path: '/groups/{id}/membersWithLicenseErrors',
    answer: (context) =>
      listReply(context, {
        types: ['user'],
        items: membersWithLicenceErrors(context.tenant, groupOf(context)),
        contextName: 'directoryObjects',
        marked: true,
      }),
  },
]

/** Removes and adds in one step: either all of it holds afterwards or nothing changed. */
function assignToUser(context: GraphCallContext): Reply {
  const { tenant, seen } = context
  const user = userOf(context)
  const { inherited = [] } = tenant.licensing.get(user.id) ?? {}
  const before = directLicences(tenant, user)
  const { added, after } = readAssignment(context, before, (skuId) =>
    inherited.some((one) => one.skuId === skuId)
      ? 'User license is inherited from a group membership and it cannot be removed directly from the user.'
      : 'User does not have a corresponding license.',
  )
  // As a replica knows it, which is what makes a licence right after a change of it fail.
  const location = textOf(seen.byId.get(user.id) ?? user, 'usageLocation')
  if (added.length > 0 && !/^[A-Z]{2}$/.test(location)) {
    throw refuse('licence, no usageLocation')
  }
  const held = licencesIn(user).map(({ skuId }) => skuId)
  checkUnits(
    tenant,
    added.filter(({ skuId }) => !held.includes(skuId)),
  )
  const fromGroups = inherited.filter(
    ({ error, skuId }) => error === 'None' && !after.some((one) => one.skuId === skuId),
  )
  checkPlans(tenant, [...after, ...fromGroups])
  setLicences(tenant, user, { direct: after, inherited })
  return singleReply(context, user, 'users')
}

/** Taken note of; the members get and lose theirs later, each with an outcome of their own. */
function assignToGroup(context: GraphCallContext): Reply {
  const { tenant } = context
  const group = groupOf(context)
  const { after } = readAssignment(
    context,
    licencesIn(group),
    () => 'Group does not have a corresponding license.',
  )
  const assignedLicenses = after.map(({ skuId, disabledPlans }) => ({ disabledPlans, skuId }))
  updateObject(tenant, group, { assignedLicenses })
  processGroup(tenant, group)
  return singleReply(context, group, 'groups', { status: 202 })
}

function readAssignment(
  context: GraphCallContext,
  before: readonly Licence[],
  notThere: (skuId: string) => string,
): { added: Licence[]; after: Licence[] } {
  const body = readBody(context.request)
  const added = readAdded(context.tenant, body.addLicenses)
  const removed = readRemoved(body.removeLicenses)
  for (const skuId of removed) {
    if (!before.some((licence) => licence.skuId === skuId)) throw badRequest(notThere(skuId))
  }
  const replaced = [...removed, ...added.map((licence) => licence.skuId)]
  return { added, after: [...before.filter(({ skuId }) => !replaced.includes(skuId)), ...added] }
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
    const disabledPlans = disabled.map((id) => String(id).toLowerCase())
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
    if ((consumed.get(skuId) ?? 0) >= boughtUnits(tenant, skuId)) {
      throw refuse('licence, none left', { skuId })
    }
  }
}

function checkPlans(tenant: Tenant, licences: readonly Licence[]): void {
  const excluded = exclusion(tenant, licences)
  if (excluded !== undefined) {
    const [b = ''] = excluded.others
    throw refuse('licence, exclusive plans', { a: excluded.plan, b })
  }
  const missing = missingPlan(tenant, licences)
  if (missing !== undefined) {
    const known = refuse('licence, dependency', { a: missing.plan })
    throw badRequest(known.message.replace('{b}, {c}', missing.others.join(', ')))
  }
}
