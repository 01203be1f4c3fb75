import type { Static } from 'typebox'
import type { ModelComparison, ModelVersion, modelRoutes } from '../../contract/models.ts'
import type { RouteAnswer } from '../../contract/route.ts'
import { type Actor, requirePermission } from '../../core/actor.ts'
import { AppError, badInput } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Model } from '../../core/model.ts'
import { linked, parseModel } from '../../engine/models/load.ts'
import { compareModels } from '../../engine/models/versions/compare.ts'
import type { Models } from '../../engine/models/versions/versions.ts'
import type { Database } from '../../store/database.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { rootPath } from '../hierarchy/root.ts'
import { notFound } from '../operation/notFound.ts'
import { idCursor, type PageOf, type PageQuery, readPage } from '../operation/paging.ts'
import { record } from '../operation/record.ts'
import { bringIntoForce, readVersion } from './activate.ts'
import * as queries from './queries.ts'
import { digestOf } from './shipped.ts'

type Version = Static<typeof ModelVersion>

/** Models are everybody's, so their versions are the business of the node at the top. */
const type = 'data/Model'

/**
 * Keeps a file as a version of its model, in force only when it is activated. The same text again
 * is the version it made. Throws `bad-input` naming line and remedy.
 */
export async function uploadModel(actor: Actor, db: Database, text: string): Promise<Version> {
  requirePermission(actor, 'Create', type, rootPath)
  const model = readUpload(text)
  return await inScope(db, rootPath, async (tx) => {
    await queries.addModel(tx, model.id)
    const row = await requireRow(tx, model.id)
    const digest = digestOf(text)
    const known = await queries.findByDigest(tx, row.id, digest)
    if (known !== undefined) return show(known)
    await requireSameObjects(tx, row, model)
    if ((await queries.countVersions(tx, row.id)) >= limits.modelVersionsMax) {
      throw new AppError(
        'conflict',
        `${model.id} has ${limits.modelVersionsMax} versions, which is as many as are kept. Nothing was changed.`,
      )
    }
    await record(tx, actor, {
      nodePath: rootPath,
      action: 'model.upload',
      subject: `model:${model.id}`,
      detail: { model: model.id, digest: digest.toString('hex') },
    })
    const added = { modelId: row.id, origin: 'uploaded' as const, text, digest, actor }
    return show(await requireById(tx, await queries.insertVersion(tx, added)))
  })
}

function readUpload(text: string): Model {
  try {
    return parseModel('upload.yaml', text)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    throw new AppError(error.code, error.message, {
      fields: [{ field: 'body.text', problem: error.message }],
    })
  }
}

/** Rows are found again by key and named by name: other ones would be other objects. */
async function requireSameObjects(tx: Tx, row: queries.ModelRow, model: Model): Promise<void> {
  const [newest] = await queries.selectVersions(tx, model.id, undefined, 1)
  if (newest === undefined) return
  const other = row.versionId === null ? newest : await requireById(tx, row.versionId)
  const known = readVersion(other)
  for (const part of ['wire', 'noun', 'key', 'name'] as const) {
    if (known[part] === model[part]) continue
    const problem = `changes ${part} from ${known[part]} to ${model[part]}, which would make other objects of those there are. Nothing was kept; give the model another name.`
    throw badInput('body.text', problem)
  }
}

export async function listVersions(
  actor: Actor,
  db: Database,
  model: string,
  query: PageQuery,
): Promise<PageOf<Version>> {
  requirePermission(actor, 'Read', type, rootPath)
  const before = query.after === undefined ? undefined : idCursor(query.after)
  return await inScope(db, rootPath, async (tx) => {
    const page = await readPage(
      query,
      (limit) => queries.selectVersions(tx, model, before, limit),
      show,
      (row) => String(row.number),
    )
    if (page.items.length === 0 && before === undefined) throw notFound('model')
    return page
  })
}

export async function readModelVersion(
  actor: Actor,
  db: Database,
  model: string,
  number: number,
): Promise<RouteAnswer<typeof modelRoutes.version>> {
  requirePermission(actor, 'Read', type, rootPath)
  const row = await inScope(db, rootPath, (tx) => requireVersion(tx, model, number))
  return { ...show(row), text: row.text }
}

