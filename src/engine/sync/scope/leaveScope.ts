import type { Model } from '../../../core/model.ts'
import { writeAudit } from '../../../store/audit.ts'
import { inScope, type Tx } from '../../../store/scope.ts'
import { commitAs, type ModelSync } from '../modelSync.ts'
import { type Run, type RunModel, recordChanges } from '../queries.ts'
import { markRemoved, settleRemovals } from '../removals/queries.ts'
import { inScopeOf } from './inScope.ts'
import { absentWithData } from './queries.ts'

/** Objects of which one look decides: as many as are read with their data at once. */
const chunkSize = 500

/**
 * Takes objects that the tenant's scope leaves out from our copy. They are still at Microsoft, so
 * this counts as no removal and needs no yes; should they come back, so do their rows.
 */
export async function leaveScope(
  tx: Tx,
  run: Run,
  model: Model,
  leaving: readonly { id: number; key: string }[],
): Promise<void> {
  if (leaving.length === 0) return
  await writeAudit(tx, {
    nodePath: run.nodePath,
    actor: run.actor,
    action: 'resource.left-scope',
    tenantId: run.tenantId,
    subject: `sync:${run.id}`,
    detail: { model: model.id, keys: leaving.map(({ key }) => key) },
  })
  const patch = [{ property: 'inScope', before: true, after: false }]
  const changes = leaving.map(({ id }) => ({ id, patch }))
  await recordChanges(tx, run, `run:${run.id}`, changes)
  const ids = leaving.map(({ id }) => id)
  await markRemoved(tx, run.tenantId, ids)
}

/**
 * A list narrowed by the scope does not show whom the scope leaves out: of those it did not show,
 * the ones that are outside by what is stored of them leave, before the rest counts as absent.
 */
export async function leaveAbsent(sync: ModelSync, state: RunModel): Promise<void> {
  const { engine, run, model, scope } = sync
  if (scope === undefined || !state.listed) return
  const isInside = inScopeOf(model, scope)
  let after = 0
  for (;;) {
    const chunk = await inScope(engine.db, run.nodePath, (tx) =>
      absentWithData(tx, run.id, state.modelId, after, chunkSize),
    )
    const last = chunk.at(-1)
    if (last === undefined) return
    const leaving = chunk.filter(({ data }) => !isInside(data))
    await inScope(engine.db, run.nodePath, async (tx) => {
      await commitAs(tx, run)
      await leaveScope(tx, run, model, leaving)
      const ids = leaving.map(({ id }) => id)
      await settleRemovals(tx, run.id, ids, 'disproved')
    })
    after = last.id
  }
}
