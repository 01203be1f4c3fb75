import type { jobRoutes } from '../../contract/operations.ts'
import type { RouteAnswer } from '../../contract/route.ts'
import { type Actor, requirePermission } from '../../core/actor.ts'
import { limits } from '../../core/limits.ts'
import type { Database } from '../../store/database.ts'
import { inScope } from '../../store/scope.ts'
import { selectJobs, selectWorkers } from './queries.ts'

/** What waits or runs within the scope, and the processes that work it. */
export async function listJobs(
  actor: Actor,
  db: Database,
): Promise<RouteAnswer<typeof jobRoutes.list>> {
  requirePermission(actor, 'Read', 'data/Job', actor.scope)
  const jobs = await inScope(db, actor.scope, (tx) => selectJobs(tx, limits.listRowsMax))
  const workers = await selectWorkers(db)
  return {
    jobs: jobs.map(({ requestedAt, ...job }) => ({
      ...job,
      requestedAt: requestedAt.toISOString(),
    })),
    workers: workers.map(({ id, startedAt, seenAt }) => ({
      id,
      startedAt: startedAt.toISOString(),
      seenAt: seenAt.toISOString(),
    })),
  }
}
