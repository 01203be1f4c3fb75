import { type Actor, type ActorNow, type Operation, requirePermission } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import { isJsonObject, type JsonObject } from '../../core/json.ts'
import type { MayBegin } from '../../engine/engine.ts'
import { writeAudit } from '../../store/audit.ts'
import type { Database } from '../../store/database.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { requirePrivileged } from '../access/privileged.ts'
import { productModel, userModel } from '../licences/licenceStep.ts'
import { syncType } from '../syncs/queueSync.ts'
import type { NewStep } from './queries.ts'

/** The type by which access profiles name transactions. */
export const transactionType = 'data/Transaction'

interface Place {
  tenantId: number
  nodePath: string
}

/** What a step of a kind is to who may do it; what is not named here is an update. */
const operationOf: Readonly<Record<string, Operation>> = {
  create: 'Create',
  delete: 'Delete',
  restore: 'Create',
}

/** Throws `not-permitted` where one of the steps is more than the actor may do there. */
export async function requireSteps(
  tx: Tx,
  actor: Actor,
  place: Place,
  steps: readonly Pick<NewStep, 'kind' | 'input'>[],
): Promise<void> {
  requirePermission(actor, 'Execute', transactionType, place.nodePath)
  for (const { kind, input } of steps) {
    requirePermission(actor, operationOf[kind] ?? 'Update', changedModel(input), place.nodePath)
  }
  for (const model of changedInBulk(steps)) {
    requirePermission(actor, 'Bulk Update', model, place.nodePath)
  }
  await requirePrivileged(
    tx,
    actor,
    place,
    steps.flatMap(({ input }) => [input, input.to]),
  )
}

/** The models of which more than one object is to be changed, made or deleted. */
function changedInBulk(steps: readonly Pick<NewStep, 'input'>[]): string[] {
  const objects = new Map<string, Set<string>>()
  for (const [index, { input }] of steps.entries()) {
    const model = changedModel(input)
    // What a step makes is named so by those behind it.
    const key = JSON.stringify(input.key ?? { step: index + 1 })
    objects.set(model, (objects.get(model) ?? new Set()).add(key))
  }
  return [...objects].filter(([, keys]) => keys.size > 1).map(([model]) => model)
}

function changedModel({ model }: JsonObject): string {
  return typeof model === 'string' ? model : userModel
}

/** The models of all objects that a step names, or tells values of. */
export function modelsOfStep({ kind, input }: Pick<NewStep, 'kind' | 'input'>): string[] {
  const { to } = input
  return [
    changedModel(input),
    ...(isJsonObject(to) && typeof to.model === 'string' ? [to.model] : []),
    ...(kind === 'licence' ? [productModel] : []),
  ]
}

/**
 * Work is done with the rights its author has when it begins, not with those of the worker. Syncs
 * that nobody asked for (a change notification, a subscription) are Patchbay's own.
 */
export function createMayBegin(db: Database, actorNow: ActorNow): MayBegin {
  return async ({ author, of, ...place }) => {
    if (author.kind === 'system' && of === 'sync') return
    const { nodePath, tenantId } = place
    const actor = await actorNow(author.id)
    try {
      await inScope(db, nodePath, async (tx) => {
        if (actor === undefined) throw nobodyAnyMore(author.name)
        if (of === 'sync') requirePermission(actor, 'Execute', syncType, nodePath)
        else await requireSteps(tx, actor, place, of)
      })
    } catch (thrown) {
      if (!(thrown instanceof AppError)) throw thrown
      const { code, message } = thrown
      if (code !== 'not-permitted' && code !== 'not-found') throw thrown
      const entry = { nodePath, tenantId, actor: author, action: 'access.refused' }
      const subject = of === 'sync' ? 'sync' : 'transaction'
      const detail = { code, message }
      await inScope(db, nodePath, (tx) => writeAudit(tx, { ...entry, subject, detail }))
      // To the author's work it is no secret that the tenant is there.
      throw new AppError('not-permitted', `${author.name} may not do this any more. ${message}`)
    }
  }
}

function nobodyAnyMore(name: string): AppError {
  return new AppError('not-permitted', `${name} is disabled, or gone. Nothing was done.`)
}
