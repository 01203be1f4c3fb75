import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Answered, openSender, type Sender } from '../contract/sender.ts'
import { type ContractWorld, type Furnished, openContractWorld, users } from '../contract/world.ts'
import { control } from '../engine/control.ts'
import { figure } from '../figures/figure.ts'

/** Who may see and change both tenants is who could mix them up without a second lock. */
let world: ContractWorld
let sender: Sender
let own: Furnished
let other: Furnished

beforeAll(async () => {
  world = await openContractWorld()
  ;({ own, sibling: other } = world)
  sender = openSender(world.patchbay.url, world.patchbay.token)
}, 120_000)
afterAll(async () => {
  await sender.close()
  await world.close()
})

function ask(method: string, path: string, body?: object): Promise<Answered> {
  return sender.send({ method, path, ...(body && { body: JSON.stringify(body) }) })
}

const update = (ref: string) => ({
  steps: [{ do: 'update', model: users, ref, set: { department: 'Mixed up' } }],
})

it('H6: what names an object of another tenant is refused, and Microsoft hears nothing', async () => {
  const microsoft = control(world.patchbay.emulator, '')
  await microsoft.clearCalls()
  const mixed: readonly (readonly [string, string, object?])[] = [
    ['POST', `/v1/tenants/${own.tenantId}/transactions`, update(other.key)],
    ['POST', `/v1/tenants/${own.tenantId}/transactions`, { ...update(other.key), dryRun: true }],
    ['GET', `/v1/tenants/${own.tenantId}/resources/${users}/${other.key}`],
    ['PATCH', `/v1/tenants/${own.tenantId}`, { graph: { certificateId: other.certificateId } }],
    ['PATCH', `/v1/tenants/${own.tenantId}`, { nodeId: other.nodeId }],
  ]
  const taken: string[] = []
  for (const [method, path, body] of mixed) {
    const { status, text } = await ask(method, path, body)
    if (status < 400) taken.push(`${method} ${path}`)
    expect(text).not.toContain(other.name)
  }
  expect(taken).toEqual([])
  figure('writes of foreign objects taken', taken.length, '= 0')
  const calls = await microsoft.ask<{ write: boolean; service: string }[]>('GET', 'calls')
  expect(calls.filter(({ write, service }) => write && service !== 'login')).toEqual([])
  await microsoft.close()
})

it('H6: a place in one list is none in the list of another tenant', async () => {
  const listOf = (tenantId: number, after = '') =>
    ask('GET', `/v1/tenants/${tenantId}/resources/${users}?limit=5${after}`)
  const first = (await listOf(other.tenantId)).json
  const continued = await listOf(own.tenantId, `&after=${encodeURIComponent(String(first.next))}`)
  const foreign = other.marks.filter((mark) => continued.text.includes(mark))
  expect(foreign).toEqual([])
})

it('H6: every answer about a tenant says which', async () => {
  const answers = await Promise.all(
    [own, other].flatMap((each) => [
      ask('GET', `/v1/syncs/${each.syncId}`),
      ask('GET', `/v1/transactions/${each.transactionId}`),
      ask('GET', `/v1/schedules/${each.scheduleId}`),
    ]),
  )
  const wanted = [own, other].flatMap(({ tenantId }) => [tenantId, tenantId, tenantId])
  expect(answers.map(({ json }) => json.tenantId)).toEqual(wanted)
})

it('H6: many requests for two tenants at the same time are each answered about their own', async () => {
  const round = Array.from({ length: 200 }, (_, at) => (at % 2 === 0 ? own : other))
  const wrong: string[] = []
  await Promise.all(
    round.map(async ({ tenantId, key, name }, at) => {
      const paths = [
        `/v1/tenants/${tenantId}`,
        `/v1/tenants/${tenantId}/resources/${users}?limit=5`,
        `/v1/tenants/${tenantId}/resources/${users}/${key}`,
      ]
      const { text, status } = await ask('GET', paths[at % 3] ?? '')
      const foreign = (name === own.name ? other : own).marks.filter((mark) => text.includes(mark))
      if (status !== 200 || foreign.length > 0) wrong.push(`${status} ${foreign.join()}`)
    }),
  )
  expect(wrong).toEqual([])
  figure('answers about another tenant', wrong.length, '= 0')
})
