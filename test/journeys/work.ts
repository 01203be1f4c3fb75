import type { Static } from 'typebox'
import type { Changes } from '../../src/contract/transactions.ts'
import { until, users, type World } from './world.ts'

export type Kind = 'sync' | 'transaction'

/** Every call of the emulated Microsoft takes this long from now on. */
export async function slowDown(world: World, fixedMs: number): Promise<void> {
  await world.microsoft.ask('PUT', 'latency', { fixedMs })
}

/** Licences, people, groups: what the other side's snapshot is compared with. */
const models = ['MsolAccountSku', 'MSOLUser', 'Groups'].map((name) => `device/msgraph/${name}`)

export async function startSync(world: World, tenantId: number, fullList = false): Promise<number> {
  const { sync } = await world.client()
  return (await sync.start({ params: { tenantId }, body: { models, fullList } })).id
}

/** The keys of the first people of the list. */
export async function firstPeople(world: World, tenantId: number, limit: number) {
  const { resource } = await world.client()
  const params = { tenantId, application: 'msgraph', name: 'MSOLUser' }
  return (await resource.list({ params, query: { limit } })).items.map(({ key }) => key)
}

type Steps = Static<typeof Changes>['steps']

/** A transaction that gives these people another department, and does what else is said. */
export async function startMove(
  world: World,
  tenantId: number,
  keys: readonly string[],
  department: string,
  more: Steps = [],
): Promise<number> {
  const { transaction } = await world.client()
  const change = { do: 'update' as const, model: users, set: { department } }
  const body = { steps: [...keys.map((ref) => ({ ...change, ref })), ...more] }
  return (await transaction.start({ params: { tenantId }, body })).id
}

/** What the API says of a piece of work once it has ended. */
export function ended(world: World, kind: Kind, id: number, ms: number) {
  return until(`the end of ${kind} ${id}`, ms, async () => {
    const { status, body } = await world.ask('GET', `/v1/${kind}s/${id}`)
    return status === 200 && body.endedAt !== null && body
  })
}

export async function stepsDone(world: World, id: number): Promise<number> {
  return (await world.ask('GET', `/v1/transactions/${id}`)).body.steps.done
}

/** The numbers of the pages stored, by model, as the events tell them: each is one commit. */
export async function pagesTold(world: World, id: number): Promise<Map<string, number[]>> {
  const rows = await world.query<{ model: string; page: number }>(
    `select data ->> 'model' as model, (data ->> 'page')::int as page from event
      where subject = $1 and data ? 'unchanged' order by id`,
    [`sync:${id}`],
  )
  const pages = new Map<string, number[]>()
  for (const { model, page } of rows) pages.set(model, [...(pages.get(model) ?? []), page])
  return pages
}

/** Waits until so many pages of people are stored. */
export async function untilPages(world: World, id: number, count: number): Promise<void> {
  await until(`page ${count}`, 30_000, async () => {
    return ((await pagesTold(world, id)).get(users)?.length ?? 0) >= count
  })
}

/** Asks the emulated Microsoft for a fault; answers how to wait until it has befallen a call. */
export async function planFault(
  world: World,
  name: string,
  spec: object,
): Promise<{ befell: () => Promise<void> }> {
  await world.microsoft.fault(name, spec)
  return {
    befell: async () => {
      await until(`the fault ${name}`, 30_000, async () => {
        const [fault] = await world.microsoft.ask<{ fired: number }[]>('GET', 'faults')
        return (fault?.fired ?? 0) > 0
      })
    },
  }
}
