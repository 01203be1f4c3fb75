import type { Clock } from '../../core/clock.ts'
import type { ReplicaLag } from '../options.ts'
import { seededRandom } from '../random.ts'
import { changePosition } from './changes.ts'
import { addOrdered, dropOrdered } from './ordered.ts'
import {
  type DirectoryObject,
  type Index,
  type Replicas,
  type Tenant,
  textOf,
  type User,
} from './types.ts'

const replicaCount = 3

export function newReplicas(lag: ReplicaLag | undefined, seed: number, clock: Clock) {
  if (lag === undefined) return undefined
  const replicas: Replicas = { lag, clock, random: seededRandom(seed, 'replicas'), past: [] }
  return replicas
}

/** Keeps what an object is, right before it changes. */
export function keepPast(tenant: Tenant, object: DirectoryObject): void {
  const { replicas } = tenant
  if (replicas === undefined) return
  const { lag, random, clock } = replicas
  const at = clock.now()
  replicas.past = replicas.past.filter((past) => isPending(past.at, longestMs(lag), at))
  const isThere = tenant.byId.get(object.id) === object
  replicas.past.push({
    id: object.id,
    before: isThere ? copyOf(object) : undefined,
    now: object,
    at,
    position: changePosition(tenant.changes),
    lagsMs: Array.from({ length: replicaCount }, () => random() * lag.readMs),
    eventualLagMs: random() * lag.eventualMs,
  })
}

/**
 * The tenant as one replica knows it; `eventual` is the index behind advanced queries and delta,
 * of which there is one, so that no delta loses what another has promised. What is changed through
 * it changes the tenant itself.
 */
export function seenTenant(tenant: Tenant, eventual: boolean): Tenant {
  const { replicas } = tenant
  if (replicas === undefined) return tenant
  const { past, random, clock } = replicas
  const replica = Math.floor(random() * replicaCount)
  const now = clock.now()
  const pending = past.filter((one) =>
    isPending(one.at, eventual ? one.eventualLagMs : (one.lagsMs[replica] ?? 0), now),
  )
  if (pending.length === 0) return tenant
  // In reverse, so that the oldest change that has not arrived decides.
  const oldest = new Map(pending.toReversed().map((one) => [one.id, one]))
  const users = [...tenant.users]
  const groups = [...tenant.groups]
  const byUpn = new Map<string, User | undefined>()
  for (const { now: object, before } of oldest.values()) {
    const list: DirectoryObject[] = object.type === 'user' ? users : groups
    dropOrdered(list, object)
    if (before !== undefined) addOrdered(list, before)
    if (object.type === 'user') byUpn.set(upnKey(object), undefined)
  }
  for (const { before } of oldest.values()) {
    if (before?.type === 'user') byUpn.set(upnKey(before), before)
  }
  const { first, entries } = tenant.changes
  const position = Math.min(...pending.map((one) => one.position))
  return {
    ...tenant,
    users,
    groups,
    byId: overlaid(tenant.byId, new Map([...oldest].map(([id, one]) => [id, one.before]))),
    byUpn: overlaid(tenant.byUpn, byUpn),
    changes: { first, entries: entries.slice(0, Math.max(0, position - first)) },
  }
}

function isPending(at: number, lagMs: number, now: number): boolean {
  return at + lagMs > now
}

function longestMs({ readMs, eventualMs }: ReplicaLag): number {
  return Math.max(readMs, eventualMs)
}

function copyOf(object: DirectoryObject): DirectoryObject {
  const data = { ...object.data }
  if (object.type === 'user') return { ...object, data }
  return { ...object, data, members: [...object.members], owners: [...object.owners] }
}

function overlaid<T>(index: Index<T>, over: ReadonlyMap<string, T | undefined>): Index<T> {
  return {
    get: (key) => (over.has(key) ? over.get(key) : index.get(key)),
    set: (key, value) => index.set(key, value),
    delete: (key) => index.delete(key),
  }
}

function upnKey(user: User): string {
  return textOf(user, 'userPrincipalName').toLowerCase()
}
