import type { Static } from 'typebox'
import type { Model as ModelAnswer } from '../../contract/resources.ts'
import type { Model } from '../../core/model.ts'
import { modelById } from '../../engine/engine.ts'
import { notFound } from '../operation/notFound.ts'

type Answer = Static<typeof ModelAnswer>

export function listModels(models: readonly Model[]): { items: Answer[]; next: null } {
  return { items: models.map(showModel), next: null }
}

export function readModel(model: Model): Answer {
  return showModel(model)
}

export function requireModel(models: readonly Model[], application: string, name: string): Model {
  const model = modelById(models, `device/${application}/${name}`)
  if (model === undefined) throw notFound('model')
  return model
}

function showModel(model: Model): Answer {
  return {
    model: model.id,
    title: model.title,
    wire: model.wire,
    noun: model.noun,
    key: model.key,
    name: model.name,
    columns: [...model.columns],
    readOnly: model.update === undefined,
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
