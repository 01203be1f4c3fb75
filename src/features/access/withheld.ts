import { type Actor, mayDo } from '../../core/actor.ts'

/**
 * In place of what transactions and syncs tell of objects, where the actor may not read objects of
 * these models at the node; undefined where they may.
 */
export function withheld(
  actor: Actor,
  models: readonly string[],
  nodePath: string,
): string | undefined {
  const unread = models.filter((model) => !mayDo(actor, 'Read', model, nodePath))
  if (unread.length === 0) return undefined
  return `Shown to whoever may Read ${unread.join(' and ')}.`
}
