import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Actor, mayDo } from '../../src/core/actor.ts'
import { AppError } from '../../src/core/errors.ts'
import { seededRandom } from '../../src/emulator/random.ts'
import { findActorAgain } from '../../src/server/access.ts'
import { figure, fullSize } from '../figures/figure.ts'
import { actions } from './reachActions.ts'
import { createLooker } from './reachSeen.ts'
import {
  type Holder,
  holdersOf,
  openReachWorld,
  operations,
  type ReachWorld,
  replenish,
  types,
} from './reachWorld.ts'
import { provider } from './support.ts'

/**
 * Sequences of what administrators and their tokens do, by chance. Whoever acts may be refused;
 * whatever was done, nobody may afterwards hold what the one who did it did not hold there, nor see
 * what lies where they hold nothing. A sequence is five actions in a world that goes on. 2,000
 * actions as a rule; in full size, all 50,000.
 */
const sequences = fullSize ? 10_000 : 400
const seed = Number(process.env.PATCHBAY_SEED ?? Date.now() % 2 ** 31)
const random = seededRandom(seed, 'reach')

let world: ReachWorld

beforeAll(async () => {
  world = await openReachWorld(random)
})
afterAll(() => world.bench.close())

type Holders = ReadonlyMap<string, Holder>

/** The chief, first of the people, may what others are refused: not every seed moved a node. */
async function somebody(holders: Holders, name: string): Promise<Actor | undefined> {
  const chance = random()
  const able = name === 'move' ? movers(holders) : []
  if (able.length > 0 && chance > 0.2) return world.pick(able)
  if (chance < 0.2) return holders.get(`person:${world.people[0]?.id}`)?.actor
  if (chance > 0.35 || world.tokens.length === 0) {
    return holders.get(`person:${world.pick(world.people).id}`)?.actor
  }
  // As the server would have it act, within its bounds.
  const { db, clock } = world.bench.store
  return await findActorAgain({ db, clock }, `token:${world.pick(world.tokens)}`)
}

/** Most of what can go wrong goes wrong by giving and moving; some is refused nearly always. */
const choice = [
  ...[...Object.keys(actions), 'enable', 'enable', 'node', 'dropNode'],
  ...[...Array(8).fill('grant'), ...Array(4).fill('move')],
]

/** Who may move from one customer to another, and may not all there is. */
function movers(holders: Holders): Actor[] {
  const resellers = world.nodes.filter(({ kind }) => kind === 'reseller')
  return [...holders.values()].flatMap(({ actor }) => {
    const isOne = resellers.some(
      ({ path }) =>
        mayDo(actor, 'Update', 'relation/HierarchyNode', path) &&
        !mayDo(actor, 'Update', 'device/x', path),
    )
    return isOne ? [actor] : []
  })
}

const asSaid = [[sequences, seed]]

it.each(asSaid)(
  "D4: %i of 10,000 random sequences let nobody's reach grow but by who had it (PATCHBAY_SEED=%i)",
  async () => {
    const done: Record<string, number> = {}
    const looker = createLooker(world)
    let before: Holders = new Map()
    for (let action = 0; action < sequences * 5; action++) {
      if (action % 10 === 0) {
        await replenish(world)
        before = await holdersOf(world)
      }
      const name = world.pick(choice)
      const actor = name === 'due' ? provider : await somebody(before, name)
      if (actor === undefined) continue
      const places = new Map(world.nodes.map(({ id, path }) => [id, path]))
      const became = await tried(name, actor)
      if (became === false) continue
      done[name] = (done[name] ?? 0) + 1
      const after = await holdersOf(world)
      const what = `${name} by ${actor.id}`
      if (became) requireNoGain(actor, actor, after.get(became)?.actor, places, what)
      for (const [id, holder] of after) {
        const same = JSON.stringify(holder) === JSON.stringify(before.get(id))
        if (same && name !== 'move') continue
        requireNoGain(actor, before.get(id)?.actor, holder.actor, places, what)
      }
      before = after
      await looker.look(after.get(`person:${world.pick(world.people).id}`))
    }
    figure('sequences of five actions', sequences, fullSize ? '>= 10000' : '>= 400')
    // It would prove nothing were everything refused, or nothing shown.
    for (const name of Object.keys(actions)) expect(done[name] ?? 0, name).toBeGreaterThan(0)
    for (const name of looker.names) expect(looker.counts[name] ?? 0, name).toBeGreaterThan(0)
  },
  Math.max(120_000, sequences * 400),
)

/** False when it was refused; else whoever the actor may be from now on, if anybody. */
async function tried(name: string, actor: Actor): Promise<string | undefined | false> {
  try {
    return await actions[name]?.(world, actor)
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'internal') throw error
    return false
  }
}

/** `places`: where the nodes were before. What somebody may newly do the actor could do there. */
function requireNoGain(
  actor: Actor,
  before: Actor | undefined,
  after: Actor | undefined,
  places: ReadonlyMap<number, string>,
  what: string,
): void {
  if (after === undefined) return
  for (const { id, path } of world.nodes) {
    const was = places.get(id) ?? path
    for (const type of types) {
      for (const operation of operations) {
        if (!mayDo(after, operation, type, path)) continue
        if (before && mayDo(before, operation, type, was)) continue
        if (mayDo(actor, operation, type, was)) continue
        throw new Error(`${what} gave ${after.id} ${operation} on ${type} at ${path}`)
      }
    }
  }
}
