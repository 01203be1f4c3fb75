import type { Static } from 'typebox'
import type { RouteInput } from '../../contract/route.ts'
import type { tokenRoutes } from '../../contract/tokens.ts'
import {
  type Actor,
  type Author,
  authorOf,
  mayDo,
  type Operation,
  type Permission,
  requireHolds,
  requirePermission,
  scopesOf,
} from '../../core/actor.ts'
import { AppError, badInput } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Sealed } from '../../core/secret.ts'
import type { Database } from '../../store/database.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { nodeType, permittedNode } from '../hierarchy/access.ts'
import { rootPath } from '../hierarchy/root.ts'
import { notFound } from '../operation/notFound.ts'
import { idCursor, type PageQuery, readPage } from '../operation/paging.ts'
import { record } from '../operation/record.ts'
import { showTime } from '../operation/show.ts'
import type { Store } from '../operation/store.ts'
import { hashOf, newSecret } from '../signIn/secrets.ts'
import { personIdOf } from '../signIn/sessions.ts'
import { type Bounds, requireHoldsWithin } from './holdings.ts'
import * as queries from './queries.ts'

const tokenType = 'data/AccessToken'
const dayMs = 24 * 60 * 60_000

type CreateInput = RouteInput<typeof tokenRoutes.create>['body']
type Listed = Static<typeof tokenRoutes.list.answer>

/** One's own, and those of whoever one may read the tokens of, oldest first. */
export async function listTokens(actor: Actor, { db }: Store, query: PageQuery): Promise<Listed> {
  const { personId } = await ownTokenOf(actor, db)
  const after = idCursor(query.after)
  const readable = scopesWith(actor, 'Read')
  // Row-level security lets through the owners, and so the tokens, of where one may read them.
  const scopes = readable.length > 0 ? readable : [rootPath]
  const all = readable.length > 0
  const ownerless = mayDo(actor, 'Read', tokenType, rootPath)
  return await inScope(db, scopes, (tx) =>
    readPage(
      query,
      (limit) => queries.selectTokens(tx, { personId, all, ownerless }, after, limit),
      showToken,
      (row) => String(row.id),
    ),
  )
}

function showToken({ ownerPath: _, permissions, ...row }: queries.TokenRow) {
  return {
    ...row,
    permissions: permissions?.map(copied) ?? null,
    createdAt: row.createdAt.toISOString(),
    expiresAt: showTime(row.expiresAt),
    lastUsedAt: showTime(row.lastUsedAt),
  }
}

/**
 * A token of one's own, or of somebody whose tokens one manages. It never confers more than its
 * maker holds, and one made by a token never outlives that. Throws `bad-input`, `not-permitted`.
 */
export async function createToken(
  actor: Actor,
  { db, clock }: Store,
  input: CreateInput,
): Promise<{ id: number; token: Sealed; expiresAt: Date }> {
  const now = new Date(clock.now())
  const own = await ownTokenOf(actor, db)
  const personId = input.personId ?? own.personId
  if (personId === undefined) throw badInput('body.personId', 'is required: you are no person.')
  const isOwn = personId === own.personId
  const bounds = await inScope(db, scopesOf(actor), async (tx) => {
    if (!isOwn) await permittedOwner(tx, actor, 'Create', personId)
    return await boundsOf(tx, actor, input)
  })
  await requireHoldsWithin(db, actor, personId, bounds)
  const expiresAt = earlier(
    new Date(now.getTime() + (input.days ?? limits.tokenDaysDefault) * dayMs),
    own.expiresAt,
  )
  return await inScope(db, rootPath, async (tx) => {
    const person = await queries.selectPerson(tx, personId)
    if (person === undefined) throw notFound('person')
    const token = { name: input.name, createdAt: now, expiresAt, ...bounds }
    return await insertPersonsToken(tx, actor, person, token)
  })
}

/**
 * Where nothing is said the bounds of the token that asks hold on, and they hold whatever is said:
 * what its owner is given later is not for what it made.
 */
