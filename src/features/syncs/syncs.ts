import type { RouteInput } from '../../contract/route.ts'
import type { syncRoutes } from '../../contract/syncs.ts'
import {
  type Actor,
  type Operation,
  requirePermission,
  scopesOf,
  scopesPermitted,
} from '../../core/actor.ts'
import type { Clock } from '../../core/clock.ts'
import { AppError } from '../../core/errors.ts'
import type { Models } from '../../engine/models/versions/versions.ts'
import type { Database } from '../../store/database.ts'
import { isUniqueViolation } from '../../store/errors.ts'
import type { Jobs } from '../../store/jobs/jobs.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { withheld } from '../access/withheld.ts'
import { notFound } from '../operation/notFound.ts'
import { idCursor, type PageOf, type PageQuery, readPage } from '../operation/paging.ts'
import { record } from '../operation/record.ts'
import { permittedTenantPath } from '../tenants/access.ts'
import * as queries from './queries.ts'
import {
  chooseModels,
  leavingOut,
  markMissed,
  queueSync,
  requireTakenIn,
  syncType,
} from './queueSync.ts'
import { type SyncAnswer, showRuns } from './show.ts'

export interface SyncDependencies {
  db: Database
  jobs: Pick<Jobs, 'enqueue'>
  models: Models
  clock: Pick<Clock, 'now'>
}

type StartBody = RouteInput<typeof syncRoutes.start>['body']

/**
 * Queues a sync of all models or of those named; joins the one already under way, so that asking
 * twice is asking once, and what that one does not read is synced behind it. Throws `bad-input` for
 * a model that does not exist, `conflict` for one that the tenant's syncs leave out, and for full
 * lists where the sync under way reads changes.
 */
export async function startSync(
  actor: Actor,
  dependencies: SyncDependencies,
  tenantId: number,
  body: StartBody,
): Promise<SyncAnswer> {
  const { db, jobs, models, clock } = dependencies
  const wanted = chooseModels(await models.current(), body.models)
  try {
    return await inScope(db, scopesOf(actor), async (tx) => {
      const nodePath = await permittedTenantPath(tx, actor, 'Execute', syncType, tenantId, 'share')
      const fullList = body.fullList ?? false
      const sync = { tenantId, nodePath, models: wanted, fullList }
      if (body.models !== undefined) await requireTakenIn(tx, tenantId, wanted)
      const queued = await queueSync(tx, actor, jobs, sync)
      if (queued === undefined) throw leavingOut('every model')
      const { id, joined } = queued
      if (joined && fullList && !joined.fullList) throw readingChanges(id)
      if (joined) await markMissed(tx, actor, sync, id, clock.now())
      return showOne(tx, id)
    })
  } catch (error) {
    // Somebody else started one between our look and our write: it is there now.
    if (isUniqueViolation(error, 'run_active')) {
      return startSync(actor, dependencies, tenantId, body)
    }
    throw error
  }
}

function readingChanges(id: number): AppError {
  return new AppError(
    'conflict',
    `Sync ${id} of this tenant is under way and reads changes only. Nothing was begun; ask for full lists when it has ended (\`patchbay sync show ${id}\` tells), or cancel it.`,
  )
}

export async function listSyncs(
  actor: Actor,
  db: Database,
  query: PageQuery & { tenantId?: number | undefined },
): Promise<PageOf<SyncAnswer>> {
  const scopes = scopesPermitted(actor, 'Read', syncType)
  const before = query.after === undefined ? undefined : idCursor(query.after)
  return inScope(db, scopes, async (tx) => {
    const page = await readPage(
      query,
      (limit) => queries.selectRuns(tx, query.tenantId, before, limit),
      (run) => run,
      (run) => String(run.id),
    )
    return { items: await showRuns(tx, page.items), next: page.next }
  })
}

export async function readSync(actor: Actor, db: Database, id: number): Promise<SyncAnswer> {
  return inScope(db, scopesOf(actor), async (tx) => {
    await permittedRun(tx, actor, 'Read', id)
    return showOne(tx, id)
  })
}

