import type { Api } from '../../contract/api.ts'
import { type Actor, requirePermission, scopesPermitted } from '../../core/actor.ts'
import { rootPath } from '../../features/hierarchy/root.ts'
import { listJobs } from '../../features/jobs/jobs.ts'
import type { Handlers, StreamedEvent } from '../../http/handlers.ts'
import type { Database } from '../../store/database.ts'
import type { EventFeed } from '../../store/eventFeed.ts'
import {
  type EventCursor,
  eventsFromNow,
  formatCursor,
  parseCursor,
  requireKept,
} from '../../store/events.ts'
import { pingDatabase } from '../../store/health.ts'
import type { ServerDependencies } from '../dependencies.ts'

type Operations = Pick<Handlers<Api>, 'job' | 'event' | 'metrics' | 'health'>

/** What keeps the system running, straight over the store. */
export function operationHandlers(dependencies: ServerDependencies): Operations {
  const { store, feed, metrics } = dependencies
  const { db } = store
  return {
    job: { list: (actor) => listJobs(actor, db) },
    event: {
      async stream(actor, { query, headers }, { signal }) {
        const after = await startOfStream(db, headers['last-event-id'], query.after)
        return events(feed, actor, after, query.subject, signal)
      },
    },
    metrics: {
      async show(actor) {
        // They count everybody's requests and calls, so they belong to the node at the top.
        requirePermission(actor, 'Read', 'data/Metrics', rootPath)
        const { jobs } = await listJobs(actor, db)
        return await metrics.text(jobs)
      },
    },
    health: {
      live: async () => ({ status: 'live' }),
      async ready() {
        await pingDatabase(db)
        return { status: 'ready' }
      },
    },
  }
}

/** The header goes first: a reader who comes back still asks for the address it began with. */
async function startOfStream(
  db: Database,
  lastEventId: string | undefined,
  after: string | undefined,
): Promise<EventCursor> {
  const given = lastEventId ?? after
  if (given === undefined) return await eventsFromNow(db)
  const field = lastEventId === undefined ? 'query.after' : 'headers.last-event-id'
  const cursor = parseCursor(given, field)
  await requireKept(db, cursor, field)
  return cursor
}

async function* events(
  feed: EventFeed,
  actor: Actor,
  after: EventCursor,
  subject: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<StreamedEvent> {
  const options = subject === undefined ? { signal } : { subject, signal }
  const scopes = scopesPermitted(actor, 'Read', 'data/Event')
  for await (const batch of feed.follow(scopes, after, options)) {
    for (const { cursor, at, tenantId, subject: about, kind, data } of batch) {
      const told = { at: at.toISOString(), tenantId, subject: about, data }
      yield { id: formatCursor(cursor), event: kind, data: told }
    }
  }
}
