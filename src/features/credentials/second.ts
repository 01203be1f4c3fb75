import type { TokenClient } from '../../connectors/microsoft/tokens.ts'
import { type Actor, scopesOf } from '../../core/actor.ts'
import { AppError, asAppError, badInput } from '../../core/errors.ts'
import { Sealed } from '../../core/secret.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { requireConfirmation } from '../operation/confirm.ts'
import { record } from '../operation/record.ts'
import type { Store } from '../operation/store.ts'
import { permittedTenant, showTenant } from '../tenants/access.ts'
import { type OpenedTenant, ownerOf, type TenantAnswer } from '../tenants/answer.ts'
import { hostOf } from '../tenants/checks.ts'
import {
  applicationOf,
  type credentialFields,
  credentialOf,
  type Surroundings,
} from '../tenants/connect.ts'
import type { Given } from '../tenants/fields.ts'
import type { Directory } from '../tenants/microsoftTenant.ts'
import { evenly } from '../tenants/proxyCheck.ts'
import { failed } from '../tenants/steps.ts'
import type { TakePlace } from '../tenants/testPace.ts'
import { changeTenant } from '../tenants/updateTenant.ts'
import { giveEnd } from './ends/queries.ts'
import * as queries from './queries.ts'

export interface SecondDependencies {
  store: Store
  directory: Directory
  surroundings: Surroundings
  tokens: TokenClient
  /** Test Connection's own: whoever tests both asks no more often. */
  takePlace: TakePlace
}

/** Puts a second credential beside the first, or in the place of the former second one. */
export async function addSecond(
  actor: Actor,
  { store, directory }: Pick<SecondDependencies, 'store' | 'directory'>,
  tenantId: number,
  input: { secret?: string | undefined; certificateId?: number | undefined },
): Promise<TenantAnswer> {
  const { secret, certificateId } = input
  if ((secret === undefined) === (certificateId === undefined)) {
    throw badInput('body.secret', 'or certificateId is needed, and only one of them.')
  }
  const given: Given = {
    values: { 'graph.secondCertificateId': certificateId ?? null },
    vault: new Map([
      ['graph.secondClientSecret', secret === undefined ? null : new Sealed(secret)],
    ]),
  }
  return await withTenant(actor, store, tenantId, async (tx, tenant) => {
    await queries.dropSecond(tx, tenantId)
    return await change(tx, actor, store, directory, tenant, given, 'credential.add')
  })
}

/**
 * Fetches a token with the second credential alone, which is all that is sent. From then on it
 * steps in where the first is refused, and may be promoted. Throws `too-many-requests` after many.
 */
export async function testSecond(
  actor: Actor,
  { store, surroundings, tokens, takePlace }: SecondDependencies,
  tenantId: number,
  signal: AbortSignal,
): Promise<{ accepted: boolean; message: string }> {
  const tenant = await inScope(store.db, scopesOf(actor), (tx) =>
    permittedTenant(tx, store, actor, 'Execute', tenantId),
  )
  const second = requireSecond(store, tenant)
  takePlace(tenantId, actor.id)
  const { name, node_path: nodePath } = tenant.row
  const entry = { nodePath, tenantId, subject: `tenant:${tenantId}` }
  await inScope(store.db, nodePath, (tx) =>
    record(tx, actor, { ...entry, action: 'credential.test', detail: { name } }),
  )
  const application = await applicationOf(store, surroundings, tenant)
  const alone = { ...application, ...second, watch: undefined, standIn: undefined }
  const proxied = application.proxy !== undefined
  // A request that nobody waits for goes on: others may wait for the same token.
  const refusal = await evenly({ proxied, clock: store.clock, signal }, () =>
    tokens.token(alone, { fresh: true, signal }),
  ).then(
    () => undefined,
    (thrown: unknown) => {
      const error = asAppError(thrown, 'Signing in with the second credential')
      return failed('token', error, { host: hostOf(application.cloud.login), proxied }).message
    },
  )
  const accepted = refusal === undefined
  const message = refusal ?? 'Microsoft accepted the second credential.'
  await inScope(store.db, nodePath, async (tx) => {
    const detail = { name, accepted, message }
    await record(tx, actor, { ...entry, action: 'credential.tested', detail })
    const key = { tenantId, nodePath, version: second.credentialVersion }
    if (accepted) await queries.noteTested(tx, key, new Date(store.clock.now()))
    else await queries.dropSecond(tx, tenantId)
  })
  return { accepted, message }
}

/**
 * The two change places in one commit. What runs goes on: it asks for its next token with whatever
 * stands first by then. Promoting again takes it back, as long as the former one is not dropped.
 */
