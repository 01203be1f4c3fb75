import type { Static } from 'typebox'
import { disableable, type SyncRule } from '../../contract/schedules.ts'
import type { Actor } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import type { Model } from '../../core/model.ts'
import type { Database } from '../../store/database.ts'
import { inScope } from '../../store/scope.ts'
import { record } from '../operation/record.ts'
import { selectActiveRun } from '../syncs/queries.ts'
import { permittedTenantPath } from '../tenants/access.ts'
import { selectTenant } from '../tenants/queries.ts'
import * as queries from './queries.ts'

const type = 'data/SyncRule'
type RuleAnswer = Static<typeof SyncRule>

/** What syncs leave undone in our copy of a tenant, by model. */
export async function listRules(
  actor: Actor,
  db: Database,
  tenantId: number,
): Promise<{ items: RuleAnswer[]; next: null }> {
  return inScope(db, actor.scope, async (tx) => {
    await permittedTenantPath(tx, actor, 'Read', type, tenantId)
    return { items: (await queries.selectRules(tx, tenantId)).map(show), next: null }
  })
}

/**
 * Sets what syncs of a model leave undone; an empty list lifts the rule. Throws `conflict` while a
 * sync is under way: it would end behind this and leave its delta to go on from.
 */
export async function setRule(
  actor: Actor,
  db: Database,
  tenantId: number,
  model: Model,
  wanted: RuleAnswer['disabled'],
): Promise<RuleAnswer> {
  const disabled = disableable.filter((operation) => wanted.includes(operation))
  return inScope(db, actor.scope, async (tx) => {
    // Whoever starts a sync takes a share of the tenant's row, so none begins before this commits.
    await selectTenant(tx, tenantId, 'update')
    const nodePath = await permittedTenantPath(tx, actor, 'Update', type, tenantId)
    const active = await selectActiveRun(tx, tenantId)
    if (active !== undefined) {
      const why = `Sync ${active.id} of this tenant is under way.`
      throw new AppError('conflict', `${why} Nothing was changed; repeat it afterwards.`)
    }
    const detail = { model: model.id, disabled }
    const subject = `tenant:${tenantId}`
    await record(tx, actor, { nodePath, tenantId, action: 'syncRule.set', subject, detail })
    await queries.saveRule(tx, { tenantId, nodePath }, model.id, disabled)
    return { model: model.id, disabled }
  })
}

function show({ model, disabled }: queries.RuleRow): RuleAnswer {
  return { model, disabled: disableable.filter((operation) => disabled.includes(operation)) }
}
