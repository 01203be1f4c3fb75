import type { Static } from 'typebox'
import type { Person, personRoutes } from '../../contract/people.ts'
import type { RouteInput } from '../../contract/route.ts'
import { type Actor, type Operation, requirePermission, scopesOf } from '../../core/actor.ts'
import { AppError, badInput } from '../../core/errors.ts'
import { isUniqueViolation } from '../../store/errors.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { permittedNode } from '../hierarchy/access.ts'
import { requireConfirmation } from '../operation/confirm.ts'
import { listById } from '../operation/listById.ts'
import { notFound } from '../operation/notFound.ts'
import type { PageOf, PageQuery } from '../operation/paging.ts'
import { record } from '../operation/record.ts'
import { showTime } from '../operation/show.ts'
import type { Store } from '../operation/store.ts'
import { endSessions } from '../signIn/queries.ts'
import { type Invitation, makeInvitation } from '../signIn/setPassword.ts'
import { requireHoldsAllOf } from './holdings.ts'
import * as queries from './queries.ts'

const personType = 'data/Person'
type PersonAnswer = Static<typeof Person>
type CreateInput = RouteInput<typeof personRoutes.create>['body']
type Changes = RouteInput<typeof personRoutes.update>['body']

/** The people of the nodes within the scope, oldest first. */
export async function listPeople(
  actor: Actor,
  { db }: Store,
  query: PageQuery,
): Promise<PageOf<PersonAnswer>> {
  return await listById({ actor, db, type: personType }, query, queries.selectPeople, showPerson)
}

export async function readPerson(
  actor: Actor,
  { db }: Store,
  personId: number,
): Promise<PersonAnswer> {
  return await inScope(db, scopesOf(actor), async (tx) =>
    showPerson(await permittedPerson(tx, actor, 'Read', personId)),
  )
}

/** Somebody new, without a role and so without a right. Throws `conflict` (the login is taken). */
export async function createPerson(
  actor: Actor,
  { db }: Store,
  input: CreateInput,
): Promise<PersonAnswer> {
  return await inScope(db, scopesOf(actor), async (tx) => {
    const node = await permittedNode(tx, actor, 'Create', personType, input.nodeId, 'share')
    const { login, name, email = null, identity } = input
    await record(tx, actor, {
      nodePath: node.path,
      action: 'person.create',
      subject: `person:${login}`,
      detail: { login, name, nodeId: node.id, issuer: identity?.issuer ?? null },
    })
    const row = {
      ...{ nodeId: node.id, nodePath: node.path, login, name, email },
      ...{ issuer: identity?.issuer ?? null, subject: identity?.subject ?? null },
    }
    return showPerson(await orTaken(() => queries.insertPerson(tx, row)))
  })
}

/**
 * Changes a person. Only somebody who holds all that they hold may change who they are to others
 * (login, e-mail, identity), which would be a way to become them, or enable them, which gives all
 * of it back. Throws `conflict`.
 */
export async function updatePerson(
  actor: Actor,
  { db, clock }: Store,
  { personId, ...changes }: Changes & { personId: number },
): Promise<PersonAnswer> {
  const now = new Date(clock.now())
  return await inScope(db, scopesOf(actor), async (tx) => {
    const before = await permittedPerson(tx, actor, 'Update', personId, true)
    const after = changed(before, changes, now)
    const identifying = ['login', 'email', 'issuer', 'subject'] as const
    const isEnabled = before.disabledAt !== null && after.disabledAt === null
    if (isEnabled || identifying.some((name) => after[name] !== before[name])) {
      await requireHoldsAllOf(db, actor, personId)
    }
    if (after.disabledAt !== null && actor.id === `person:${personId}`) {
      throw badInput('body.disabled', 'cannot be yourself: nobody may be left to undo it.')
    }
    await record(tx, actor, {
      nodePath: before.nodePath,
      action: 'person.update',
      subject: `person:${personId}`,
      detail: { before: shownOf(before), after: shownOf(after) },
    })
    await orTaken(() => queries.updatePerson(tx, after))
    if (after.disabledAt !== null) await endSessions(tx, { personId }, now)
    return showPerson(after)
  })
}