export async function promoteSecond(
  actor: Actor,
  { store, directory }: Pick<SecondDependencies, 'store' | 'directory'>,
  tenantId: number,
): Promise<TenantAnswer> {
  return await withTenant(actor, store, tenantId, async (tx, tenant) => {
    const second = requireSecond(store, tenant)
    const state = await queries.selectSecond(tx, tenantId)
    if (state?.version !== second.credentialVersion) throw untested()
    const given = await swapped(tx, store, tenant)
    const changed = await apply(tx, actor, store, directory, tenant, given, 'credential.promote')
    const former = credentialOf(store, changed, 'second')
    await queries.dropSecond(tx, tenantId)
    // The former one worked until now, unless the other one stands in for it.
    if (former !== undefined && state.stepped_in_at === null) {
      const version = former.credentialVersion
      const key = { tenantId, nodePath: tenant.row.node_path, version }
      await queries.noteTested(tx, key, new Date(store.clock.now()))
    }
    return await showTenant(tx, changed)
  })
}

/** Forgets the second credential. Throws `confirmation-required` unless the name was typed. */
export async function dropSecond(
  actor: Actor,
  { store, directory }: Pick<SecondDependencies, 'store' | 'directory'>,
  { tenantId, confirm }: { tenantId: number; confirm?: string | undefined },
): Promise<TenantAnswer> {
  return await withTenant(actor, store, tenantId, async (tx, tenant) => {
    requireSecond(store, tenant)
    const { name } = tenant.row
    const consequence = `This forgets the second credential of ${name} for good.`
    requireConfirmation(confirm, name, consequence)
    const given: Given = {
      values: { 'graph.secondCertificateId': null },
      vault: new Map([['graph.secondClientSecret', null]]),
    }
    await queries.dropSecond(tx, tenantId)
    return await change(tx, actor, store, directory, tenant, given, 'credential.drop')
  })
}

/** A person's word on when a secret ends; what Microsoft tells, once it may be read, goes first. */
export async function sayEnd(
  actor: Actor,
  store: Store,
  tenantId: number,
  { second = false, endsAt }: { second?: boolean | undefined; endsAt: string | null },
): Promise<void> {
  await withTenant(actor, store, tenantId, async (tx, { row, held }) => {
    const field = second ? 'graph.secondClientSecret' : 'graph.clientSecret'
    if (!held.has(field)) throw badInput('body.second', 'names a secret that is not set.')
    const now = store.clock.now()
    const at = endsAt === null ? null : new Date(endsAt)
    if (at !== null && at.getTime() <= now) throw badInput('body.endsAt', 'is past.')
    const { name, node_path: nodePath } = row
    const detail = { name, field, endsAt: at?.toISOString() ?? null }
    const entry = { nodePath, tenantId, subject: `tenant:${tenantId}`, detail }
    await record(tx, actor, { ...entry, action: 'credential.end' })
    await giveEnd(tx, { tenantId, nodePath }, field, at, new Date(now))
  })
}

async function withTenant<T>(
  actor: Actor,
  store: Store,
  tenantId: number,
  work: (tx: Tx, tenant: OpenedTenant) => Promise<T>,
): Promise<T> {
  return await inScope(store.db, scopesOf(actor), async (tx) =>
    work(tx, await permittedTenant(tx, store, actor, 'Update', tenantId, 'update')),
  )
}

async function apply(
  tx: Tx,
  actor: Actor,
  store: Store,
  directory: Directory,
  tenant: OpenedTenant,
  given: Given,
  action: string,
): Promise<OpenedTenant> {
  const { name } = tenant.row
  const { description } = tenant
  return await changeTenant(tx, actor, store, directory, tenant, {
    ...{ given, name, description, action },
  })
}

async function change(...input: Parameters<typeof apply>): Promise<TenantAnswer> {
  return await showTenant(input[0], await apply(...input))
}

/** Each in the other's place. A certificate beside a secret in use is for others and stays. */
async function swapped(tx: Tx, store: Store, { row, values, held }: OpenedTenant): Promise<Given> {
  const owner = ownerOf(row.id)
  const secretOf = async (field: SecretField) =>
    (await store.vault.get(tx, { owner, field })) ?? null
  const first = values['graph.certificateId'] ?? null
  const second = values['graph.secondCertificateId'] ?? null
  const kept = held.has('graph.clientSecret')
  return {
    values: {
      'graph.certificateId': second ?? (kept ? first : null),
      'graph.secondCertificateId': kept ? null : first,
    },
    vault: new Map([
      ['graph.clientSecret', await secretOf('graph.secondClientSecret')],
      ['graph.secondClientSecret', await secretOf('graph.clientSecret')],
    ]),
  }
}

type SecretField = (typeof credentialFields)[keyof typeof credentialFields]['secret']

function requireSecond(store: Store, tenant: OpenedTenant) {
  const second = credentialOf(store, tenant, 'second')
  if (second !== undefined) return second
  throw new AppError(
    'conflict',
    'This tenant has no second credential. Nothing was done; add one first: patchbay credential add.',
  )
}

function untested(): AppError {
  return new AppError(
    'conflict',
    'The second credential was not tested since it was put there. Nothing was changed; test it first: patchbay credential test.',
  )
}
