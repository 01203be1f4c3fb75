import type { Actor } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { type Model, namePlace } from '../../core/model.ts'
import { parseModel } from '../../engine/models/load.ts'
import type { Tx } from '../../store/scope.ts'
import * as queries from './queries.ts'

/** A version's text as a model: it was read before, but perhaps by another version of Patchbay. */
export function readVersion({ model, number, text }: queries.VersionRow): Model {
  return parseModel(`${model}.yaml (version ${number})`, text)
}

/**
 * Brings a version into force in place of another; whoever asks for models next gets it. On record
 * already.
 */
export async function bringIntoForce(
  tx: Tx,
  actor: Actor,
  model: queries.ModelRow,
  version: queries.VersionRow,
  beforeId: number | null,
): Promise<void> {
  const displaced =
    model.versionId === null ? undefined : await queries.selectVersionById(tx, model.versionId)
  const next = readVersion(version)
  await addColumns(tx, model.id, next, displaced && readVersion(displaced))
  await queries.insertActivation(tx, {
    modelId: model.id,
    versionId: version.id,
    beforeId,
    actor,
  })
}

/**
 * A column that the version before did not have is to be filled, also one that an earlier version
 * had: rows written meanwhile are without it.
 */
async function addColumns(
  tx: Tx,
  modelId: number,
  model: Model,
  displaced: Model | undefined,
): Promise<void> {
  const places = await queries.selectPlaces(tx, modelId)
  let last = Math.max(namePlace, ...places.values())
  const placeOf = (name: string) => places.get(name) ?? (name === model.name ? namePlace : ++last)
  const added = model.columns
    .filter((name) => !displaced?.columns.includes(name))
    .map((name) => ({ name, place: placeOf(name) }))
  if (last > limits.modelColumnsMax) {
    throw new AppError(
      'conflict',
      `The versions of ${model.id} would have declared more than ${limits.modelColumnsMax} columns, each of which keeps its place. Nothing was changed; use fewer new ones.`,
    )
  }
  await queries.placeColumns(tx, modelId, added, !(await queries.hasRows(tx, modelId)))
}
