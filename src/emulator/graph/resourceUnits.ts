import { resourceUnitsOf } from '../../catalogue/graphLimits.ts'
import type { GraphCallContext, GraphRoute } from './context.ts'

const smallPage = 20
const selectedByIds = 2

/** Of another service than the directory, with limits of its own. */
export function isElsewhere({ path }: GraphRoute): boolean {
  return /^\/(subscriptions|places|teams)(\/|$)/.test(path)
}

/** What a call costs of the tenant's budget; undefined where the service does not say. */
export function resourceUnits(route: GraphRoute, context: GraphCallContext): number | undefined {
  if (/\/(delta|\$batch)$/.test(route.path) || isElsewhere(route)) return undefined
  const { options } = context
  if (/getByIds$/.test(route.path) && options.has('$select')) return selectedByIds
  const top = options.get('$top')
  const units =
    resourceUnitsOf(`${route.method} ${route.path.slice(1)}`) -
    Number(options.has('$select')) +
    Number(options.has('$expand')) -
    Number(top !== null && Number(top) < smallPage)
  return Math.max(1, units)
}
