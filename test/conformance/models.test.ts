import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { loadModels } from '../../src/engine/models/load.ts'
import { startWorld, type World } from '../engine/world.ts'
import { changeBehind, neverRemoved, removeBehind } from './changes.ts'
import { isWhole } from './microsoft.ts'
import { differencesOf, storedOf, syncOne, writtenRows } from './ours.ts'
import { grant, heldPermissions } from './permissions.ts'

/** Whatever lies in the folder: a further file is asked the same without a word here. */
const models = await loadModels('models')
const smallPage = 7

let world: World
let allRoles: readonly string[] = []

beforeAll(async () => {
  world = await startWorld({ users: 60, groups: 25, seed: 7 })
  allRoles = await heldPermissions(world)
})
afterEach(async () => {
  await world.control.clearFaults()
  expect(await world.control.violations()).toEqual([])
})
afterAll(() => world.close())

for (const model of models)
  describe(model.id, () => {
    beforeAll(() => grant(world, allRoles))

    it('is read as Microsoft has it, each object once', async () => {
      const counts = await syncOne(world, model)
      const stored = await storedOf(world, model)
      expect(counts).toMatchObject({
        phase: 'done',
        added: stored.length,
        rejected: 0,
        error: null,
      })
      expect(stored.length).toBeGreaterThan(0)
      expect(await differencesOf(world, model)).toEqual([])
    })

    it('costs one request and no written row when nothing changed', async () => {
      const before = await writtenRows(world)
      const counts = await syncOne(world, model)
      expect(counts).toMatchObject({ phase: 'done', requests: 1, added: 0, updated: 0, removed: 0 })
      expect(await writtenRows(world)).toEqual(before)
    })

    it('is the same in small pages', async () => {
      const before = await writtenRows(world)
      await world.control.clearCalls()
      world.settings.pageSize = smallPage
      const counts = await syncOne(world, model, true)
      world.settings.pageSize = 999
      const count = (await storedOf(world, model)).length
      expect(counts).toMatchObject({ phase: 'done', unchanged: count, updated: 0, rejected: 0 })
      expect(await writtenRows(world)).toEqual(before)
      const list = `/v1.0/${model.list.call}?`
      const lists = (await world.control.calls()).filter(({ path }) => path.startsWith(list))
      if (!isWhole(model)) expect(lists).toHaveLength(Math.ceil(count / smallPage))
    })

    it('shows what was changed behind our back', async () => {
      const before = await storedOf(world, model)
      const { key, property } = await changeBehind(world, model, before)
      const counts = await syncOne(world, model)
      expect(counts).toMatchObject({ phase: 'done', added: 0, updated: 1, removed: 0, rejected: 0 })
      const valueIn = (objects: typeof before) =>
        objects.find((object) => object.key === key)?.data[property]
      expect(valueIn(await storedOf(world, model))).not.toEqual(valueIn(before))
      expect(await differencesOf(world, model)).toEqual([])
    })

    const kept = neverRemoved[model.noun]
    it(kept === undefined ? 'loses what was removed there' : `loses nothing: ${kept}`, async () => {
      const [, object] = await storedOf(world, model)
      const removal = removeBehind(world, object?.key ?? '')
      if (kept !== undefined) return await expect(removal).rejects.toThrow(/There is no object/)
      await removal
      expect(await syncOne(world, model)).toMatchObject({ phase: 'done', removed: 1, rejected: 0 })
      expect(await differencesOf(world, model)).toEqual([])
    })

    it('needs the permissions it declares for reading, all of them and no more', async () => {
      await grant(world, model.needs.read)
      expect(await syncOne(world, model, true)).toMatchObject({ phase: 'done', rejected: 0 })
      expect(await syncOne(world, model)).toMatchObject({ phase: 'done' })
      for (const missing of model.needs.read) {
        await grant(
          world,
          model.needs.read.filter((name) => name !== missing),
        )
        const counts = await syncOne(world, model, true)
        expect({ missing, ...counts }).toMatchObject({
          ...{ missing, phase: 'failed', removed: 0 },
          error: { code: 'consent-missing', message: expect.stringContaining(missing) },
        })
      }
      await grant(world, allRoles)
      expect(await syncOne(world, model, true)).toMatchObject({ phase: 'done' })
      expect(await differencesOf(world, model)).toEqual([])
    })
  })
