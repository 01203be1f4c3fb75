import { sql } from 'kysely'
import type { JsonObject } from '../../src/core/json.ts'
import { inScope } from '../../src/store/scope.ts'
import type { World } from './world.ts'

/** What our side holds of a tenant, in the shape of the emulator's snapshot. */
async function observed(world: World) {
  return inScope(world.db, world.scope, async (tx) => {
    const { rows } = await sql<{ model: string; data: JsonObject }>`
      select m.name as model, d.data from resource r
      join resource_data d on d.tenant_id = r.tenant_id and d.id = r.id
      join model m on m.id = r.model_id
      where r.removed_at is null order by r.key`.execute(tx)
    const links = await sql<{ line: string }>`
      select kind || ' ' || from_key || ' ' || to_key as line from link
      where kind in ('manager', 'member', 'owner') order by 1`.execute(tx)
    const of = (model: string) => rows.filter((row) => row.model.endsWith(model))
    return {
      users: of('MSOLUser').map((row) => row.data),
      groups: of('Groups').map((row) => row.data),
      links: links.rows.map((row) => row.line).sort(),
    }
  })
}

/** The differences between our copy and the emulated tenant: empty when they agree. */
export async function disagreements(world: World): Promise<string[]> {
  const truth = await world.control.snapshot()
  const ours = await observed(world)
  const found: string[] = []
  for (const kind of ['users', 'groups'] as const) {
    const mine = new Map(ours[kind].map((object) => [object.id, object]))
    for (const object of truth[kind]) {
      const copy = mine.get(object.id ?? null)
      mine.delete(object.id ?? null)
      if (copy === undefined) found.push(`${kind}: ${object.id} is missing`)
      else if (image(copy) !== image(object)) found.push(`${kind}: ${object.id} differs`)
    }
    for (const key of mine.keys()) found.push(`${kind}: ${key} is too many`)
  }
  const links = new Set(truth.links)
  for (const line of ours.links) if (!links.delete(line)) found.push(`link: ${line} is too many`)
  for (const line of links) found.push(`link: ${line} is missing`)
  return found
}

const compared = ['displayName', 'userPrincipalName', 'department', 'mail', 'accountEnabled']

function image(object: JsonObject): string {
  return JSON.stringify(compared.map((name) => object[name] ?? null))
}

export interface ModelCounts {
  model: string
  phase: string
  added: number
  updated: number
  removed: number
  unchanged: number
  rejected: number
  requests: number
  error: JsonObject | null
}

export async function outcome(world: World, run: number) {
  return inScope(world.db, world.scope, async (tx) => {
    const models = await sql<ModelCounts>`
      select split_part(m.name, '/', 3) as model, phase, added, updated, removed, unchanged,
        rejected, requests, error from run_model join model m on m.id = model_id
      where run_id = ${run} order by seq`.execute(tx)
    const runs = await sql<{ state: string; error: JsonObject | null }>`
      select state, error from run where id = ${run}`.execute(tx)
    const byName = Object.fromEntries(models.rows.map((row) => [row.model, row]))
    return { state: runs.rows[0]?.state, error: runs.rows[0]?.error, models: byName }
  })
}

/** How often rows of a table were written, as PostgreSQL's own transaction ids tell. */
export async function lastWrite(world: World, table: 'resource' | 'resource_data' | 'link') {
  return inScope(world.db, world.scope, async (tx) => {
    const { rows } = await sql<{ xmin: string; count: number }>`
      select max(xmin::text::bigint) as xmin, count(*) as count from ${sql.table(table)}`.execute(
      tx,
    )
    return rows[0]
  })
}
