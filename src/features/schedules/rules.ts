import type { Static } from 'typebox'
import { disableable, type SyncRule } from '../../contract/schedules.ts'
import { type Actor, scopesOf } from '../../core/actor.ts'
import type { Model } from '../../core/model.ts'
import type { Database } from '../../store/database.ts'
import { inScope } from '../../store/scope.ts'
import { requireMayLeaveOut } from '../access/privileged.ts'
import { record } from '../operation/record.ts'
import { betweenSyncs } from '../syncs/betweenSyncs.ts'
import { permittedTenantPath } from '../tenants/access.ts'
import * as queries from './queries.ts'

const type = 'data/SyncRule'
type RuleAnswer = Static<typeof SyncRule>

/** What syncs leave undone in our copy of a tenant, by model. */
export async function listRules(
  actor: Actor,
  db: Database,
  tenantId: number,
): Promise<{ items: RuleAnswer[]; next: null }> {
  return inScope(db, scopesOf(actor), async (tx) => {
    await permittedTenantPath(tx, actor, 'Read', type, tenantId)
    return { items: (await queries.selectRules(tx, tenantId)).map(show), next: null }
  })
}

/**
 * Sets what syncs of a model leave undone, or with `read` that they leave it out; an empty list
 * lifts the rule. Throws `conflict` while a sync is under way: it would end behind this and leave
 * its delta to go on from.
 */
export async function setRule(
  actor: Actor,
  db: Database,
  tenantId: number,
  model: Model,
  wanted: RuleAnswer['disabled'],
): Promise<RuleAnswer> {
  const disabled = disableable.filter((operation) => wanted.includes(operation))
  return inScope(db, scopesOf(actor), async (tx) => {
    const nodePath = await betweenSyncs(tx, actor, type, tenantId)
    requireMayLeaveOut(actor, model.id, nodePath)
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
