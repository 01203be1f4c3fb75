import { limits } from '../../../core/limits.ts'
import { emit } from '../../../store/events.ts'
import { inScope } from '../../../store/scope.ts'
import { rootPath } from '../../hierarchy/root.ts'
import type { Store } from '../../operation/store.ts'
import * as queries from './queries.ts'

/** Days before an end at which it is told of; 0 when it has come. */
export const alertDays = [60, 30, 14, 7, 1, 0] as const

/**
 * Tells of what ends or has ended, as events. That it was told and the event are one commit, so
 * each is told once, in whatever process; answers how many it told of.
 */
export async function tellEnds(store: Pick<Store, 'db' | 'clock'>): Promise<number> {
  const now = new Date(store.clock.now())
  return await inScope(store.db, rootPath, async (tx) => {
    const rows = await queries.selectUntold(tx, [rootPath], alertDays, now, limits.dueRowsMax)
    let told = 0
    for (const row of rows) {
      if (!(await queries.noteTold(tx, row))) continue
      const { nodePath, tenantId, subject, kind, name, days } = row
      const endsAt = row.endsAt.toISOString()
      const message = messageOf(row)
      await emit(tx, {
        ...{ nodePath, subject, ...(tenantId !== null && { tenantId }) },
        kind: days === 0 ? 'credential.ended' : 'credential.ending',
        data: { credential: kind, name, tenant: row.tenantName, endsAt, days, message },
      })
      told += 1
    }
    return told
  })
}

function messageOf(row: queries.EndingRow & { days: number }): string {
  const { kind, name, tenantName, days, endsAt } = row
  const whose = tenantName === null ? '' : ` of ${tenantName}`
  const when = endsAt.toISOString().slice(0, 10)
  const ends = days === 0 ? `ended on ${when}` : `ends on ${when}, within ${dayWords(days)}`
  return `The ${nouns[kind]} ${name}${whose} ${ends}. ${remedies[kind]}`
}

function dayWords(days: number): string {
  return days === 1 ? 'a day' : `${days} days`
}

const nouns = {
  secret: 'client secret',
  certificate: 'certificate',
  gdap: 'delegated administration (GDAP)',
  token: 'API token',
} as const satisfies Record<queries.EndRow['kind'], string>

const remedies = {
  secret:
    'Create a new one in the app registration, add it as the second credential, test and promote it.',
  certificate:
    'Create a new one, upload it in the app registrations that use it, add it as the second credential of their tenants, test and promote it.',
  gdap: 'Ask the customer to approve a new relationship in Partner Center.',
  token: 'Make a new one and give it to whatever uses this one.',
} as const satisfies Record<queries.EndRow['kind'], string>

/** For a scan that comes round much more often. */
export function createEndTeller(store: Pick<Store, 'db' | 'clock'>): () => Promise<void> {
  let dueAt = store.clock.now()
  return async () => {
    const now = store.clock.now()
    if (now < dueAt) return
    // More than one look takes at most are told of by the next.
    const told = await tellEnds(store)
    if (told < limits.dueRowsMax) dueAt = now + limits.credentialLookMs
  }
}
