import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Model } from '../../src/core/model.ts'
import { readModelFiles } from '../../src/engine/models/load.ts'
import { fillColumns } from '../../src/engine/models/versions/fill.ts'
import { createModels } from '../../src/engine/models/versions/versions.ts'
import { advanceSync } from '../../src/engine/sync/advanceSync.ts'
import { bringShippedModels } from '../../src/features/models/shipped.ts'
import {
  activateVersion,
  compareVersions,
  listVersions,
  rollBack,
  uploadModel,
} from '../../src/features/models/versions.ts'
import { listResources } from '../../src/features/resources/resources.ts'
import { inScope } from '../../src/store/scope.ts'
import { storedOf } from '../conformance/ours.ts'
import { actorAt, failureOf, provider } from '../features/support.ts'
import { systemClock } from '../store/testing.ts'
import { outcome } from './observed.ts'
import { startWorld, type World } from './world.ts'

const users = 'device/msgraph/MSOLUser'
const people = 60
let world: World
let shipped: string

beforeAll(async () => {
  world = await startWorld({ users: people, seed: 11 })
  const files = await readModelFiles('models')
  shipped = files.find(({ file }) => file === `${users}.yaml`)?.text ?? ''
})
afterAll(() => world.close())

const edited = (from: string, to: string) => {
  expect(shipped).toContain(from)
  return shipped.replace(from, to)
}
const upload = (text: string) => uploadModel(provider, world.db, text)
const activate = (number: number) =>
  activateVersion(provider, world.db, world.engine.models, users, number)
const userModel = async (models = world.engine.models) => {
  const found = (await models.current()).find(({ id }) => id === users)
  if (found === undefined) throw new Error('users are not in force')
  return found
}
const actions = async () =>
  await inScope(world.db, '1.', async (tx) => {
    const { rows } = await sql<{ action: string }>`
      select action from audit where action like 'model.%' order by id`.execute(tx)
    return rows.map(({ action }) => action)
  })
async function syncUsers(): Promise<{ id: number; added: number; updated: number }> {
  const id = await world.newRun(false, [await userModel()])
  await advanceSync(world.engine, world.job(id))
  const { models } = await outcome(world, id)
  return { id, added: models.MSOLUser?.added ?? 0, updated: models.MSOLUser?.updated ?? 0 }
}

/** Until something of the run is stored. */
async function firstPage(id: number): Promise<void> {
  for (let attempt = 0; attempt < 1_000; attempt++) {
    const { models } = await outcome(world, id)
    if ((models.MSOLUser?.added ?? 0) > 0) return
    await systemClock.sleep(2)
  }
  throw new Error('the sync stores nothing')
}

describe('a version of a model', () => {
  it('is refused in words when its file is broken, and nothing is kept', async () => {
    const broken = edited('department: {}', 'departement: {}')
    const error = await failureOf(upload(broken))
    expect(error).toMatchObject({ code: 'bad-input', fields: [{ field: 'body.text' }] })
    const line = broken.split('\n').findIndex((text) => text.includes('departement')) + 1
    expect(error.message).toContain(`line ${line}: properties.departement: user has no such`)
    const versions = await listVersions(provider, world.db, users, {})
    expect(versions.items).toHaveLength(1)
  })

  it.each([
    ['key: id', 'key: userPrincipalName'],
    ['name: displayName', 'name: mail'],
  ])('may not make other objects of those there are: %s', async (from, to) => {
    expect(await failureOf(upload(edited(from, to)))).toMatchObject({ code: 'bad-input' })
  })

  it('belongs to the provider: nobody below sees or makes one', async () => {
    const below = actorAt('1.2.')
    const attempts = [
      uploadModel(below, world.db, shipped),
      listVersions(below, world.db, users, {}),
      compareVersions(below, world.db, users, 1, undefined),
      activateVersion(below, world.db, world.engine.models, users, 1),
      rollBack(below, world.db, world.engine.models, users),
    ]
    for (const attempt of attempts) {
      expect(await failureOf(attempt)).toMatchObject({ code: 'not-found' })
    }
  })

  it('is compared with the one in force, in words', async () => {
    const text = edited('  faxNumber: {}\n', '').replace(
      'columns: [displayName, ',
      'columns: [mail, displayName, ',
    )
    const { number, inForce } = await upload(text)
    expect(inForce).toBe(false)
    const diff = await compareVersions(provider, world.db, users, number, undefined)
    expect(diff.differences.map(({ part }) => part)).toEqual(['property faxNumber', 'columns'])
    expect(diff.differences[0]).toMatchObject({ before: 'string, writable', after: null })
    expect(diff.consequences.join()).toMatch(/full list.*by mail/)
    expect((await upload(text)).number).toBe(number)
  })
})

