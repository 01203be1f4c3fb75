import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../src/core/json.ts'
import { loadModels } from '../../src/engine/models/load.ts'
import { startWorld, type World } from '../engine/world.ts'
import { plain, readTruth } from './microsoft.ts'
import { storedOf, syncOne } from './ours.ts'
import { type Transactions, transactionsIn } from './transactions.ts'
import { newValues } from './values.ts'

const models = await loadModels('models')
const made = models.filter(({ create }) => create !== undefined)
const readOnly = models.filter(({ update }) => update === undefined)

let world: World
let transactions: Transactions

beforeAll(async () => {
  world = await startWorld({ users: 20, groups: 10, seed: 7 })
  transactions = transactionsIn(world)
})
afterEach(async () => {
  await world.control.clearFaults()
  expect(await world.control.violations()).toEqual([])
})
afterAll(() => world.close())

for (const model of made)
  describe(`${model.id}, made and deleted`, () => {
    const by = model.create?.by ?? ''
    const password = model.create?.password ? { password: 'Correct-Horse-9!' } : {}
    const values = (suffix: string) => newValues(model, world.access.domain, suffix)

    /** The one with these values, as Microsoft has it. */
    async function atMicrosoft(set: JsonObject): Promise<JsonObject | undefined> {
      const { objects } = await readTruth(world, model)
      return [...objects.values()].find((object) => object[by] === set[by])
    }

    it('is made with all that is asked, found in our copy, and taken back', async () => {
      const set = values('One')
      const done = await transactions.start([{ do: 'create', model: model.id, set, ...password }])
      expect(done).toMatchObject({ state: 'succeeded', error: null })
      const there = await atMicrosoft(set)
      expect(plain(there ?? null)).toMatchObject(Object(plain(set)))
      const ours = (await storedOf(world, model)).find(({ data }) => data[by] === set[by])
      expect(plain(ours?.data ?? null)).toEqual(plain(there ?? {}))

      expect(await transactions.undo(done.id)).toMatchObject({ state: 'succeeded' })
      expect(await atMicrosoft(set)).toBeUndefined()
      expect((await storedOf(world, model)).map(({ data }) => data[by])).not.toContain(set[by])
    })

    it('is not made twice: another of the same name is refused and nothing is sent', async () => {
      const set = values('Two')
      const step = { do: 'create' as const, model: model.id, set, ...password }
      expect(await transactions.start([step])).toMatchObject({ state: 'succeeded' })
      expect(await transactions.start([step])).toMatchObject({
        ...{ state: 'undone', error: { code: 'microsoft-conflict' } },
      })
      expect(transactions.sent()).toEqual([])
    })

    it('is deleted with a way back, and brought back as it was', async () => {
      await syncOne(world, model)
      const [object] = (await storedOf(world, model)).slice(-2)
      const before = await readTruth(world, model)
      const ref = object?.key ?? ''
      const done = await transactions.start([{ do: 'delete', model: model.id, ref }])
      expect(done).toMatchObject({ state: 'succeeded', error: null })
      expect((await readTruth(world, model)).objects.has(ref)).toBe(false)
      expect((await storedOf(world, model)).map(({ key }) => key)).not.toContain(ref)

      expect(await transactions.undo(done.id)).toMatchObject({ state: 'succeeded' })
      const after = await readTruth(world, model)
      expect(plain(after.objects.get(ref) ?? null)).toEqual(plain(before.objects.get(ref) ?? {}))
      expect((await storedOf(world, model)).map(({ key }) => key)).toContain(ref)
    })
  })

for (const model of readOnly)
  describe(`${model.id}, read only`, () => {
    const links = model.links.filter(({ call }) => call !== undefined).map(({ kind }) => kind)

    it('refuses every change before anything is sent', async () => {
      await syncOne(world, model)
      const [object] = await storedOf(world, model)
      const ref = object?.key ?? 'nothing'
      const target = { ref, model: model.id }
      await world.control.clearCalls()
      for (const step of [
        { ...target, do: 'update' as const, set: { [model.name]: 'Changed' } },
        { ...target, do: 'delete' as const },
        { do: 'create' as const, model: model.id, set: { [model.name]: 'Made' } },
        ...links.map((link) => ({ ...target, do: 'link' as const, link, to: ref })),
      ]) {
        await expect(transactions.start([step]), step.do).rejects.toMatchObject({
          code: 'bad-input',
        })
      }
      expect(await world.control.calls()).toEqual([])
    })
  })
