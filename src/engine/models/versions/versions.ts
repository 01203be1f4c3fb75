import { AppError } from '../../../core/errors.ts'
import { limits } from '../../../core/limits.ts'
import type { Model } from '../../../core/model.ts'
import type { Database } from '../../../store/database.ts'
import { inReferenceOrder, parseModel } from '../load.ts'
import { type StoredVersion, selectVersions, versionsInForce } from './queries.ts'

/**
 * The models, which may change while we run. What is in force is asked of the database each time:
 * a question of a tenth of a millisecond that every process answers alike, where a notice could be
 * missed. Texts are read once, since a version never changes.
 */
export interface Models {
  /** Those in force now, each before those that link to it. */
  current(): Promise<readonly Model[]>
  /** One as it was when something began with it. Throws `not-found`. */
  version(id: number): Promise<Model>
}

export function createModels(db: Database): Models {
  const parsed = new Map<number, Model>()
  let known: { ids: string; models: readonly Model[] } = { ids: '', models: [] }

  const read = async (ids: readonly number[]): Promise<void> => {
    const missing = ids.filter((id) => !parsed.has(id))
    if (missing.length === 0) return
    if (parsed.size + missing.length > limits.modelVersionsKept) parsed.clear()
    for (const version of await selectVersions(db, missing)) {
      parsed.set(version.id, asModel(version))
    }
  }

  return {
    async current() {
      const ids = await versionsInForce(db)
      if (known.ids === ids.join()) return known.models
      await read(ids)
      const models = ids.flatMap((id) => parsed.get(id) ?? [])
      known = { ids: ids.join(), models: inReferenceOrder(models) }
      return known.models
    },
    async version(id) {
      await read([id])
      const model = parsed.get(id)
      if (model === undefined) {
        throw new AppError('not-found', `There is no version of a model with the id ${id}.`)
      }
      return model
    },
  }
}

function asModel({ model, number, text, places }: StoredVersion): Model {
  return withPlaces(parseModel(`${model}.yaml (version ${number})`, text), places)
}

/** A column without a place was never in force: it is in no row, and has place 0. */
function withPlaces(model: Model, places: Readonly<Record<string, number>>): Model {
  return { ...model, places: model.columns.map((column) => places[column] ?? 0) }
}
