import type { Static } from 'typebox'
import type { Model as ModelAnswer } from '../../contract/models.ts'
import type { Actor } from '../../core/actor.ts'
import type { Model } from '../../core/model.ts'
import { requireModel } from '../../engine/engine.ts'
import { allowedOn } from '../access/allowed.ts'

type Answer = Static<typeof ModelAnswer>

export function listModels(
  actor: Actor,
  models: readonly Model[],
): { items: Answer[]; next: null } {
  return { items: models.map((model) => showModel(actor, model)), next: null }
}

export function readModel(actor: Actor, models: readonly Model[], id: string): Answer {
  return showModel(actor, requireModel(models, id))
}

/** The model of a path. Throws `not-found`. */
export function modelOf(
  models: readonly Model[],
  { application, name }: { application: string; name: string },
): Model {
  return requireModel(models, `device/${application}/${name}`)
}

function showModel(actor: Actor, model: Model): Answer {
  return {
    model: model.id,
    title: model.title,
    wire: model.wire,
    noun: model.noun,
    key: model.key,
    name: model.name,
    columns: [...model.columns],
    readOnly: model.update === undefined,
    allowed: allowedOn(actor, model),
    delta: model.delta !== undefined,
    links: model.links.map((link) => ({ kind: link.kind, to: [...link.to] })),
    needs: { read: [...model.needs.read], write: [...model.needs.write] },
    properties: model.properties.map((property) => ({
      name: property.name,
      type: property.type,
      many: property.many,
      readOnly: property.readOnly,
      maxLength: property.maxLength ?? null,
      values: property.values === undefined ? null : [...property.values],
      description: property.description ?? null,
    })),
  }
}
