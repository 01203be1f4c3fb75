import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { figure } from '../figures/figure.ts'
import { ended, firstPeople, startSync } from './work.ts'
import { openWorld, users, type World } from './world.ts'

const atOnce = 50

let world: World
let tenantId: number
let ref: string
let headers: { 'idempotency-key': string }

beforeAll(async () => {
  world = await openWorld(20)
  await world.serve()
  tenantId = await world.attach('Contoso')
  await ended(world, 'sync', await startSync(world, tenantId), 30_000)
  ;[ref = ''] = await firstPeople(world, tenantId, 1)
})
afterAll(() => world.close({ cut: true }))

let count = 0
beforeEach(async () => {
  headers = { 'idempotency-key': `moving-day-${++count}` }
  await world.microsoft.clearCalls()
})

function change(department: string) {
  const body = { steps: [{ do: 'update', model: users, ref, set: { department } }] }
  return world.ask('POST', `/v1/tenants/${tenantId}/transactions`, body, headers)
}

async function changed(id: number): Promise<void> {
  expect(await ended(world, 'transaction', id, 20_000)).toMatchObject({ state: 'succeeded' })
}

it('A8: fifty equal requests at once are one transaction', async () => {
  const before = (await world.ask('GET', '/v1/transactions')).body.items.length
  const answers = await Promise.all(Array.from({ length: atOnce }, () => change('Attic')))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]))
  const ids = [...new Set<number>(answers.map(({ body }) => body.id))]
  const { items } = (await world.ask('GET', '/v1/transactions')).body
  figure(`transactions of ${atOnce} equal requests`, items.length - before, '= 1')
  expect(ids).toHaveLength(1)
  await changed(ids[0] ?? 0)
  expect(await world.microsoft.calls('&writes=true')).toHaveLength(1)
})

it('A8: with another body the key is refused', async () => {
  await changed((await change('Cellar')).body.id)
  const { status, body } = await change('Roof')
  expect({ status, code: body.code }).toEqual({ status: 422, code: 'idempotency-key-reused' })
  expect(await world.microsoft.calls('&writes=true')).toHaveLength(1)
})

it('A8: after a crash the answer is the same, and nothing is done again', async () => {
  const { id } = (await change('Hall')).body
  await world.living()[0]?.end('SIGKILL')
  await world.serve()
  await changed(id)
  const { status, body } = await change('Hall')
  expect(status).toBe(202)
  const { passwords, ...shown } = body
  expect(passwords).toEqual([])
  expect(shown).toEqual((await world.ask('GET', `/v1/transactions/${id}`)).body)
  expect((await change('Cellar')).status).toBe(422)
  const written = (await world.microsoft.calls('&writes=true')).filter(({ applied }) => applied)
  expect(written).toHaveLength(1)
})

it('A8: after a day the key is new again', async () => {
  const { id } = (await change('Garden')).body
  await changed(id)
  const age = `update transaction set requested_at = now() - $2::interval where id = $1`
  await world.query(age, [id, '23 hours 59 minutes'])
  expect((await change('Garden')).body.id).toBe(id)
  await world.query(age, [id, '24 hours 1 minute'])
  const again = await change('Garden')
  expect(again).toMatchObject({ status: 202 })
  expect(again.body.id).not.toBe(id)
  await changed(again.body.id)
})
