import { sql } from 'kysely'
import { type Actor, mayDo, scopesPermitted } from '../../src/core/actor.ts'
import { AppError } from '../../src/core/errors.ts'
import { listRoleGrants } from '../../src/features/access/grants.ts'
import { readAudit } from '../../src/features/audit/audit.ts'
import { listNodes } from '../../src/features/hierarchy/nodes.ts'
import { listPeople } from '../../src/features/people/people.ts'
import { listTokens } from '../../src/features/people/tokens.ts'
import { listSchedules } from '../../src/features/schedules/schedules.ts'
import { eventsFromNow, eventsFromStart, readEvents } from '../../src/store/events.ts'
import { inScope } from '../../src/store/scope.ts'
import type { Holder, ReachWorld } from './reachWorld.ts'

/** What a list showed: the type to read it, and the places of its rows. */
interface Shown {
  type: string
  paths: string[]
}

type Lists = Record<string, (actor: Actor) => Promise<Shown>>

/** The places that rows lie at, read beyond the reach of who looks. */
async function placesOf(
  { bench }: ReachWorld,
  table: string,
  rows: readonly { id: number }[],
): Promise<string[]> {
  const ids = rows.map(({ id }) => id)
  const found = await inScope(bench.store.db, '1.', (tx) =>
    sql<{ path: string }>`
      select node_path as path from ${sql.table(table)} where id = any(${ids})`.execute(tx),
  )
  return found.rows.map(({ path }) => path)
}

function listsOf(world: ReachWorld): Lists {
  const { store } = world.bench
  return {
    async nodes(actor) {
      const { items } = await listNodes(actor, store.db, {})
      return { type: 'relation/HierarchyNode', paths: items.map(({ path }) => path) }
    },
    async people(actor) {
      const { items } = await listPeople(actor, store, {})
      return { type: 'data/Person', paths: await placesOf(world, 'person', items) }
    },
    async roles(actor) {
      const { items } = await listRoleGrants(actor, store.db, {})
      return { type: 'data/RoleGrant', paths: await placesOf(world, 'role_grant', items) }
    },
    async tokens(actor) {
      const { items } = await listTokens(actor, store, {})
      const others = items.filter(({ personId }) => `person:${personId}` !== actor.id)
      const owners = others.flatMap(({ personId }) => (personId === null ? [] : [{ id: personId }]))
      return { type: 'data/AccessToken', paths: await placesOf(world, 'person', owners) }
    },
    async schedules(actor) {
      const { items } = await listSchedules(actor, { store, models: world.models }, {})
      return { type: 'data/Schedule', paths: await placesOf(world, 'schedule', items) }
    },
    async audit(actor) {
      const { items } = await readAudit(actor, store.db, { limit: 20 })
      return { type: 'data/Audit', paths: await placesOf(world, 'audit', items) }
    },
  }
}

/** What happened since somebody looked last. */
function eventsOf({ bench }: ReachWorld): Lists {
  const { db } = bench.store
  let seenUpTo = eventsFromStart
  return {
    async events(actor) {
      const type = 'data/Event'
      const events = await readEvents(db, scopesPermitted(actor, 'Read', type), seenUpTo)
      seenUpTo = await eventsFromNow(db)
      return { type, paths: events.map(({ nodePath }) => nodePath) }
    },
  }
}

/** Looks at one list after the other, each time as somebody else. */
export function createLooker(world: ReachWorld) {
  const counts: Record<string, number> = {}
  const lists = { ...listsOf(world), ...eventsOf(world) }
  const names = Object.keys(lists)
  let turn = 0

  return {
    ...{ names, counts },
    /** Throws where a list shows somebody a row that lies where they may not read such. */
    async look(holder: Holder | undefined): Promise<void> {
      if (holder === undefined) return
      const { actor } = holder
      const name = names[turn++ % names.length] ?? ''
      const shown = await lists[name]?.(actor).catch((error: unknown) => {
        if (error instanceof AppError && error.code === 'not-permitted') return undefined
        throw error
      })
      if (shown === undefined) return
      const { type, paths } = shown
      const beyond = paths.find((path) => !mayDo(actor, 'Read', type, path))
      if (beyond) throw new Error(`${actor.id} is shown ${name} of ${beyond}`)
      counts[name] = (counts[name] ?? 0) + paths.length
    },
  }
}
