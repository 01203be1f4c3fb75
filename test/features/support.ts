import { createSecretKey, randomBytes } from 'node:crypto'
import { createClouds } from '../../src/connectors/microsoft/clouds.ts'
import { type Actor, allPermissions, type Permission } from '../../src/core/actor.ts'
import { AppError } from '../../src/core/errors.ts'
import type { Sealed } from '../../src/core/secret.ts'
import { createNode, type NodeAnswer } from '../../src/features/hierarchy/nodes.ts'
import { ensureRoot, rootPath } from '../../src/features/hierarchy/root.ts'
import type { Store } from '../../src/features/operation/store.ts'
import { deleteTenant } from '../../src/features/tenants/deleteTenant.ts'
import type { Directory } from '../../src/features/tenants/microsoftTenant.ts'
import { eventsFromStart, readEvents, type StoredEvent } from '../../src/store/events.ts'
import { createVault } from '../../src/store/vault.ts'
import { freshDatabase, quietLog, systemClock } from '../store/testing.ts'

export function actorAt(
  scope: string,
  permissions: readonly Permission[] = allPermissions,
  name = 'Ada',
): Actor {
  return { id: `person:${name}`, name, kind: 'person', grants: [{ scope, permissions }] }
}

export const provider = actorAt(rootPath)

export interface Bench {
  store: Store
  /** Of the server's superuser. */
  url: Sealed
  close(): Promise<void>
}

/** A database with the provider node, and a vault with a key of its own. */
export async function openBench(): Promise<Bench> {
  const fresh = await freshDatabase()
  const current = { id: 'test', key: createSecretKey(randomBytes(32)) }
  const vault = await createVault({ db: fresh.db, masterKeys: async () => [current] })
  await ensureRoot(provider, fresh.db, 'Provider')
  const store = { db: fresh.db, vault, clock: systemClock }
  return { store, url: fresh.url, close: fresh.close }
}

export async function addNode(
  { store }: Bench,
  parentId: number,
  kind: NodeAnswer['kind'],
  name: string,
): Promise<NodeAnswer> {
  return await createNode(provider, store.db, { parentId, kind, name })
}

export const contosoId = '11111111-2222-4333-8444-555555555555'

/** Knows one domain; everything else is unknown to Microsoft. */
export const directory: Directory = {
  proxies: {},
  clouds: createClouds([]),
  lookUpTenantId: async (_cloud, domain) => {
    if (domain === 'contoso.com') return contosoId
    throw new AppError('microsoft-not-found', 'There is no such tenant.')
  },
}

/**
 * The events at and below a path, once there are `count` of them. The outbox shows what was
 * committed before everything still open, and other tests may hold transactions on the same server.
 */
export async function eventsAt(
  { store }: Bench,
  path: string,
  count: number,
): Promise<StoredEvent[]> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const events = await readEvents(store.db, path, eventsFromStart)
    if (events.length >= count) return events
    await systemClock.sleep(50)
  }
  throw new Error(`there are no ${count} events at ${path}`)
}

/** The error that `work` fails with. */
export async function failureOf(work: Promise<unknown>): Promise<AppError> {
  try {
    await work
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('it did not fail')
}

export async function fieldsOf(work: Promise<unknown>): Promise<string[]> {
  return (await failureOf(work)).fields.map(({ field }) => field)
}

/** A tenant without subscriptions: its deletion has no way to Microsoft to go. */
export function removeTenant(
  actor: Actor,
  store: Store,
  wanted: { tenantId: number; confirm?: string },
): Promise<void> {
  const openGraph = () => Promise.reject(new Error('there is nothing to end'))
  const never = new AbortController().signal
  return deleteTenant(actor, { store, openGraph, log: quietLog }, wanted, never)
}
