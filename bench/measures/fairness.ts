import type { Report } from '../report.ts'
import { type BenchWorld, openWorld, users } from '../world.ts'

const tenantCount = 50
const peopleEach = 1_000
/** Of eight syncs each: with the server's own every tenant is at work at the same time. */
const workers = 6
/** Long, so that what is measured is waiting and not how fast this machine stores fifty tenants. */
const latency = { fixedMs: 1_500, perRowMs: 0.331, inFlightDivisor: 16 }
/** Four of five calls are refused: what takes a second takes a quarter of a minute. */
const crawl = { name: 'throttle', probability: 0.8, retryAfter: '3' }

/** A sync here takes some ten seconds. */
const giveUpMs = 180_000

interface Run {
  tenantId: number
  /** From when it was asked for; undefined while it is under way. */
  seconds: number | undefined
  state: string
}

/**
 * Fifty equal tenants synced at once: how equal their times are, and what it costs the others when
 * Microsoft throttles one of them to a crawl.
 */
export async function run(report: Report): Promise<void> {
  const tenants = ['--tenants', `${tenantCount}`]
  const world = await openWorld(peopleEach, tenants)
  try {
    for (let worker = 0; worker < workers; worker += 1) await world.startWorker()
    const attached: number[] = []
    for (const [index, tenant] of world.emulator.tenants.entries()) {
      attached.push((await world.attach(`Customer ${index + 1}`, tenant)).tenantId)
    }
    await world.control('PUT', 'latency', latency)
    await reportRound(report, world, 'first import', attached)
    const equal = await reportRound(report, world, 'full list', attached)
    const [slowed = 0, ...others] = attached
    await world.control('POST', 'faults', { ...crawl, tenantId: world.emulator.tenant.tenantId })
    const beside = await syncAll(world, attached, others)
    const took = slowest(beside.filter(({ tenantId }) => tenantId !== slowed))
    report({ figure: 'the others, one throttled', value: took, unit: 's' })
    const before = slowest(equal.filter(({ tenantId }) => tenantId !== slowed))
    report({
      ...{ figure: 'the others, one throttled to none', value: took / before, unit: 'ratio' },
      goal: '<= 1.2',
    })
    report({
      ...{ figure: 'throttled tenant still at work', goal: '= 1', unit: 'syncs' },
      value: beside.filter(({ tenantId, seconds }) => tenantId === slowed && !seconds).length,
    })
  } finally {
    await world.close()
  }
}

async function reportRound(
  report: Report,
  world: BenchWorld,
  name: string,
  tenants: readonly number[],
): Promise<Run[]> {
  const runs = await syncAll(world, tenants, tenants)
  const good = runs.filter(({ state }) => state === 'succeeded').length
  report({ figure: `${name}: succeeded`, value: good, unit: 'syncs', goal: `= ${tenantCount}` })
  report({ figure: `${name}: slowest`, value: slowest(runs), unit: 's' })
  const fastest = Math.min(...runs.map(({ seconds = 0 }) => seconds))
  report({
    ...{ figure: `${name}: slowest to fastest`, value: slowest(runs) / fastest, unit: 'ratio' },
    goal: '<= 1.5',
  })
  return runs
}

function slowest(runs: readonly Run[]): number {
  return Math.max(...runs.map(({ seconds = Number.NaN }) => seconds))
}

/** Asks for a sync of each at once, and waits for those of `until`. */
async function syncAll(
  { client, database }: BenchWorld,
  tenants: readonly number[],
  until: readonly number[],
): Promise<Run[]> {
  const body = { models: [users], fullList: true }
  const asked = await Promise.all(
    tenants.map((tenantId) => client.sync.start({ params: { tenantId }, body })),
  )
  const giveUpAt = performance.now() + giveUpMs
  for (;;) {
    const { rows } = await database.query<Run & { seconds: number | null }>(
      `select tenant_id::int as "tenantId", state,
         extract(epoch from ended_at - requested_at)::float8 as seconds
       from patchbay.run where id = any($1)`,
      [asked.map(({ id }) => id)],
    )
    const runs = rows.map((row): Run => ({ ...row, seconds: row.seconds ?? undefined }))
    const open = runs.filter(({ tenantId, seconds }) => until.includes(tenantId) && !seconds)
    if (open.length === 0) return runs
    if (performance.now() > giveUpAt) throw new Error(`${open.length} syncs do not end`)
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
}