describe('what is in force', () => {
  it('is kept by a run that began with it, and taken by the next, in every process', async () => {
    const elsewhere = createModels(world.db)
    expect((await userModel(elsewhere)).properties.map(({ name }) => name)).toContain('faxNumber')
    const before = await userModel()
    const running = await world.newRun(false, [before])
    // Cut off in the middle, and taken up again when another version is in force.
    const stopping = new AbortController()
    world.settings.pageSize = 10
    const started = advanceSync(world.engine, { ...world.job(running), signal: stopping.signal })
    await firstPage(running)
    stopping.abort()
    await started.catch(() => {})
    await activate(2)
    await advanceSync(world.engine, world.job(running))
    const { models } = await outcome(world, running)
    expect(models.MSOLUser).toMatchObject({ phase: 'done', added: people })
    const stored = await storedOf(world, before)
    expect(stored.every(({ data }) => Object.hasOwn(data, 'faxNumber'))).toBe(true)

    const now = await userModel(elsewhere)
    expect(now.properties.map(({ name }) => name)).not.toContain('faxNumber')
    // Its delta cursor was made for other properties: the list is read anew.
    expect(await syncUsers()).toMatchObject({ added: 0, updated: people })
    const read = await storedOf(world, now)
    expect(read.some(({ data }) => Object.hasOwn(data, 'faxNumber'))).toBe(false)
    expect(await syncUsers()).toMatchObject({ added: 0, updated: 0 })
  })

  it('goes back one activation at a time, and not to and fro', async () => {
    const { number } = await upload(edited('title: Microsoft 365 user', 'title: Person'))
    await activate(number)
    expect((await userModel()).title).toBe('Person')
    const back = () => rollBack(provider, world.db, world.engine.models, users)
    expect(await back()).toMatchObject({ number: 2, inForce: true })
    expect(await back()).toMatchObject({ number: 1, inForce: true })
    expect(await failureOf(back())).toMatchObject({ code: 'conflict' })
    expect((await userModel()).title).toBe('Microsoft 365 user')
  })

  it('may not leave a link that leads nowhere', async () => {
    const { number } = await upload(
      edited('[device/msgraph/MsolAccountSku]', '[device/msgraph/Nowhere]'),
    )
    const error = await failureOf(activate(number))
    expect(error).toMatchObject({ code: 'conflict' })
    expect(error.message).toMatch(/Nowhere.*Nothing was changed/)
  })

  it('may be a model that was not shipped', async () => {
    const text = edited(`model: ${users}`, 'model: device/msgraph/Colleague')
    const { model, number } = await upload(text)
    expect({ model, number }).toEqual({ model: 'device/msgraph/Colleague', number: 1 })
    expect((await world.engine.models.current()).map(({ id }) => id)).not.toContain(model)
    await activateVersion(provider, world.db, world.engine.models, model, 1)
    expect((await world.engine.models.current()).map(({ id }) => id)).toContain(model)
  })

  it('is on record, each step before it is made', async () => {
    const found = await actions()
    expect(found[0]).toBe('model.ship')
    expect(found.filter((action) => action === 'model.activate')).toHaveLength(3)
    expect(found.filter((action) => action === 'model.rollback')).toHaveLength(2)
  })
})

describe('a start', () => {
  const start = async (title: string) => {
    const files = (await readModelFiles('models')).filter(({ file }) => file !== `${users}.yaml`)
    const text = edited('title: Microsoft 365 user', `title: ${title}`)
    await bringShippedModels(world.db, [...files, { file: `${users}.yaml`, text }])
  }

  it('leaves alone what a person chose', async () => {
    // The rollbacks above were a person's choice.
    await start('Newer')
    expect((await userModel()).title).toBe('Microsoft 365 user')
    expect((await listVersions(provider, world.db, users, {})).items[0]?.origin).toBe('shipped')
  })

  it('of an older release takes nothing back', async () => {
    const groups = 'device/msgraph/Groups'
    const files = await readModelFiles('models')
    const titled = (title: string) =>
      files.map(({ file, text }) => ({
        file,
        text: file === `${groups}.yaml` ? text.replace('title: Group', `title: ${title}`) : text,
      }))
    const title = async () =>
      (await world.engine.models.current()).find(({ id }) => id === groups)?.title
    await bringShippedModels(world.db, titled('Newer group'))
    expect(await title()).toBe('Newer group')
    await bringShippedModels(world.db, titled('Group'))
    expect(await title()).toBe('Newer group')
  })
})

describe('a column that is new', () => {
  const list = (query: object) =>
    listResources(actorAt(world.scope), world.db, column, world.tenantId, query)
  const fill = () => fillColumns(world.db, world.engine.models, '1.', new AbortController().signal)
  let column: Model

  it('is shown at once, filtered by when all rows have it, and not before old runs ended', async () => {
    const begun = await world.newRun(false, [await userModel()])
    const text = edited('columns: [displayName, ', 'columns: [country, mailNickname, displayName, ')
    await activate((await upload(text.replace('country, usageLocation', 'usageLocation'))).number)
    column = await userModel()
    expect(column.columns.slice(0, 2)).toEqual(['country', 'mailNickname'])
    const [first] = (await list({ limit: 1 })).items
    const nickname = String(first?.columns.mailNickname)
    expect(nickname).toMatch(/\w/)
    const query = { filter: [`mailNickname=${nickname}`] }
    expect(await failureOf(list(query))).toMatchObject({ code: 'unavailable' })
    expect(await failureOf(list({ sort: 'mailNickname' }))).toMatchObject({ code: 'unavailable' })
    // A column that was there before is where it was, whatever stands before it now.
    expect((await list({ filter: [`country=${first?.columns.country}`] })).count).toBeGreaterThan(0)

    await fill()
    expect(await failureOf(list(query))).toMatchObject({ code: 'unavailable' })
    await advanceSync(world.engine, world.job(begun))
    await fill()
    expect((await list(query)).items.map(({ key }) => key)).toContain(first?.key)
  })

  it('that comes back is filled again', async () => {
    await rollBack(provider, world.db, world.engine.models, users)
    // Written without the column meanwhile.
    await inScope(world.db, world.scope, (tx) =>
      sql`update resource set cols = cols[1:8]`.execute(tx),
    )
    const { items } = await listVersions(provider, world.db, users, { limit: 1 })
    await activate(items[0]?.number ?? 0)
    column = await userModel()
    expect(await failureOf(list({ sort: 'mailNickname' }))).toMatchObject({ code: 'unavailable' })
    await fill()
    const { items: sorted } = await list({ sort: 'mailNickname' })
    const names = sorted.map(({ columns }) => String(columns.mailNickname).toLowerCase())
    expect(names).toEqual([...names].sort())
    expect(names[0]).toMatch(/\w/)
  })
})