/** Takes effect behind the page being stored. Throws `conflict` when the sync has ended. */
export async function cancelSync(actor: Actor, db: Database, id: number): Promise<SyncAnswer> {
  return inScope(db, scopesOf(actor), async (tx) => {
    const run = await permittedRun(tx, actor, 'Execute', id, true)
    if (run.state !== 'queued' && run.state !== 'running') {
      throw new AppError('conflict', `Sync ${id} has ended (${run.state}); nothing is to cancel.`)
    }
    const { nodePath, tenantId } = run
    const subject = `sync:${id}`
    await record(tx, actor, { nodePath, tenantId, action: 'sync.cancel', subject, detail: {} })
    await queries.askToCancelRun(tx, id)
    return showOne(tx, id)
  })
}

export async function listRejected(actor: Actor, db: Database, id: number, query: PageQuery) {
  const offset = idCursor(query.after)
  return inScope(db, scopesOf(actor), async (tx) => {
    const { nodePath } = await permittedRun(tx, actor, 'Read', id)
    let shown = offset
    return readPage(
      query,
      (limit) => queries.selectRejected(tx, id, offset, limit),
      (row) => {
        shown++
        const { model, key, reason } = row
        const hidden = withheld(actor, [model], nodePath)
        const told = hidden === undefined ? { key, reason } : { key: null, reason: hidden }
        return { model, ...told, at: row.at.toISOString() }
      },
      () => String(shown),
    )
  })
}

export async function listRemovals(
  actor: Actor,
  db: Database,
  id: number,
  query: PageQuery & { state?: string | undefined },
): Promise<PageOf<queries.RemovalRow>> {
  const after = idCursor(query.after)
  return inScope(db, scopesOf(actor), async (tx) => {
    const { nodePath } = await permittedRun(tx, actor, 'Read', id)
    return readPage(
      query,
      (limit) => queries.selectRemovals(tx, id, query.state, after, limit),
      (row) => {
        const hidden = withheld(actor, [row.model], nodePath)
        return hidden === undefined ? row : { ...row, key: '', name: hidden }
      },
      (row) => String(row.id),
    )
  })
}

type DecideBody = RouteInput<typeof syncRoutes.decide>['body']

/**
 * A person's word on the held removals; a worker then carries it out. Throws `conflict` when
 * nothing is held, or while another sync of the tenant is under way.
 */
export async function decideRemovals(
  actor: Actor,
  { db, jobs, models }: SyncDependencies,
  id: number,
  body: DecideBody,
): Promise<SyncAnswer> {
  const chosen = body.models && chooseModels(await models.current(), body.models)
  const decision = body.decision === 'approve' ? 'approved' : 'refused'
  try {
    return await inScope(db, scopesOf(actor), async (tx) => {
      const run = await permittedRun(tx, actor, 'Delete', id, true)
      const { nodePath, tenantId } = run
      await record(tx, actor, {
        nodePath,
        tenantId,
        action: `removals.${body.decision}`,
        subject: `sync:${id}`,
        detail: { models: chosen ?? null },
      })
      const count = await queries.decideRemovals(tx, id, decision, chosen)
      if (run.state !== 'awaiting-approval' || count === 0) {
        throw new AppError('conflict', `Sync ${id} holds no such removals (any more).`)
      }
      await queries.requeueRun(tx, id)
      await jobs.enqueue(tx, { kind: 'sync', id, scope: nodePath, tenantId })
      return showOne(tx, id)
    })
  } catch (error) {
    if (!isUniqueViolation(error, 'run_active')) throw error
    const why =
      'Another sync of this tenant is under way. Nothing was decided; repeat it afterwards.'
    throw new AppError('conflict', why, { cause: error })
  }
}

async function permittedRun(
  tx: Tx,
  actor: Actor,
  operation: Operation,
  id: number,
  lock = false,
): Promise<queries.RunRow> {
  const run = await queries.selectRun(tx, id, lock)
  if (run === undefined) throw notFound('sync')
  requirePermission(actor, operation, syncType, run.nodePath)
  return run
}

async function showOne(tx: Tx, id: number): Promise<SyncAnswer> {
  const run = await queries.selectRun(tx, id)
  const [shown] = run === undefined ? [] : await showRuns(tx, [run])
  if (shown === undefined) throw notFound('sync')
  return shown
}
