import type { Report } from '../report.ts'
import { type BenchWorld, openWorld, peakMegabytes, syncOnce, users } from '../world.ts'

const people = 100_000
const changed = people / 100

/** What a tenant of 100,000 people costs once it is read in: as much as has changed. */
export async function run(report: Report): Promise<void> {
  const world = await openWorld(people)
  try {
    const { tenantId } = await world.attach('Contoso')
    const models = [users]
    await syncOnce(world, tenantId, { models })

    const mutation = { action: 'departments', users: changed, seed: 1 }
    const { tenant } = world.emulator
    await world.control('POST', `tenants/${tenant.tenantId}/mutate`, mutation)
    const changes = await measure(world, () => syncOnce(world, tenantId, { models }))
    const updated = changes.sync.models[0]?.updated ?? 0
    report({
      figure: '1 % changed: users updated',
      value: updated,
      unit: 'users',
      goal: `= ${changed}`,
    })
    report({
      figure: '1 % changed: rows written',
      value: changes.rows,
      unit: 'rows',
      goal: `= ${changed}`,
    })
    report({ figure: '1 % changed: sync', value: changes.sync.seconds, unit: 's' })

    const quiet = await measure(world, () => syncOnce(world, tenantId, { models }))
    const requests = quiet.sync.models[0]?.requests ?? 0
    report({ figure: 'unchanged: requests', value: requests, unit: 'requests', goal: '= 1' })
    report({ figure: 'unchanged: rows written', value: quiet.rows, unit: 'rows', goal: '= 0' })

    const list = await measure(world, () => syncOnce(world, tenantId, { models, fullList: true }))
    const same = list.sync.models[0]?.unchanged ?? 0
    report({ figure: 'unchanged list: users', value: same, unit: 'users', goal: `= ${people}` })
    report({ figure: 'unchanged list: rows written', value: list.rows, unit: 'rows', goal: '= 0' })
    report({ figure: 'unchanged list: sync', value: list.sync.seconds, unit: 's' })
    const peak = await peakMegabytes(world.server.child)
    report({ figure: 'peak memory of the server', value: peak, unit: 'MB', goal: '<= 300' })
  } finally {
    await world.close()
  }
}

/** Runs a sync and counts the rows of `resource` written meanwhile, as their own versions tell. */
async function measure({ database }: BenchWorld, work: () => ReturnType<typeof syncOnce>) {
  const before = await database.query('select pg_current_xact_id()::text as id')
  const sync = await work()
  const { rows } = await database.query(
    'select count(*) as written from patchbay.resource where xmin::text::bigint > $1',
    [before.rows[0]?.id],
  )
  return { sync, rows: Number(rows[0]?.written) }
}
