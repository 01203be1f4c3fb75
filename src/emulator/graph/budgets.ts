import { appTenantRu, type Budget, identityBudgets, isQuery } from '../../catalogue/graphLimits.ts'
import { type GraphRefusal, tooManyRequests } from '../graphErrors.ts'
import type { GraphCallContext, GraphRoute } from './context.ts'
import { isElsewhere, resourceUnits } from './resourceUnits.ts'
import type { Bucket, GraphState } from './state.ts'

interface BudgetRule {
  /** Whose budget it is, in the service's own word. */
  scope: 'Tenant_Application' | 'Application' | 'Tenant'
  counts: 'ReadWrite' | 'Write'
  budget(users: number): Budget
}

const rules: readonly BudgetRule[] = [
  { scope: 'Tenant_Application', counts: 'ReadWrite', budget: appTenantRu },
  { scope: 'Application', counts: 'ReadWrite', budget: () => identityBudgets.appRu },
  { scope: 'Tenant_Application', counts: 'Write', budget: () => identityBudgets.appTenantWrites },
  { scope: 'Application', counts: 'Write', budget: () => identityBudgets.appWrites },
  { scope: 'Tenant', counts: 'Write', budget: () => identityBudgets.tenantWrites },
]

/** What one call takes out of one bucket. */
interface Charge {
  rule: BudgetRule
  budget: Budget
  bucket: Bucket
  cost: number
}

/**
 * Takes what a call costs from the budgets of its tenant and application, or refuses it when one
 * has too little left. Answers how to give it back. Items of a batch come here all at once, so
 * looking and taking must be one step. A tenant without `budgetShare` has no budgets.
 */
export function admit(route: GraphRoute, context: GraphCallContext): () => void {
  const charges = chargesOf(route, context)
  const short = charges.flatMap((charge) => {
    const { budget, bucket, cost } = charge
    // What costs more than a full bucket holds would else never be admitted.
    const missing = Math.min(cost, budget.amount) - bucket.left
    return missing > 0 ? [{ charge, seconds: (missing * budget.seconds) / budget.amount }] : []
  })
  const [worst] = short.sort((a, b) => b.seconds - a.seconds)
  if (worst !== undefined) throw overdrawn(context, worst.charge.rule, worst.seconds)
  for (const { bucket, cost } of charges) bucket.left -= cost
  return () => {
    for (const { bucket, cost } of charges) bucket.left += cost
  }
}

function chargesOf(route: GraphRoute, context: GraphCallContext): Charge[] {
  const { state, tenant, claims } = context
  const { budgetShare, users } = tenant
  // The items of a batch are charged one by one, the batch around them is not.
  if (budgetShare === undefined || route.path === '/$batch' || isElsewhere(route)) return []
  const costs = { ReadWrite: resourceUnits(route, context) ?? 1, Write: writesOf(route, context) }
  return rules.flatMap((rule) => {
    const cost = costs[rule.counts]
    if (cost === 0) return []
    const { amount, seconds } = rule.budget(users.length)
    const budget = { amount: amount * budgetShare, seconds }
    const app = rule.scope === 'Tenant' ? '' : claims.appid
    const of = rule.scope === 'Application' ? '' : tenant.id
    const bucket = filled(state, `${rule.counts}/${app}/${of}`, budget)
    return [{ rule, budget, bucket, cost }]
  })
}

/** Each object that is linked in passing counts as a write of its own. */
function writesOf(route: GraphRoute, { request }: GraphCallContext): number {
  if (isQuery(`${route.method} ${route.path.slice(1)}`)) return 0
  if (!request.body.includes('@odata.bind')) return 1
  const links = request.body.toString('utf8').match(/\/(directoryObjects|users|groups)\/[0-9a-f-]/g)
  return 1 + (links?.length ?? 0)
}

/** The bucket with what has flowed in since it was last looked at; a new one is full. */
function filled(state: GraphState, key: string, { amount, seconds }: Budget): Bucket {
  const now = state.clock.now()
  const bucket = state.buckets.get(key) ?? { left: amount, at: now }
  // The control API may set the clock back.
  const since = Math.max(0, now - bucket.at)
  bucket.left = Math.min(amount, bucket.left + (since * amount) / (seconds * 1000))
  bucket.at = now
  state.buckets.set(key, bucket)
  return bucket
}

/** No wait is shorter than a second; fractions of one are told, as the service has been seen to. */
function overdrawn(context: GraphCallContext, rule: BudgetRule, seconds: number): GraphRefusal {
  const { claims, tenant } = context
  const information = rule.counts === 'Write' ? 'WriteLimitExceeded' : 'ResourceUnitLimitExceeded'
  return tooManyRequests({
    'retry-after': String(Math.max(1, Math.ceil(seconds * 1000) / 1000)),
    'x-ms-throttle-scope': `${rule.scope}/${rule.counts}/${claims.appid}/${tenant.id}`,
    'x-ms-throttle-information': information,
  })
}
