import { afterAll, beforeAll, expect, it } from 'vitest'
import { limits } from '../../src/core/limits.ts'
import { advanceSync } from '../../src/engine/sync/advanceSync.ts'
import { disagreements, outcome } from './observed.ts'
import { startWorld, type World } from './world.ts'

const pageRows = 20
const pages = limits.linkedPagesAhead + 2
const delayMs = 1_000

let world: World

beforeAll(async () => {
  world = await startWorld({ users: 30, groups: pages * pageRows, groupMembers: 3, seed: 4 })
  world.settings.pageSize = pageRows
})
afterAll(() => world.close())

// Fails when a page is asked for only when the one before begins to be stored.
it('lists groups on while the members of those before are read, and no further', async () => {
  await world.control.fault('delay', { path: '/\\$batch', value: delayMs })
  const models = world.models.filter(({ id }) => id.endsWith('/Groups'))
  const id = await world.newRun(true, models)
  await advanceSync(world.engine, world.job(id))
  const run = await outcome(world, id)
  expect(run.models.Groups).toMatchObject({ phase: 'done', added: pages * pageRows })
  expect((await disagreements(world)).filter((line) => /member|owner/.test(line))).toEqual([])
  const calls = await world.control.calls('&service=graph')
  const beganAt = (path: RegExp) =>
    calls
      .filter((call) => !call.batched && path.test(decodeURIComponent(call.path)))
      .map(({ at }) => at)
      .sort((a, b) => a - b)
  const listed = beganAt(/\/groups\?.*\$top=/)
  const [firstBatch = 0] = beganAt(/\$batch$/)
  expect(listed).toHaveLength(pages)
  const ahead = listed.filter((at) => at < firstBatch + delayMs)
  expect(ahead).toHaveLength(limits.linkedPagesAhead)
})
