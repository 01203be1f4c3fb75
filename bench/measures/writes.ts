import { identityBudgets } from '../../src/catalogue/graphLimits.ts'
import { inParallel } from '../../src/core/parallel.ts'
import type { EmulatedTenant } from '../../src/main/children.ts'
import { systemClock } from '../../src/main/clock.ts'
import { openPlainGraph } from '../plainGraph.ts'
import type { Report } from '../report.ts'
import { type BenchWorld, openWorld, syncOnce, users } from '../world.ts'

const changes = 2_000
/** Whose changes use up the burst first: theirs are no part of the measurement. */
const others = 500
/** What reading or changing one user takes, as a list of 999 was seen to: 0.135 s and a row. */
const latency = { fixedMs: 135, perRowMs: 0.331, inFlightDivisor: 0 }

/**
 * How much of Microsoft's quota of writes one bulk transaction uses. The 3,000 that may be written
 * at once would take all of it, so another program of the same application has used them up: from
 * then on it is 20 a second.
 */
export async function run(report: Report): Promise<void> {
  const world = await openWorld(changes + others, ['--budgets', '1'])
  try {
    const { tenant } = world.emulator
    const { tenantId } = await world.attach('Contoso')
    await syncOnce(world, tenantId, { models: [users] })
    const keys = (await peopleOf(world, tenant)).map(({ id }) => id)
    report({
      ...{ figure: 'writes of another program', unit: 'writes' },
      value: await useUpBurst(world, tenant, keys.slice(changes)),
    })
    await world.control('PUT', 'latency', latency)
    await world.control('DELETE', 'calls')
    const seconds = await changeAll(report, world, tenantId, keys.slice(0, changes))
    await reportCalls(report, world, tenant, seconds)
    const changed = (await peopleOf(world, tenant)).filter(
      ({ department, id }) => department === departmentOf(keys.indexOf(id)),
    )
    report({
      ...{ figure: 'changes at Microsoft', value: changed.length, unit: 'users' },
      goal: `= ${changes}`,
    })
  } finally {
    await world.close()
  }
}

const departmentOf = (index: number) => `Bench ${index}`

async function peopleOf(world: BenchWorld, { tenantId }: EmulatedTenant) {
  const path = `tenants/${tenantId}/snapshot`
  const snapshot = await world.control<{ users: { id: string; department: string }[] }>('GET', path)
  return snapshot.users
}

/** The transaction's own seconds, from its start to its end. */
async function changeAll(
  report: Report,
  { client }: BenchWorld,
  tenantId: number,
  keys: readonly string[],
): Promise<number> {
  const steps = keys.map((ref, index) => ({
    ...{ do: 'update' as const, model: users, ref, set: { department: departmentOf(index) } },
  }))
  const { id } = await client.transaction.start({
    params: { tenantId },
    headers: {},
    body: { steps },
  })
  for (;;) {
    // Seldom: each look costs the server some milliseconds of what is being measured.
    await systemClock.sleep(2_000)
    const found = await client.transaction.show({ params: { transactionId: id } })
    if (found.endedAt === null || found.startedAt === null) continue
    const readBack = found.stepList.filter(
      ({ state, error, differences }) =>
        state === 'done' && error === null && differences.length === 1,
    )
    report({
      ...{ figure: 'steps done and read back', value: readBack.length, unit: 'steps' },
      goal: `= ${changes}`,
    })
    const shown = found.stepList.filter(({ error }) => error?.code === 'microsoft-throttled').length
    report({ figure: '429 shown', value: shown, unit: 'steps', goal: '= 0' })
    const seconds = (Date.parse(found.endedAt) - Date.parse(found.startedAt)) / 1_000
    report({ figure: `${changes} changes`, value: seconds, unit: 's' })
    return seconds
  }
}

interface Call {
  status: number
  applied: boolean
}

async function reportCalls(
  report: Report,
  world: BenchWorld,
  { tenantId }: EmulatedTenant,
  seconds: number,
): Promise<void> {
  const query = `calls?tenant=${tenantId}&service=graph&writes=true`
  const calls = await world.control<Call[]>('GET', query)
  const written = calls.filter(({ applied }) => applied).length
  const refused = calls.filter(({ status }) => status === 429).length
  const { amount, seconds: within } = identityBudgets.appTenantWrites
  report({ figure: 'writes made', value: written, unit: 'writes', goal: `= ${changes}` })
  report({ figure: 'answers 429', value: (refused / calls.length) * 100, unit: '%', goal: '<= 1' })
  report({
    ...{ figure: 'of the write quota used', unit: '%', goal: '>= 85' },
    value: (written / ((amount / within) * seconds)) * 100,
  })
}

/** Writes until the first refusal; answers how much was written. */
async function useUpBurst(
  { emulator: { url, caFile } }: BenchWorld,
  tenant: EmulatedTenant,
  keys: readonly string[],
): Promise<number> {
  const graph = await openPlainGraph({ url, caFile, tenant })
  let written = 0
  let refused = false
  const rounds = Array.from({ length: 2 * identityBudgets.appTenantWrites.amount }, (_, at) => at)
  await inParallel(rounds, 16, async (round) => {
    if (refused) return
    const key = keys[round % keys.length]
    const status = await graph.patch(`users/${key}`, { city: `Round ${round}` })
    if (status === 204) written += 1
    refused ||= status === 429
  })
  await graph.close()
  return written
}