function changed(before: queries.PersonRow, changes: Changes, now: Date): queries.PersonRow {
  const { name, login, email, identity, disabled } = changes
  const disabledAt = disabled ? (before.disabledAt ?? now) : null
  if (identity && (identity.issuer === null) !== (identity.subject === null)) {
    throw badInput('body.identity', 'is an issuer and what it calls the person: both or neither.')
  }
  return {
    ...before,
    ...(name !== undefined && { name }),
    ...(login !== undefined && { login }),
    ...(email !== undefined && { email }),
    ...identity,
    ...(disabled !== undefined && { disabledAt }),
  }
}

function shownOf({ name, login, email, issuer, subject, disabledAt }: queries.PersonRow) {
  return { name, login, email, issuer, subject, disabledAt: showTime(disabledAt) }
}

/** An invitation makes whoever has it that person, so it takes all the rights they have. */
export async function invitePerson(
  actor: Actor,
  { db, clock }: Store,
  personId: number,
): Promise<Invitation> {
  const now = new Date(clock.now())
  return await inScope(db, scopesOf(actor), async (tx) => {
    const person = await permittedPerson(tx, actor, 'Update', personId, true)
    await requireHoldsAllOf(db, actor, personId)
    if (person.disabledAt !== null) {
      throw new AppError('conflict', `${person.name} is disabled. Nothing was done; enable first.`)
    }
    await record(tx, actor, {
      nodePath: person.nodePath,
      action: 'person.invite',
      subject: `person:${personId}`,
      detail: { login: person.login },
    })
    return await makeInvitation(tx, personId, now)
  })
}

/** Ends every session of a person. */
export async function signOutPerson(
  actor: Actor,
  { db, clock }: Store,
  personId: number,
): Promise<void> {
  await inScope(db, scopesOf(actor), async (tx) => {
    const person = await permittedPerson(tx, actor, 'Update', personId)
    await record(tx, actor, {
      nodePath: person.nodePath,
      action: 'sign-out',
      subject: `person:${personId}`,
      detail: { everywhere: true },
    })
    await endSessions(tx, { personId }, new Date(clock.now()))
  })
}

/** Throws `confirmation-required` unless their login is given. */
export async function deletePerson(
  actor: Actor,
  { db }: Store,
  { personId, confirm }: { personId: number; confirm?: string | undefined },
): Promise<void> {
  await inScope(db, scopesOf(actor), async (tx) => {
    const person = await permittedPerson(tx, actor, 'Delete', personId, true)
    const consequence = `This removes ${person.name} with their sessions and tokens.`
    requireConfirmation(confirm, person.login, consequence)
    if (actor.id === `person:${personId}`) {
      throw new AppError('conflict', 'Nobody removes themselves. Nothing was done.')
    }
    await record(tx, actor, {
      nodePath: person.nodePath,
      action: 'person.delete',
      subject: `person:${personId}`,
      detail: { login: person.login, name: person.name },
    })
    await queries.deletePersonRow(tx, personId)
  })
}

/** Throws `not-found` (also for who is outside the scope) or `not-permitted`. */
async function permittedPerson(
  tx: Tx,
  actor: Actor,
  operation: Operation,
  personId: number,
  lock = false,
): Promise<queries.PersonRow> {
  const person = await queries.selectPerson(tx, personId, lock)
  if (person === undefined) throw notFound('person')
  requirePermission(actor, operation, personType, person.nodePath)
  return person
}

async function orTaken<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    const identity = isUniqueViolation(error, 'person_oidc_issuer_oidc_subject_key')
    if (!identity && !isUniqueViolation(error, 'person_login')) throw error
    const what = identity ? 'identity' : 'login'
    throw new AppError(
      'conflict',
      `Somebody has this ${what} already, perhaps at a node you do not see. Nothing was changed.`,
      { fields: [{ field: `body.${what}`, problem: 'is taken' }] },
    )
  }
}

function showPerson(row: queries.PersonRow): PersonAnswer {
  const { id, nodeId, login, name, email, passwordHash, issuer, subject } = row
  return {
    ...{ id, nodeId, login, name, email },
    hasPassword: passwordHash !== null,
    identity: issuer === null || subject === null ? null : { issuer, subject },
    disabled: row.disabledAt !== null,
    disabledAt: showTime(row.disabledAt),
    createdAt: row.createdAt.toISOString(),
  }
}