/** What `number` changes of the version in force, or of `against`. */
export async function compareVersions(
  actor: Actor,
  db: Database,
  model: string,
  number: number,
  against: number | undefined,
): Promise<Static<typeof ModelComparison>> {
  requirePermission(actor, 'Read', type, rootPath)
  return await inScope(db, rootPath, async (tx) => {
    const after = await requireVersion(tx, model, number)
    const before =
      against === undefined
        ? await inForce(tx, after.model)
        : await requireVersion(tx, model, against)
    const next = readVersion(after)
    const now = before && readVersion(before)
    return {
      model: after.model,
      before: before?.number ?? null,
      after: number,
      differences: now === undefined ? [] : compareModels(now, next),
      consequences: consequencesOf(now, next, before?.id === after.id),
    }
  })
}

function consequencesOf(now: Model | undefined, next: Model, same: boolean): string[] {
  if (same) return []
  const added = next.columns.filter((column) => !now?.columns.includes(column))
  return [
    'The next sync of every tenant reads the full list; syncs under way keep their version.',
    ...(now === undefined || added.length === 0
      ? []
      : [`Lists filter and sort by ${added.join(', ')} once stored rows have them.`]),
  ]
}

/** Throws `conflict` when other models in force would be left with links to nothing. */
export async function activateVersion(
  actor: Actor,
  db: Database,
  models: Models,
  model: string,
  number: number,
): Promise<Version> {
  requirePermission(actor, 'Update', type, rootPath)
  const others = await models.current()
  return await inScope(db, rootPath, async (tx) => {
    const version = await requireVersion(tx, model, number)
    const row = await requireRow(tx, version.model)
    if (row.versionId === version.id) return show(version)
    requireLinks(others, readVersion(version))
    await recordActivation(tx, actor, 'model.activate', version)
    await bringIntoForce(tx, actor, row, version, row.activationId)
    return show(await requireById(tx, version.id))
  })
}

/** Goes back one activation; again, and it goes back one more. Throws `conflict` at the first. */
export async function rollBack(
  actor: Actor,
  db: Database,
  models: Models,
  model: string,
): Promise<Version> {
  requirePermission(actor, 'Update', type, rootPath)
  const others = await models.current()
  return await inScope(db, rootPath, async (tx) => {
    const [newest] = await queries.selectVersions(tx, model, undefined, 1)
    if (newest === undefined) throw notFound('model')
    const row = await requireRow(tx, newest.model)
    const before =
      row.activationId === null ? undefined : await queries.activationBefore(tx, row.activationId)
    if (before === undefined) {
      const why = `No other version of ${newest.model} was in force before this one. Nothing was changed; \`patchbay model activate\` brings any of them into force.`
      throw new AppError('conflict', why)
    }
    const version = await requireById(tx, before.versionId)
    requireLinks(others, readVersion(version))
    await recordActivation(tx, actor, 'model.rollback', version)
    await bringIntoForce(tx, actor, row, version, before.beforeId)
    return show(await requireById(tx, version.id))
  })
}

function requireLinks(others: readonly Model[], model: Model): void {
  try {
    linked([...others.filter((other) => other.id !== model.id), model])
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new AppError('conflict', `${why} Nothing was changed; activate that one first.`, {
      cause,
    })
  }
}

async function recordActivation(
  tx: Tx,
  actor: Actor,
  action: string,
  { model, number }: queries.VersionRow,
): Promise<void> {
  const detail = { model, number }
  await record(tx, actor, { nodePath: rootPath, action, subject: `model:${model}`, detail })
}

async function requireRow(tx: Tx, model: string): Promise<queries.ModelRow> {
  return (await queries.lockModel(tx, model)) ?? missing()
}

async function requireVersion(tx: Tx, model: string, number: number): Promise<queries.VersionRow> {
  return (await queries.selectVersion(tx, model, number)) ?? missing()
}

async function requireById(tx: Tx, id: number): Promise<queries.VersionRow> {
  return (await queries.selectVersionById(tx, id)) ?? missing()
}

async function inForce(tx: Tx, model: string): Promise<queries.VersionRow | undefined> {
  const { versionId } = await requireRow(tx, model)
  return versionId === null ? undefined : await requireById(tx, versionId)
}

function missing(): never {
  throw notFound('version of a model')
}

function show({ model, number, origin, actor, createdAt, inForce }: queries.VersionRow): Version {
  return { model, number, origin, by: actor.name, at: createdAt.toISOString(), inForce }
}
