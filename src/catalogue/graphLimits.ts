import limitsJson from './data/graph-limits.json' with { type: 'json' }

const cost: Readonly<Record<string, number>> = limitsJson.identity.cost

/**
 * Resource units of one directory operation before its modifiers, by a key such as `GET users` or
 * `GET groups/{id}/members`; what the table does not name costs 1.
 */
export function resourceUnitsOf(key: string): number {
  return cost[key] ?? 1
}

/** Whether an operation only asks: the table names the POSTs that do, and they cost no write. */
export function isQuery(key: string): boolean {
  return key.startsWith('GET ') || Object.hasOwn(cost, key)
}

/** So much within so many seconds. */
export interface Budget {
  amount: number
  seconds: number
}

const { identity, pageSizes, subscriptions, tokens } = limitsJson
const units = identity.perAppPerTenantRU

/** Budgets of the directory in resource units and in writes. */
export const identityBudgets = {
  appRu: budget(identity.perAppRU),
  appWrites: budget(identity.perAppWrites),
  tenantWrites: budget(identity.perTenantWritesAllApps),
  appTenantWrites: budget(identity.perAppPerTenantWrites),
} as const

/** Resource units of one application in one tenant, which depend on the size of the tenant. */
export function appTenantRu(users: number): Budget {
  if (users < 50) return budget(units['S(<50 users)'])
  return budget(users <= 500 ? units['M(50-500)'] : units['L(>500)'])
}

function budget([amount = 0, seconds = 1]: readonly number[]): Budget {
  return { amount, seconds }
}

export const graphPages = {
  directoryDefault: pageSizes.users.default,
  directoryMax: pageSizes.users.max,
  withSignInActivity: pageSizes.users.withSignInActivity,
  batchMax: pageSizes.$batch,
  expandMax: pageSizes['$expand on directory relation'],
  bindMax: pageSizes['members@odata.bind in PATCH/POST'],
  idsMax: pageSizes.getByIds,
  deltaIdsMax: pageSizes['delta $filter=id eq'],
} as const

/** Subscriptions of users and groups: how long they may last, and how many there may be. */
export const directorySubscriptions = {
  minutesMin: subscriptions.minMinutes,
  minutesMax: subscriptions.maxMinutes['user,group,directory'],
  perAppAndTenant: subscriptions.quota['user/group'].perAppPerTenant,
} as const

/** A delta token of the directory is known for so long. */
export const deltaTokenDays = tokens.deltaDirectoryDays
