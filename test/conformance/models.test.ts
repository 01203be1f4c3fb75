import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { loadModels } from '../../src/engine/models/load.ts'
import { startWorld, type World } from '../engine/world.ts'
import { changeBehind, neverRemoved, prepare, removeBehind } from './changes.ts'
import { isPaged, isSkipped } from './microsoft.ts'
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
  await prepare(world)
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

    it('costs few requests and no written row when nothing changed', async () => {
      const before = await writtenRows(world)
      const stored = await storedOf(world, model)
      const counts = await syncOne(world, model)
      expect(counts).toMatchObject({ phase: 'done', added: 0, updated: 0, removed: 0 })
      // Without delta the list itself is read, with what belongs to each object, twenty in a batch.
      const sublists = model.links.filter(({ call }) => call !== undefined).length
      const batches = Math.ceil((sublists * stored.length) / 20)
      const expected = model.delta === undefined ? 1 + batches : 1
      expect(counts.requests).toBe(expected)
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
      // The one that asks for a count is the sample by which a long list is cut.
      const lists = (await world.control.calls()).filter(
        ({ path, batched }) => path.startsWith(list) && !path.includes('$count=') && !batched,
      )
      // Behind a full page without a link there may be another: only asking for it tells.
      const pages = isSkipped(model)
        ? Math.floor(count / smallPage) + 1
        : Math.ceil(count / smallPage)
      if (isPaged(model)) expect(lists).toHaveLength(pages)
    })

    it('shows what was changed behind our back', async () => {
      const before = await storedOf(world, model)
      const { how, key, property } = await changeBehind(world, model, before)
      expect(await differencesOf(world, model)).not.toEqual([])
      const counts = await syncOne(world, model)
      const added = how === 'added' ? 1 : 0
      expect(counts).toMatchObject({
        ...{ phase: 'done', added, updated: 1 - added, removed: 0, rejected: 0 },
      })
      const after = await storedOf(world, model)
      expect(after).toHaveLength(before.length + added)
      const valueIn = (objects: typeof before) =>
        objects.find((object) => object.key === key)?.data[property ?? '']
      if (property !== undefined) expect(valueIn(after)).not.toEqual(valueIn(before))
      expect(await differencesOf(world, model)).toEqual([])
    })

    const kept = neverRemoved[model.list.call]
    it(kept === undefined ? 'loses what was removed there' : `loses nothing: ${kept}`, async () => {
      const [, object] = await storedOf(world, model)
      const removal = removeBehind(world, model, object?.key ?? '')
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
