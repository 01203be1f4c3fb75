import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { loadModels } from '../../src/engine/models/load.ts'
import { startWorld, type World } from '../engine/world.ts'
import { plain, readTruth } from './microsoft.ts'
import { storedOf, syncOne } from './ours.ts'
import { grant, heldPermissions } from './permissions.ts'
import { type Transactions, transactionsIn } from './transactions.ts'
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
let transactions: Transactions

beforeAll(async () => {
  world = await startWorld({ users: 30, groups: 20, seed: 7 })
  allRoles = await heldPermissions(world)
  transactions = transactionsIn(world)
})
afterEach(async () => {
  await world.control.clearFaults()
  expect(await world.control.violations()).toEqual([])
})
afterAll(() => world.close())

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

      const done = await transactions.update(model.id, key, wanted)
      expect(done).toMatchObject({ state: 'succeeded', error: null })
      const after = plain(ownPart(model, { ...before, ...wanted }))
      expect(plain(ownPart(model, await atMicrosoft()))).toEqual(after)
      expect(plain(ownPart(model, await ours()))).toEqual(after)
      // Nothing but the key stands in the address; the values travel beside it.
      const path = model.update?.call.split('/').map((part) => (part === '{key}' ? key : part))
      expect(transactions.sent().map((call) => ({ path: call.path, query: call.query }))).toEqual([
        { path, query: {} },
      ])

      expect(await transactions.update(model.id, key, wanted)).toMatchObject({ state: 'succeeded' })
      expect(transactions.sent()).toEqual([])

      expect(await transactions.undo(done.id)).toMatchObject({
        state: 'succeeded',
        undoes: done.id,
      })
      expect(transactions.sent()).toHaveLength(1)
      expect(plain(await atMicrosoft())).toEqual(plain(before))
      expect(plain(await ours())).toEqual(plain(before))
    })

    it.each(tooLongValues(model))(
      'refuses a %s that is too long, before anything is sent',
      async (name, set) => {
        await world.control.clearCalls()
        await expect(transactions.update(model.id, key, set)).rejects.toMatchObject({
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
      const done = await transactions.update(model.id, key, wanted)
      expect(done).toMatchObject({ state: 'succeeded' })
      await transactions.undo(done.id)
      for (const missing of write) {
        await grant(world, [...read, ...write.filter((name) => name !== missing)])
        const refused = await transactions.update(model.id, key, wanted)
        expect({ missing, ...refused }).toMatchObject({
          ...{ missing, state: 'undone', error: { code: 'consent-missing' } },
        })
        await grant(world, read)
        expect(plain(await atMicrosoft())).toEqual(plain(before))
      }
    })
  })
