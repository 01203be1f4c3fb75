import type { Actor } from '../../core/actor.ts'
import { badInput } from '../../core/errors.ts'
import type { Model } from '../../core/model.ts'
import { modelById } from '../../engine/engine.ts'
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
 * Queues a sync in the caller's transaction, or answers the id of the one already under way.
 * Throws a unique violation (`run_active`) when somebody else starts one at the same moment.
 */
export async function queueSync(
  tx: Tx,
  actor: Actor,
  jobs: Pick<Jobs, 'enqueue'>,
  { tenantId, nodePath, models, fullList, cause }: WantedSync,
): Promise<{ id: number; joined: boolean }> {
  const active = await queries.selectActiveRun(tx, tenantId)
  if (active !== undefined) return { id: active.id, joined: true }
  const id = await queries.insertRun(tx, { tenantId, nodePath, fullList, actor })
  await queries.insertRunModels(tx, id, nodePath, models)
  const detail = { models: [...models], fullList, ...(cause !== undefined && { cause }) }
  const subject = `sync:${id}`
  await record(tx, actor, { nodePath, tenantId, action: 'sync.start', subject, detail })
  await jobs.enqueue(tx, { kind: 'sync', id, scope: nodePath, tenantId })
  return { id, joined: false }
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
