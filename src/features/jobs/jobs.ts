import type { jobRoutes } from '../../contract/operations.ts'
import type { RouteAnswer } from '../../contract/route.ts'
import { type Actor, scopesPermitted } from '../../core/actor.ts'
import { limits } from '../../core/limits.ts'
import type { Database } from '../../store/database.ts'
import { inScope } from '../../store/scope.ts'
import { selectJobs, selectWorkers } from './queries.ts'

/** What waits or runs within the scope, and the processes that work it. */
export async function listJobs(
  actor: Actor,
  db: Database,
): Promise<RouteAnswer<typeof jobRoutes.list>> {
  const scopes = scopesPermitted(actor, 'Read', 'data/Job')
  const jobs = await inScope(db, scopes, (tx) => selectJobs(tx, limits.listRowsMax))
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
