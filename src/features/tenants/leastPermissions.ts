import type { Static } from 'typebox'
import type { PermissionList } from '../../contract/permissions.ts'
import { type Actor, scopesOf } from '../../core/actor.ts'
import { badInput } from '../../core/errors.ts'
import { isJsonObject, type JsonObject } from '../../core/json.ts'
import { inScope } from '../../store/scope.ts'
import type { Store } from '../operation/store.ts'
import { permittedTenant } from './access.ts'
import { aids, features, isInUse, tellingSteps } from './permissions.ts'
import { selectReport, selectUsage } from './queries.ts'

/** A feature that is wanted: only to see, or to change as well. */
export interface Wanted {
  feature: string
  write: boolean
}

/** One thing an application has to be allowed: any of `anyOf` does, the first is the least. */
export interface Demand {
  feature: string
  what: 'read' | 'change'
  anyOf: readonly string[]
}

/** Every demand of what is wanted. Throws `bad-input` for what is no feature. */
export function demandsOf(wanted: readonly Wanted[]): Demand[] {
  return wanted.flatMap(({ feature, write }): Demand[] => {
    const aid = aids.find((each) => each.feature === feature)
    if (aid !== undefined) {
      return aid.reads.map((anyOf) => ({ feature, what: 'read', anyOf }))
    }
    const found = features.find((each) => each.feature === feature)
    if (found === undefined) throw unknownFeature(feature)
    const read: Demand = { feature, what: 'read', anyOf: found.read.anyOf }
    if (!write || found.write === undefined) return [read]
    return [read, { feature, what: 'change', anyOf: found.write.anyOf }]
  })
}

/**
 * The fewest permissions that meet all demands, each the least of its kind. What changes something
 * is chosen first: it often lets read what it changes.
 */
export function leastPermissions(demands: readonly Demand[]): string[] {
  const chosen = new Set<string>()
  const changesFirst = demands.toSorted(
    (a, b) => Number(b.what === 'change') - Number(a.what === 'change'),
  )
  for (const { anyOf } of changesFirst) {
    const [least] = anyOf
    if (least !== undefined && !anyOf.some((name) => chosen.has(name))) chosen.add(least)
  }
  // What was chosen early may be covered by what a later demand left no choice about.
  for (const name of [...chosen]) {
    const others = [...chosen].filter((other) => other !== name)
    if (unmet(demands, others).length === 0) chosen.delete(name)
  }
  return [...chosen].sort()
}

export function unmet(demands: readonly Demand[], granted: readonly string[]): Demand[] {
  return demands.filter(({ anyOf }) => !anyOf.some((name) => granted.includes(name)))
}

/** Every feature with all it can do. */
export function everything(): Wanted[] {
  return [...features, ...aids].map(({ feature }) => ({ feature, write: true }))
}

/** `users, groups:read, credential dates`. */
function readWanted(text: string): Wanted[] {
  const names = text.split(',').map((each) => each.trim())
  return names.map((name) => {
    const [feature = '', mode] = name.split(':')
    if (mode !== undefined && mode !== 'read') throw unknownFeature(name)
    return { feature, write: mode === undefined }
  })
}

function unknownFeature(name: string): Error {
  const known = everything().map(({ feature }) => feature)
  return badInput('query.features', `does not know ${name}; it knows ${known.join(', ')}.`)
}

type Listed = Static<typeof PermissionList>

/** The permissions that features need; of all of them unless some are named. */
export function listPermissions({ features: named }: { features?: string | undefined }): Listed {
  const wanted = named === undefined ? everything() : readWanted(named)
  return show(wanted, undefined)
}

/** What the features in use in a tenant need, and which of it its last test found granted. */
export async function tenantPermissions(
  actor: Actor,
  store: Store,
  tenantId: number,
): Promise<Listed> {
  return await inScope(store.db, scopesOf(actor), async (tx) => {
    await permittedTenant(tx, store, actor, 'Read', tenantId)
    const usage = await selectUsage(tx, tenantId, tellingSteps)
    const used = features.filter((each) => isInUse(each, usage))
    const helping = aids.filter(({ feature }) => feature !== 'delegated administration')
    const wanted = [...used, ...helping].map(({ feature }) => ({ feature, write: true }))
    return show(wanted, grantedIn(await selectReport(tx, tenantId)))
  })
}

/** `User.Read.All (Microsoft Graph)` is how a report lists them. */
function grantedIn(report: JsonObject | null): string[] | undefined {
  const steps = Array.isArray(report?.steps) ? report.steps.filter(isJsonObject) : []
  const details = steps.find(({ step }) => step === 'permissions')?.details
  return Array.isArray(details)
    ? details.map((text) => String(text).split(' ')[0] ?? '')
    : undefined
}

function show(wanted: readonly Wanted[], granted: readonly string[] | undefined): Listed {
  const demands = demandsOf(wanted)
  const names = leastPermissions(demands)
  return {
    permissions: names.map((permission) => {
      const served = demands.filter(({ anyOf }) => anyOf.includes(permission))
      return {
        permission,
        for: [...new Set(served.map(({ feature, what }) => `${feature}: ${what}`))],
        granted:
          granted === undefined
            ? null
            : served.every((demand) => unmet([demand], granted).length === 0),
      }
    }),
    features: wanted.map(({ feature, write }) => (write ? feature : `${feature}:read`)),
  }
}
