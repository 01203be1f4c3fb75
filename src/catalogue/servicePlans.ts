/**
 * Service plans that do not go with, or not without, others, by their names. From
 * learn.microsoft.com/entra/identity/users/licensing-groups-resolve-problems and the table of
 * product names and service plans. Microsoft publishes no complete list: what is missing here is
 * refused by Microsoft itself, only later and in its words.
 */

/** A person has at most one of each set. */
export const exclusivePlans: readonly (readonly string[])[] = [
  ['EXCHANGE_S_ENTERPRISE', 'EXCHANGE_S_STANDARD', 'EXCHANGE_S_DESKLESS', 'EXCHANGE_S_ESSENTIALS'],
  ['SHAREPOINTENTERPRISE', 'SHAREPOINTSTANDARD', 'SHAREPOINTDESKLESS'],
  ['MCOSTANDARD', 'MCOIMP'],
]

/** A plan on the left works only beside one of those on the right. */
export const dependentPlans: Readonly<Record<string, readonly string[]>> = {
  MCOEV: ['TEAMS1', 'MCOSTANDARD', 'MCOIMP'],
  SHAREPOINTWAC: ['SHAREPOINTENTERPRISE', 'SHAREPOINTSTANDARD', 'SHAREPOINTDESKLESS'],
}
