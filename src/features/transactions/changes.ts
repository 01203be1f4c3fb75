import type { Static } from 'typebox'
import type { Changes, Plan } from '../../contract/transactions.ts'
import type { Actor } from '../../core/actor.ts'
import { badInput } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Model } from '../../core/model.ts'
import { type Engine, modelById } from '../../engine/engine.ts'
import { planChanges } from '../../engine/transaction/plan.ts'
import { validateChange } from '../../engine/transaction/validateChange.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { namesByKey } from '../resources/queries.ts'
import { findOne } from '../resources/resources.ts'
import { permittedTenantPath } from '../tenants/access.ts'

export type ChangesBody = Static<typeof Changes>

export interface ResolvedChanges {
  nodePath: string
  model: Model
  objects: { key: string; name: string; set: JsonObject }[]
}

/** The request with its model and objects looked up and every value checked. */
export async function resolveChanges(
  tx: Tx,
  actor: Actor,
  { models }: Pick<Engine, 'models'>,
  tenantId: number,
  body: ChangesBody,
): Promise<ResolvedChanges> {
  const model = modelById(await models.current(), body.model)
  if (model === undefined) {
    throw badInput('body.model', 'is no model; `patchbay model list` shows them.')
  }
  const nodePath = await permittedTenantPath(tx, actor, 'Read', model.id, tenantId)
  const refs = body.objects.map((object) => object.ref)
  const names = await namesByKey(tx, tenantId, model.id, refs)
  const objects: ResolvedChanges['objects'] = []
  const seen = new Set<string>()
  for (const [index, { ref, set }] of body.objects.entries()) {
    // Checked by the contract to be an object; its values came as JSON.
    const values = set as JsonObject
    validateChange(model, values, `body.objects.${index}.set`)
    const object = await lookUp(tx, tenantId, model, ref, names)
    if (seen.has(object.key)) {
      throw badInput(
        `body.objects.${index}.ref`,
        'names an object that stands in the list already.',
      )
    }
    seen.add(object.key)
    objects.push({ ...object, set: values })
  }
  return { nodePath, model, objects }
}

async function lookUp(
  tx: Tx,
  tenantId: number,
  model: Model,
  ref: string,
  names: Map<string, string>,
): Promise<{ key: string; name: string }> {
  const name = names.get(ref)
  if (name !== undefined) return { key: ref, name }
  const found = await findOne(tx, tenantId, model, ref)
  return { key: found.key, name: found.name }
}

/** The dry run: calls and differences as they would be, from reads at Microsoft alone. */
export async function planTransaction(
  actor: Actor,
  engine: Engine,
  tenantId: number,
  body: ChangesBody,
  signal: AbortSignal,
): Promise<Static<typeof Plan>> {
  const { nodePath, model, objects } = await inScope(engine.db, actor.scope, (tx) =>
    resolveChanges(tx, actor, engine, tenantId, body),
  )
  const wires = await engine.openWires({ tenantId, scope: nodePath }, () => {}, 'interactive')
  const planned = await planChanges(model, wires.wire(model.wire), objects, signal)
  return {
    tenantId,
    model: model.id,
    objects: planned.map(({ key, call, differences }, index) => ({
      key,
      name: objects[index]?.name ?? key,
      call: call ?? null,
      differences,
    })),
  }
}
