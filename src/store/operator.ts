import type { Author } from '../core/actor.ts'
import type { JsonObject } from '../core/json.ts'
import { writeAudit } from './audit.ts'
import type { Tx } from './scope.ts'

/** Whoever has the files of the server: a rotation or a backup asks for no sign-in. */
const operator: Author = { id: 'operator', name: 'Operator', kind: 'system' }

/** Puts on record what was done at the machine itself, at the node of `scope`. */
export async function recordOperator(
  tx: Tx,
  scope: string,
  entry: { action: string; subject: string; detail: JsonObject },
): Promise<void> {
  await writeAudit(tx, { nodePath: scope, actor: operator, ...entry })
}
