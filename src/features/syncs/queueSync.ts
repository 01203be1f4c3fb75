import type { Author } from '../../core/actor.ts'
import { AppError, badInput } from '../../core/errors.ts'
import type { Model } from '../../core/model.ts'
import { markModelsDue } from '../../engine/due/queries.ts'
import { modelById } from '../../engine/engine.ts'
import { leftOut } from '../../engine/sync/rules/queries.ts'
import type { Jobs } from '../../store/jobs/jobs.ts'
import type { Tx } from '../../store/scope.ts'
import { record } from '../operation/record.ts'
import * as queries from './queries.ts'

/** The type by which access profiles name syncs. */
export const syncType = 'data/DataSync'

export interface WantedSync {
  tenantId: number
  nodePath: string
  models: readonly string[]
  fullList: boolean
  /** What asked for it, when that was not a person. */
  cause?: string
}

/**
 * Queues a sync in the caller's transaction, or answers the id of the one already under way;
 * undefined where the tenant leaves out every model that is wanted. Throws a unique violation
 * (`run_active`) when somebody else starts one at the same moment.
 */
export async function queueSync(
  tx: Tx,
  actor: Author,
  jobs: Pick<Jobs, 'enqueue'>,
  { tenantId, nodePath, models, fullList, cause }: WantedSync,
): Promise<{ id: number; joined?: { fullList: boolean } } | undefined> {
  const active = await queries.selectActiveRun(tx, tenantId)
  if (active !== undefined) return { id: active.id, joined: { fullList: active.fullList } }
  const out = await leftOut(tx, tenantId)
  const taken = models.filter((model) => !out.has(model))
  if (taken.length === 0) return undefined
  const id = await queries.insertRun(tx, { tenantId, nodePath, fullList, actor })
  await queries.insertRunModels(tx, id, nodePath, taken)
  const detail = { models: taken, fullList, ...(cause !== undefined && { cause }) }
  const subject = `sync:${id}`
  await record(tx, actor, { nodePath, tenantId, action: 'sync.start', subject, detail })
  await jobs.enqueue(tx, { kind: 'sync', id, scope: nodePath, tenantId })
  return { id }
}

/**
 * The sync under way is the one asked for; what it does not read is marked, to be read right behind
 * it. `now` in milliseconds.
 */
export async function markMissed(
  tx: Tx,
  actor: Author,
  { tenantId, nodePath, models, cause }: WantedSync,
  runId: number,
  now: number,
): Promise<void> {
  const under = new Set((await queries.selectRunModels(tx, [runId])).map(({ model }) => model))
  const missed = models.filter((model) => !under.has(model))
  const due = { dueAt: new Date(now), cause: cause ?? `sync:${runId}`, actor }
  await markModelsDue(tx, { tenantId, nodePath }, missed, due)
}

/** Throws `conflict` when the tenant's syncs leave out one of the models that somebody named. */
export async function requireTakenIn(
  tx: Tx,
  tenantId: number,
  named: readonly string[],
): Promise<void> {
  const out = await leftOut(tx, tenantId)
  const refused = named.filter((model) => out.has(model))
  if (refused.length > 0) throw leavingOut(refused.join(' and '))
}

export function leavingOut(what: string): AppError {
  return new AppError(
    'conflict',
    `Syncs of this tenant leave out ${what}. Nothing was begun; \`patchbay schedule rules\` shows what is left out, and \`patchbay schedule rule <model>\` takes it in again.`,
  )
}

/** Models by name, in reference order. Throws `bad-input` for one that does not exist. */
export function chooseModels(
  models: readonly Model[],
  names: readonly string[] | undefined,
): string[] {
  if (names === undefined) return models.map((model) => model.id)
  const wanted = new Set<string>()
  for (const [index, name] of names.entries()) {
    const model = modelById(models, name)
    if (model === undefined) {
      throw badInput(`body.models.${index}`, 'is no model; `patchbay model list` shows them.')
    }
    wanted.add(model.id)
  }
  return models.map((model) => model.id).filter((id) => wanted.has(id))
}
