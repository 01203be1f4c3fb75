import type { Static } from 'typebox'
import type { Allowed } from '../../contract/allowed.ts'
import { type Actor, mayDo, type Operation, scopesOf } from '../../core/actor.ts'
import type { Model } from '../../core/model.ts'
import type { Tx } from '../../store/scope.ts'
import { privilegedType } from './privileged.ts'
import { areRolesKnown, selectRoleHolders } from './queries.ts'

type Answer = Static<typeof Allowed>
type Shown = keyof Answer

/** Which operations on objects of a model the actor may do anywhere, and why not the others. */
export function allowedOn(actor: Actor, model: Model): Answer {
  const scopes = scopesOf(actor)
  return allowed(model, (operation) =>
    scopes.some((scope) => mayDo(actor, operation, model.id, scope)),
  )
}

/** The same of one object, at its node, with what its tenant and its standing at Microsoft say. */
export async function allowedOnObject(
  tx: Tx,
  actor: Actor,
  model: Model,
  { tenantId, nodePath, key }: { tenantId: number; nodePath: string; key: string },
  disabled: ReadonlySet<string>,
): Promise<Answer> {
  const answer = allowed(model, (operation) => mayDo(actor, operation, model.id, nodePath))
  const left = [...disabled].filter((operation) => operation !== 'read')
  if (disabled.has('read')) {
    answer.Read.reason = 'Syncs of this tenant leave this model out: it is shown as it once was.'
  } else if (left.length > 0) {
    answer.Read.reason = `Syncs of this tenant do not ${left.join(' or ')} objects of this model: it may differ from what Microsoft has.`
  }
  if (mayDo(actor, 'Update', privilegedType, nodePath)) return answer
  const isKnown = await areRolesKnown(tx, tenantId)
  const holders = isKnown ? await selectRoleHolders(tx, tenantId, [key]) : []
  if (isKnown && holders.length === 0) return answer
  const who = isKnown
    ? 'This is an administrator at Microsoft'
    : 'Who is an administrator at Microsoft is not known yet'
  const reason = `${who}; that takes Update on ${privilegedType}, too.`
  for (const operation of ['Update', 'Delete'] as const) {
    if (answer[operation].allowed) answer[operation] = { allowed: false, reason }
  }
  return answer
}

function allowed(model: Model, may: (operation: Operation) => boolean): Answer {
  const say = (operation: Shown, why?: string) => {
    if (why !== undefined) return { allowed: false, reason: why }
    if (may(operation)) return { allowed: true, reason: null }
    return { allowed: false, reason: `${operation} is not among your permissions on ${model.id}.` }
  }
  const { title } = model
  return {
    Read: say('Read'),
    Create: say('Create', model.create ? undefined : `No ${title} can be made from here.`),
    Update: say('Update', model.update ? undefined : `A ${title} is only read here.`),
    Delete: say('Delete', model.delete ? undefined : `No ${title} can be deleted from here.`),
    Export: say('Export'),
  }
}
