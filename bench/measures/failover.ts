import type { Report } from '../report.ts'
import { type BenchWorld, openWorld, users } from '../world.ts'

const people = 20_000
/** Of the sync's 21 pages, so many are stored when its worker is killed. */
const pagesBefore = 4

/** How long a sync stands still when the worker that does it is killed. */
export async function run(report: Report): Promise<void> {
  const world = await openWorld(people, [], ['--role', 'api'])
  try {
    const { tenantId } = await world.attach('Contoso')
    // About a second a page: there is something left to take over.
    await world.control('PUT', 'latency', { fixedMs: 1_000, perRowMs: 0, inFlightDivisor: 0 })
    const workers = [await world.startWorker()]
    const { id } = await world.client.sync.start({
      params: { tenantId },
      body: { models: [users] },
    })
    await waitForPages(world, id, pagesBefore)
    const [first] = workers
    workers.push(await world.startWorker())
    first?.child.kill('SIGKILL')
    const killedAt = performance.now()
    const pages = await pagesOf(world, id)
    await waitForPages(world, id, pages + 1)
    const seconds = (performance.now() - killedAt) / 1_000
    report({ figure: 'until another worker goes on', value: seconds, unit: 's', goal: '<= 20' })
    await world.control('PUT', 'latency', { fixedMs: 0 })
    const done = await waitForEnd(world, id)
    report({ figure: 'users read in', value: done, unit: 'users', goal: `= ${people}` })
    const { rows } = await world.database.query('select count(*) as rows from patchbay.resource')
    report({
      figure: 'rows stored',
      value: Number(rows[0]?.rows),
      unit: 'rows',
      goal: `= ${people}`,
    })
  } finally {
    await world.close()
  }
}

async function pagesOf({ database }: BenchWorld, syncId: number): Promise<number> {
  const { rows } = await database.query(
    'select coalesce(max(page_seq), 0) as pages from patchbay.run_model where run_id = $1',
    [syncId],
  )
  return Number(rows[0]?.pages)
}

async function waitForPages(world: BenchWorld, syncId: number, pages: number): Promise<void> {
  while ((await pagesOf(world, syncId)) < pages) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function waitForEnd({ client }: BenchWorld, syncId: number): Promise<number> {
  for (;;) {
    const sync = await client.sync.show({ params: { syncId } })
    if (sync.endedAt !== null) return sync.models[0]?.added ?? 0
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
