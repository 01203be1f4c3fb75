import { createHash, randomBytes } from 'node:crypto'
import { type Actor, allPermissions } from '../core/actor.ts'
import { Sealed } from '../core/secret.ts'
import { ensureRoot, rootPath } from '../features/hierarchy/root.ts'
import { record } from '../features/operation/record.ts'
import type { Database } from '../store/database.ts'
import { inScope } from '../store/scope.ts'
import {
  anyToken,
  insertToken,
  lockFirstStart,
  selectToken,
  selectTokenById,
  type TokenRow,
} from './queries.ts'

/** Who makes what has to be there before anybody can sign in. */
const firstStart: Actor = {
  id: 'system',
  name: 'Patchbay',
  kind: 'system',
  grants: [{ scope: rootPath, permissions: allPermissions }],
}

/** Whoever a token belongs to. Only hashes of tokens are stored, so a hash is sought. */
export async function findActor(db: Database, token: Sealed): Promise<Actor | undefined> {
  return actorOf(await selectToken(db, hashOf(token)))
}

/** Who did something earlier, with the rights they have now; undefined when they have none. */
export async function findActorAgain(db: Database, actorId: string): Promise<Actor | undefined> {
  const id = /^token:(\d{1,15})$/.exec(actorId)?.[1]
  return id === undefined ? undefined : actorOf(await selectTokenById(db, Number(id)))
}

function actorOf(row: TokenRow | undefined): Actor | undefined {
  return (
    row && {
      id: `token:${row.id}`,
      name: row.name,
      kind: 'token',
      grants: [{ scope: row.scope, permissions: allPermissions }],
    }
  )
}

/**
 * Makes the provider node and one token for its administrator when there is no token at all: the
 * first start. `keep` stores the token where only the operator reads it; when that fails nothing
 * was made. Of several processes that start at once one does it.
 */
export async function ensureAdministrator(
  db: Database,
  providerName: string,
  keep: (token: Sealed) => Promise<void>,
): Promise<void> {
  await ensureRoot(firstStart, db, providerName)
  await inScope(db, rootPath, async (tx) => {
    await lockFirstStart(tx)
    if (await anyToken(tx)) return
    const token = new Sealed(`pb_${randomBytes(32).toString('base64url')}`)
    const name = 'Administrator'
    await record(tx, firstStart, {
      nodePath: rootPath,
      action: 'token.create',
      subject: `token:${name}`,
      detail: { name, scope: rootPath },
    })
    await insertToken(tx, { name, scope: rootPath, hash: hashOf(token) })
    await keep(token)
  })
}

function hashOf(token: Sealed): Buffer {
  return createHash('sha256').update(token.reveal()).digest()
}
