import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Call } from '../../src/core/call.ts'
import type { JsonObject } from '../../src/core/json.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { loadModels } from '../../src/engine/models/load.ts'
import { advanceTransaction } from '../../src/engine/transaction/advanceTransaction.ts'
import {
  readTransaction,
  startTransaction,
  undoTransaction,
} from '../../src/features/transactions/transactions.ts'
import { enqueueJob } from '../../src/store/jobs/job.ts'
import { administrator, startWorld, type World } from '../engine/world.ts'
import { plain, readTruth } from './microsoft.ts'
import { storedOf, syncOne } from './ours.ts'
import { grant, heldPermissions } from './permissions.ts'
import {
  hostileValues,
  longestValues,
  ownPart,
  tooLongValues,
  writableProperties,
} from './values.ts'

const models = (await loadModels('models')).filter(({ update }) => update !== undefined)

let world: World
let allRoles: readonly string[] = []
/** Every call a transaction sends, as data, before a connector makes it a request. */
let sent: Call[] = []

beforeAll(async () => {
  world = await startWorld({ users: 30, groups: 20, seed: 7 })
  allRoles = await heldPermissions(world)
})
afterEach(async () => {
  await world.control.clearFaults()
  expect(await world.control.violations()).toEqual([])
})
afterAll(() => world.close())

/** The engine as it is, with a listener between it and the wire. */
function overheard(): Engine {
  return {
    ...world.engine,
    openWires: async (...asked) => {
      const wires = await world.engine.openWires(...asked)
      const wire = (name: string) => {
        const real = wires.wire(name)
        return {
          ...real,
          send: (...asked: Parameters<typeof real.send>) => {
            sent.push(asked[0])
            return real.send(...asked)
          },
        }
      }
      return { ...wires, wire }
    },
  }
}

const parts = () => ({ engine: world.engine, jobs: { enqueue: enqueueJob } })

/** Does a transaction that was queued, as a worker would. */
async function carryOut(id: number) {
  sent = []
  await advanceTransaction(overheard(), world.job(id))
  return readTransaction(administrator, world.db, id)
}

async function change(model: string, ref: string, set: JsonObject) {
  const body = { steps: [{ do: 'update' as const, model, ref, set }] }
  const { id } = await startTransaction(administrator, parts(), world.tenantId, body, undefined)
  return carryOut(id)
}

async function undo(earlier: number) {
  const { id } = await undoTransaction(administrator, parts(), earlier, undefined)
  return carryOut(id)
}

for (const model of models)
  describe(model.id, () => {
    let key = ''
    let before: JsonObject = {}

    beforeAll(async () => {
      await grant(world, allRoles)
      await syncOne(world, model)
      // One who holds no role, by this seed: people who do are protected.
      key = (await storedOf(world, model)).at(-1)?.key ?? ''
      before = await atMicrosoft()
    })

    async function atMicrosoft(): Promise<JsonObject> {
      const { objects } = await readTruth(world, model)
      return objects.get(key) ?? {}
    }

    async function ours(): Promise<JsonObject> {
      return (await storedOf(world, model)).find((object) => object.key === key)?.data ?? {}
    }

    const place = () => ({ domain: world.access.domain, current: before })

    it.each([
      ['the longest values', longestValues],
      ['values that look like code', hostileValues],
    ])('takes %s of all that can be written, and gives them back', async (_what, make) => {
      const wanted = make(model, place())
      expect(Object.keys(wanted)).toEqual(writableProperties(model).map(({ name }) => name))
      for (const [name, value] of Object.entries(wanted))
        expect(value, name).not.toEqual(before[name])

      const done = await change(model.id, key, wanted)
      expect(done).toMatchObject({ state: 'succeeded', error: null })
      const after = plain(ownPart(model, { ...before, ...wanted }))
      expect(plain(ownPart(model, await atMicrosoft()))).toEqual(after)
      expect(plain(ownPart(model, await ours()))).toEqual(after)
      // Nothing but the key stands in the address; the values travel beside it.
      const path = model.update?.call.split('/').map((part) => (part === '{key}' ? key : part))
      expect(sent.map((call) => ({ path: call.path, query: call.query }))).toEqual([
        { path, query: {} },
      ])

      expect(await change(model.id, key, wanted)).toMatchObject({ state: 'succeeded' })
      expect(sent).toEqual([])

      expect(await undo(done.id)).toMatchObject({ state: 'succeeded', undoes: done.id })
      expect(sent).toHaveLength(1)
      expect(plain(await atMicrosoft())).toEqual(plain(before))
      expect(plain(await ours())).toEqual(plain(before))
    })

    it.each(tooLongValues(model))(
      'refuses a %s that is too long, before anything is sent',
      async (name, set) => {
        await world.control.clearCalls()
        await expect(change(model.id, key, set)).rejects.toMatchObject({
          code: 'bad-input',
          fields: [{ field: `body.steps.0.set.${name}` }],
        })
        expect(await world.control.calls()).toEqual([])
      },
    )

    it('needs the permissions it declares for writing, all of them and no more', async () => {
      const { read, write } = model.needs
      const wanted = longestValues(model, place())
      await grant(world, [...read, ...write])
      const done = await change(model.id, key, wanted)
      expect(done).toMatchObject({ state: 'succeeded' })
      await undo(done.id)
      for (const missing of write) {
        await grant(world, [...read, ...write.filter((name) => name !== missing)])
        const refused = await change(model.id, key, wanted)
        expect({ missing, ...refused }).toMatchObject({
          ...{ missing, state: 'undone', error: { code: 'consent-missing' } },
        })
        await grant(world, read)
        expect(plain(await atMicrosoft())).toEqual(plain(before))
      }
    })
  })
