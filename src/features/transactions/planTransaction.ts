import type { Static } from 'typebox'
import type { Plan } from '../../contract/transactions.ts'
import { type Actor, requirePermission, scopesOf } from '../../core/actor.ts'
import { describeCall } from '../../core/call.ts'
import type { Engine } from '../../engine/engine.ts'
import { planSteps } from '../../engine/transaction/plan.ts'
import { inScope } from '../../store/scope.ts'
import { transactionType } from './authority.ts'
import { type ChangesBody, resolveChanges } from './changes.ts'

/**
 * The dry run: calls and differences as they would be, from reads at Microsoft alone. It takes Read
 * on whatever it shows, and not what changing it would take.
 */
export async function planTransaction(
  actor: Actor,
  engine: Pick<Engine, 'db' | 'clock' | 'models' | 'stepKinds' | 'openWires'>,
  tenantId: number,
  body: ChangesBody,
  signal: AbortSignal,
): Promise<Static<typeof Plan>> {
  const models = await engine.models.current()
  const { nodePath, steps } = await inScope(engine.db, scopesOf(actor), async (tx) => {
    const resolved = await resolveChanges(tx, actor, models, tenantId, body)
    requirePermission(actor, 'Read', transactionType, resolved.nodePath)
    return resolved
  })
  const wires = await engine.openWires({ tenantId, scope: nodePath }, () => {}, 'interactive')
  const planned = await planSteps(engine, models, wires, steps, signal)
  return {
    tenantId,
    steps: steps.map(({ kind, title }, index) => {
      const { call, differences = [], problem = null, irreversible = null } = planned[index] ?? {}
      const seq = index + 1
      return {
        seq,
        kind,
        title,
        call: call ? describeCall(call) : null,
        differences,
        problem,
        irreversible,
      }
    }),
  }
}
