import type { JsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import { inScope } from '../../store/scope.ts'
import { rootPath } from '../hierarchy/root.ts'
import type { Store } from '../operation/store.ts'
import * as queries from './queries.ts'

/**
 * Looks events through for alerts, and makes a delivery for each target of each, in the commit that
 * says how far it looked: so each alert becomes one delivery, in whatever process. Answers how many
 * alerts there were.
 */
export async function gatherAlerts({ db, clock }: Pick<Store, 'db' | 'clock'>): Promise<number> {
  return await inScope(db, rootPath, async (tx) => {
    const place = await queries.takePlace(tx)
    if (place === undefined) return 0
    const events = await queries.selectAlertEvents(tx, place, limits.alertEventsMax)
    for (const event of events) {
      await queries.insertDeliveries(tx, event, alertOf(event), new Date(clock.now()))
    }
    const last = events.at(-1)
    if (last !== undefined) await queries.movePlace(tx, last.cursor)
    return events.length
  })
}

function alertOf({ kind, at, nodePath, tenantId, tenant, data }: queries.AlertEvent): JsonObject {
  return {
    ...{ kind, at: at.toISOString(), nodePath, tenantId, tenant },
    message: String(data.message ?? ''),
    data,
  }
}
