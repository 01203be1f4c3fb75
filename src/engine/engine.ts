import type { Author } from '../core/actor.ts'
import type { Clock } from '../core/clock.ts'
import { AppError } from '../core/errors.ts'
import type { JsonObject } from '../core/json.ts'
import type { Model } from '../core/model.ts'
import type { Priority, Wire } from '../core/wire.ts'
import type { Database } from '../store/database.ts'
import type { Log } from '../store/log.ts'
import type { Tx } from '../store/scope.ts'
import type { Vault } from '../store/vault.ts'
import type { Models } from './models/versions/versions.ts'
import type { StepKinds } from './transaction/step.ts'

/**
 * What the verbs work with. Models and wires come in as values: no service is known by name here.
 */
export interface Engine {
  db: Database
  models: Models
  openWires: OpenWires
  stepKinds: StepKinds
  /** Keeps what comes with a transaction in secret until it ends. */
  vault: Vault
  noteConnection: NoteConnection
  mayBegin: MayBegin
  clock: Clock
  log: Log
}

/**
 * The wires of one tenant, opened for one piece of work. `onCall` is told of every request that
 * goes out, so that the work can say what it cost.
 */
export type OpenWires = (
  place: { tenantId: number; scope: string },
  onCall: () => void,
  priority: Priority,
) => Promise<TenantWires>

export interface TenantWires {
  /** Throws `bad-input` when this version has no such wire. */
  wire(name: string): Wire
  /** Removals of one model in one sync that need no person's yes. */
  removalsWithoutApproval: number
}

/**
 * Asked before the first read or write of work that was asked for earlier: whether its author still
 * may. Throws `not-permitted`, which is on record then. `of`: a sync, or a transaction's steps.
 */
export type MayBegin = (work: {
  author: Author
  tenantId: number
  nodePath: string
  of: 'sync' | readonly { kind: string; input: JsonObject }[]
}) => Promise<void>

/** Told how work fared on a wire of a tenant, in the commit that records it. */
export type NoteConnection = (
  tx: Tx,
  place: { tenantId: number; nodePath: string },
  wire: string,
  error: AppError | undefined,
) => Promise<void>

/** What a job hands to a verb: the row to advance, and the scope it lies in. */
export interface Job {
  id: number
  scope: string
  signal: AbortSignal
}

/** What a verb answers: finished, or come again after a while. */
export type Advance = { done: true } | { waitMs: number }

export function modelById(models: readonly Model[], id: string): Model | undefined {
  const wanted = id.toLowerCase()
  return models.find((model) => model.id.toLowerCase() === wanted)
}

/** Throws `not-found`. */
export function requireModel(models: readonly Model[], id: string): Model {
  const model = modelById(models, id)
  if (model !== undefined) return model
  throw new AppError(
    'not-found',
    `There is no model ${id} (any more). Nothing was changed; \`patchbay model list\` shows those there are.`,
  )
}

/**
 * Errors of our own house (taken over, database away, locks in each other's way): they end this
 * attempt, not the work; the job is tried again. Microsoft's have codes of their own.
 */
export function isOurOwn(error: AppError): boolean {
  return error.code === 'fenced' || error.code === 'unavailable' || error.code === 'conflict'
}

/**
 * A pause longer than a call waits for: the job comes back behind it, and everything else goes on.
 */
export function pauseOf(error: AppError): { waitMs: number } | undefined {
  if (error.code !== 'microsoft-throttled' || !error.retryAfterMs) return undefined
  return { waitMs: error.retryAfterMs }
}
