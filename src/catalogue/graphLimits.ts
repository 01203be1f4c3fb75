import limitsJson from './data/graph-limits.json' with { type: 'json' }

const cost: Readonly<Record<string, number>> = limitsJson.identity.cost

/**
 * Resource units of one directory operation before its modifiers, by a key such as `GET users` or
 * `GET groups/{id}/members`; what the table does not name costs 1.
 */
export function resourceUnitsOf(key: string): number {
  return cost[key] ?? 1
}

const { pageSizes, tokens } = limitsJson

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

/** A delta token of the directory is known for so long. */
export const deltaTokenDays = tokens.deltaDirectoryDays
