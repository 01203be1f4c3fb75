import { sql } from 'kysely'
import { type JsonObject, jsonEqual } from '../../src/core/json.ts'
import type { Model } from '../../src/core/model.ts'
import { advanceSync } from '../../src/engine/sync/advanceSync.ts'
import { inScope } from '../../src/store/scope.ts'
import { type ModelCounts, outcome } from '../engine/observed.ts'
import type { World } from '../engine/world.ts'
import { plain, readTruth } from './microsoft.ts'

/** Syncs one model and tells how it ended. */
export async function syncOne(world: World, model: Model, fullList = false): Promise<ModelCounts> {
  const id = await world.newRun(fullList, [model])
  await advanceSync(world.engine, world.job(id))
  const { models } = await outcome(world, id)
  const [counts] = Object.values(models)
  if (counts === undefined) throw new Error(`the sync of ${model.id} left nothing`)
  return counts
}

export interface Stored {
  key: string
  id: number
  name: string
  data: JsonObject
}

/** The objects of a model that are there, as stored. */
export async function storedOf(world: World, model: Model): Promise<Stored[]> {
  return inScope(world.db, world.scope, async (tx) => {
    const { rows } = await sql<Stored>`
      select r.key, r.id, r.name, d.data from resource r
      join resource_data d on d.tenant_id = r.tenant_id and d.id = r.id
      join model m on m.id = r.model_id
      where m.name = ${model.id} and r.removed_at is null order by r.key`.execute(tx)
    return rows
  })
}

async function linksFrom(world: World, model: Model, keys: readonly string[]): Promise<string[]> {
  const kinds = model.links.map(({ kind }) => kind)
  return inScope(world.db, world.scope, async (tx) => {
    const { rows } = await sql<{ line: string }>`
      select kind || ' ' || from_key || ' ' || to_key as line from link
      where kind = any(${kinds}) and from_key = any(${[...keys]})`.execute(tx)
    return rows.map(({ line }) => line).sort()
  })
}

/** What differs between our copy of a model's objects and Microsoft's. Empty when they agree. */
export async function differencesOf(world: World, model: Model): Promise<string[]> {
  const truth = await readTruth(world, model)
  const stored = await storedOf(world, model)
  const found: string[] = []
  const ours = new Map(stored.map(({ key, data }) => [key, data]))
  if (ours.size !== stored.length) found.push('keys are doubled')
  for (const [key, object] of truth.objects) {
    const copy = ours.get(key)
    if (copy === undefined) found.push(`${key} is missing`)
    else if (!jsonEqual(plain(copy), plain(object))) found.push(`${key} differs`)
    ours.delete(key)
  }
  for (const key of ours.keys()) found.push(`${key} is too many`)
  const links = new Set(await linksFrom(world, model, [...truth.objects.keys()]))
  for (const line of truth.links) if (!links.delete(line)) found.push(`${line} is missing`)
  for (const line of links) found.push(`${line} is too many`)
  return found
}

/** Everything a sync may write of objects, with the transaction that wrote it. */
export async function writtenRows(world: World): Promise<unknown> {
  return inScope(world.db, world.scope, async (tx) => {
    const { rows } = await sql`
      select 'resource' as what, id::text, xmin::text from resource
      union all select 'data', id::text, xmin::text from resource_data
      union all select 'link', kind || from_key || to_key, xmin::text from link
      union all select 'change', id::text || at::text, xmin::text from resource_change
      order by 1, 2`.execute(tx)
    return rows
  })
}
