import { type JsonObject, jsonEqual } from '../../src/core/json.ts'
import type { World } from './world.ts'

/**
 * What differs between our copy of the tenant and what the emulator holds: every property that
 * both have, every edge. Empty when they agree.
 */
export async function differences(world: World): Promise<string[]> {
  const truth = await world.microsoft.snapshot()
  return [
    ...(await differingObjects(world, 'device/msgraph/MSOLUser', truth.users)),
    ...(await differingObjects(world, 'device/msgraph/Groups', truth.groups)),
    ...(await differingLinks(world, truth.links)),
  ]
}

/** The emulator's record holds what was assigned to the person; answers add what groups give. */
const derived = ['assignedLicenses']

async function differingObjects(
  world: World,
  model: string,
  truth: readonly JsonObject[],
): Promise<string[]> {
  const rows = await world.query<{ key: string; data: JsonObject }>(
    `select r.key, d.data from resource r join resource_data d using (tenant_id, id)
      join model m on m.id = r.model_id where m.name = $1 and r.removed_at is null`,
    [model],
  )
  const ours = new Map(rows.map((row) => [row.key, row.data]))
  const found: string[] = rows.length === ours.size ? [] : [`${model}: keys are doubled`]
  for (const object of truth) {
    const key = String(object.id)
    const copy = ours.get(key)
    ours.delete(key)
    if (copy === undefined) found.push(`${model} ${key} is missing`)
    for (const name of Object.keys(copy ?? {})) {
      if (derived.includes(name)) continue
      const differs = name in object && !jsonEqual(copy?.[name] ?? null, object[name] ?? null)
      if (differs) found.push(`${model} ${key} differs in ${name}`)
    }
  }
  return [...found, ...[...ours.keys()].map((key) => `${model} ${key} is too many`)]
}

async function differingLinks(world: World, truth: readonly string[]): Promise<string[]> {
  const rows = await world.query<{ line: string }>(
    `select kind || ' ' || from_key || ' ' || to_key as line from link
      where kind in ('manager', 'member', 'owner')`,
  )
  const ours = new Set(rows.map((row) => row.line))
  return [
    ...truth.filter((line) => !ours.delete(line)).map((line) => `link ${line} is missing`),
    ...[...ours].map((line) => `link ${line} is too many`),
  ]
}
