import { randomInt } from 'node:crypto'
import { sql } from 'kysely'
import { limits } from '../../src/core/limits.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { advanceSync } from '../../src/engine/sync/advanceSync.ts'
import { inScope } from '../../src/store/scope.ts'
import { outcome } from '../engine/observed.ts'
import { withWires } from '../engine/wires.ts'
import type { World } from '../engine/world.ts'
import { noteSeed } from '../figures/figure.ts'

/**
 * The seed of a random test: PATCHBAY_SEED replays one, otherwise each run has its own. It is
 * printed, so that a failure can be had again.
 */
export function chooseSeed(what: string): number {
  const given = process.env.PATCHBAY_SEED
  const seed = given === undefined ? randomInt(2 ** 31) : Number(given)
  console.info(`${what}: PATCHBAY_SEED=${seed}`)
  noteSeed(seed)
  return seed
}

/** What the faults are tried on: a long list, sub-lists, and one that has no delta. */
const models = ['MSOLUser', 'Groups', 'MsolAccountSku']

/** A sync of the tenant from its request to its end; how it ended. */
export async function sync(world: World, fullList = false, beforeList?: BeforeList) {
  const only = world.models.filter(({ id }) => models.includes(id.split('/')[2] ?? ''))
  const id = await world.newRun(fullList, only)
  const engine = beforeList === undefined ? world.engine : interrupted(world.engine, beforeList)
  const advance = await advanceSync(engine, world.job(id))
  return { id, advance, ...(await outcome(world, id)) }
}

/** Done before each page of a list; what it throws the page fails with. */
type BeforeList = (noun: string) => Promise<void>

function interrupted(engine: Engine, beforeList: BeforeList): Engine {
  return withWires(engine, (wire) => ({
    list: async (model, ...rest) => {
      await beforeList(model.noun)
      return wire.list(model, ...rest)
    },
  }))
}

/** A person's word on the removals a run holds, and the work that follows it. */
export async function decide(
  world: World,
  run: number,
  decision: 'approved' | 'refused',
): Promise<void> {
  await inScope(world.db, world.scope, async (tx) => {
    await sql`
      update removal set state = ${decision} where run_id = ${run} and state = 'held'`.execute(tx)
    await sql`update run set state = 'queued' where id = ${run}`.execute(tx)
  })
  await advanceSync(world.engine, world.job(run))
}

/** The keys a run found gone, by what became of each. */
export async function removals(world: World, run: number): Promise<Record<string, string[]>> {
  return inScope(world.db, world.scope, async (tx) => {
    const { rows } = await sql<{ key: string; state: string }>`
      select key, state from removal where run_id = ${run} order by key`.execute(tx)
    const found: Record<string, string[]> = {}
    for (const { key, state } of rows) found[state] = [...(found[state] ?? []), key]
    return found
  })
}

/** Runs `work` under a smaller bound: to wait for the real one would take hours. */
export async function withLimit(
  name: keyof typeof limits,
  value: number,
  work: () => Promise<void>,
): Promise<void> {
  const real = limits[name]
  Reflect.set(limits, name, value)
  try {
    await work()
  } finally {
    Reflect.set(limits, name, real)
  }
}
