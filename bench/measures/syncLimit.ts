import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { AloneOrder, AloneResult } from '../alone.ts'
import { median, type Report } from '../report.ts'
import { openWorld, peakMegabytes, syncOnce, users } from '../world.ts'

const people = 100_000
const rounds = 3
const child = fileURLToPath(new URL('../alone.ts', import.meta.url))

/**
 * How near a first sync comes to what it cannot avoid: fetching and parsing the pages, and loading
 * the rows. Both are measured alone, each in a process of its own, in the same round as the sync.
 */
export async function run(report: Report): Promise<void> {
  const world = await openWorld(people)
  const ratios: number[] = []
  try {
    for (let round = 1; round <= rounds; round++) {
      const { tenantId, scope } = await world.attach(`Round ${round}`)
      const alone = await measureAlone({
        ...{
          url: world.emulator.url,
          caFile: world.emulator.caFile,
          tenant: world.emulator.tenant,
        },
        ...{ databaseUrl: world.databaseUrl.reveal(), scope, tenantId: 1_000_000 + round },
      })
      const sync = await syncOnce(world, tenantId, { models: [users] })
      const added = sync.models[0]?.added ?? 0
      report({
        figure: `round ${round}: users read in`,
        value: added,
        unit: 'users',
        goal: `= ${people}`,
      })
      report({
        figure: `round ${round}: fetch and parse alone`,
        value: alone.fetchSeconds,
        unit: 's',
      })
      report({ figure: `round ${round}: load alone`, value: alone.loadSeconds, unit: 's' })
      report({ figure: `round ${round}: sync`, value: sync.seconds, unit: 's' })
      ratios.push(sync.seconds / (alone.fetchSeconds + alone.loadSeconds))
      const name = `Round ${round}`
      await world.client.tenant.delete({ params: { tenantId }, query: { confirm: name } })
    }
    report({
      figure: 'sync to fetch plus load',
      value: median(ratios),
      unit: 'ratio',
      goal: '<= 1.1',
    })
    const peak = await peakMegabytes(world.server.child)
    report({ figure: 'peak memory of the server', value: peak, unit: 'MB', goal: '<= 300' })
  } finally {
    await world.close()
  }
}

async function measureAlone(order: AloneOrder): Promise<AloneResult> {
  const process = fork(child, [], { stdio: 'inherit' })
  process.send(order)
  const [result] = await once(process, 'message')
  await once(process, 'exit')
  return result as AloneResult
}