async function boundsOf(
  tx: Tx,
  actor: Actor,
  { nodeId, permissions }: CreateInput,
): Promise<Bounds> {
  const { bounds } = actor
  const node =
    nodeId === undefined ? undefined : await permittedNode(tx, actor, 'Read', nodeType, nodeId)
  const scope = node?.path ?? bounds?.scope ?? rootPath
  if (bounds === undefined) return { scope, permissions: permissions ?? null }
  if (permissions) requireHolds({ ...authorOf(actor), grants: [bounds] }, { scope, permissions })
  return { scope, permissions: permissions ?? bounds.permissions }
}

/** Puts it on record and makes it. The owner was chosen, and the bounds were checked. */
export async function insertPersonsToken(
  tx: Tx,
  author: Author,
  person: { id: number; nodePath: string },
  made: { name: string; createdAt: Date; expiresAt: Date } & Partial<Bounds>,
): Promise<{ id: number; token: Sealed; expiresAt: Date }> {
  const { name, createdAt, expiresAt, scope = rootPath, permissions = null } = made
  const token = newSecret('pb')
  await record(tx, author, {
    nodePath: person.nodePath,
    action: 'token.create',
    subject: `person:${person.id}`,
    detail: {
      ...{ name, scope, expiresAt: expiresAt.toISOString() },
      permissions: permissions?.map(describe) ?? null,
    },
  })
  const id = await queries.insertToken(tx, {
    ...{ name, scope, permissions, createdAt, expiresAt, hash: hashOf(token) },
    personId: person.id,
    createdBy: authorOf(author),
  })
  return { id, token, expiresAt }
}

function copied({ type, operations }: Permission) {
  return { type, operations: [...operations] }
}

function describe({ type, operations }: Permission): string {
  return `${operations.join(', ')} on ${type}`
}

/** Ends a token at once. Throws `not-found` for one that is none of the actor's business. */
export async function revokeToken(actor: Actor, { db, clock }: Store, id: number): Promise<void> {
  const { personId } = await ownTokenOf(actor, db)
  await inScope(db, rootPath, async (tx) => {
    const token = await queries.selectToken(tx, id)
    if (token === undefined) throw notFound('token')
    const nodePath = token.ownerPath ?? rootPath
    if (token.personId === null && tokenIdOf(actor) === id) throw lastWayIn()
    const isOwn = personId !== undefined && token.personId === personId
    if (!isOwn) {
      if (!mayDo(actor, 'Read', tokenType, nodePath)) throw notFound('token')
      requirePermission(actor, 'Delete', tokenType, nodePath)
    }
    await record(tx, actor, {
      nodePath,
      action: 'token.revoke',
      subject: `token:${id}`,
      detail: { name: token.name, personId: token.personId },
    })
    await queries.endToken(tx, id, new Date(clock.now()))
  })
}

function scopesWith(actor: Actor, operation: Operation): string[] {
  return scopesOf(actor).filter((scope) => mayDo(actor, operation, tokenType, scope))
}

/** Signs a command line out: the token it came with ends. */
export async function revokeOwnToken(actor: Actor, store: Store): Promise<void> {
  const id = tokenIdOf(actor)
  if (id === undefined) throw notFound('token')
  await revokeToken(actor, store, id)
}

function lastWayIn(): AppError {
  return new AppError(
    'conflict',
    'The token of the first start does not end itself: it is how the operator gets in. Nothing was done; somebody else who may can end it.',
  )
}

function tokenIdOf({ id }: Author): number | undefined {
  const digits = /^token:(\d{1,15})$/.exec(id)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

async function permittedOwner(
  tx: Tx,
  actor: Actor,
  operation: Operation,
  personId: number,
): Promise<void> {
  const person = await queries.selectPerson(tx, personId)
  if (person === undefined) throw notFound('person')
  requirePermission(actor, operation, tokenType, person.nodePath)
}

/** The person behind the actor, and when the token they came with ends. */
async function ownTokenOf(
  actor: Actor,
  db: Database,
): Promise<{ personId: number | undefined; expiresAt: Date | undefined }> {
  const personId = personIdOf(actor)
  const tokenId = tokenIdOf(actor)
  if (tokenId === undefined) return { personId, expiresAt: undefined }
  const token = await inScope(db, rootPath, (tx) => queries.selectToken(tx, tokenId))
  return { personId: token?.personId ?? undefined, expiresAt: token?.expiresAt ?? undefined }
}

function earlier(one: Date, other: Date | undefined): Date {
  return other !== undefined && other < one ? other : one
}
