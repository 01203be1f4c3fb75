import type { Static } from 'typebox'
import { odataFilter } from '../../connectors/graph/filter.ts'
import type { SyncScope } from '../../contract/scopes.ts'
import { type Actor, scopesOf } from '../../core/actor.ts'
import type { Filter } from '../../core/filter.ts'
import type { Model } from '../../core/model.ts'
import { readFilter } from '../../core/readFilter.ts'
import type { Database } from '../../store/database.ts'
import { inScope } from '../../store/scope.ts'
import { requireMayLeaveOut } from '../access/privileged.ts'
import { record } from '../operation/record.ts'
import { betweenSyncs } from '../syncs/betweenSyncs.ts'
import { permittedTenantPath } from '../tenants/access.ts'
import * as queries from './queries.ts'

const type = 'data/SyncScope'
type ScopeAnswer = Static<typeof SyncScope>

/** What of a tenant's models its syncs take in; a model that is not named: everything. */
export async function listScopes(
  actor: Actor,
  db: Database,
  tenantId: number,
): Promise<{ items: ScopeAnswer[]; next: null }> {
  return await inScope(db, scopesOf(actor), async (tx) => {
    await permittedTenantPath(tx, actor, 'Read', type, tenantId)
    return { items: await queries.selectScopes(tx, tenantId), next: null }
  })
}

/**
 * Sets what of a model syncs take in, or lifts it with null; the next sync reads the full list.
 * Throws `bad-input` naming the part at fault, `conflict` while a sync is under way.
 */
export async function setScope(
  actor: Actor,
  db: Database,
  tenantId: number,
  model: Model,
  wanted: unknown,
): Promise<ScopeAnswer> {
  const filter = wanted === null ? null : readScope(model, wanted)
  return await inScope(db, scopesOf(actor), async (tx) => {
    const nodePath = await betweenSyncs(tx, actor, type, tenantId)
    requireMayLeaveOut(actor, model.id, nodePath)
    const detail = { model: model.id, filter: filter && JSON.stringify(filter) }
    const subject = `tenant:${tenantId}`
    await record(tx, actor, { nodePath, tenantId, action: 'syncScope.set', subject, detail })
    await queries.saveScope(tx, { tenantId, nodePath }, model.id, filter)
    return { model: model.id, filter }
  })
}

/** One that the wire could not write down would only fail at the next sync. */
function readScope(model: Model, wanted: unknown): Filter {
  const filter = readFilter(wanted, model.properties, 'body.filter')
  if (model.wire === 'graph') odataFilter(filter, model.properties)
  return filter
}
