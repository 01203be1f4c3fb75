import type { Static } from 'typebox'
import type { Sync } from '../../contract/syncs.ts'
import type { Tx } from '../../store/scope.ts'
import { showFailure, showTime } from '../operation/show.ts'
import { type RunModelRow, type RunRow, selectRunModels } from './queries.ts'

export type SyncAnswer = Static<typeof Sync>

export async function showRuns(tx: Tx, runs: readonly RunRow[]): Promise<SyncAnswer[]> {
  const models = Map.groupBy(
    await selectRunModels(
      tx,
      runs.map((run) => run.id),
    ),
    (model) => model.runId,
  )
  return runs.map((run) => showRun(run, models.get(run.id) ?? []))
}

function showRun(run: RunRow, models: readonly RunModelRow[]): SyncAnswer {
  return {
    id: run.id,
    tenantId: run.tenantId,
    state: run.state,
    fullList: run.fullList,
    requestedBy: run.actor.name,
    requestedAt: run.requestedAt.toISOString(),
    startedAt: showTime(run.startedAt),
    endedAt: showTime(run.endedAt),
    error: showFailure(run.error),
    models: models.map(({ runId, startedAt, endedAt, error, ...counts }) => ({
      ...counts,
      startedAt: showTime(startedAt),
      endedAt: showTime(endedAt),
      error: showFailure(error),
    })),
  }
}
