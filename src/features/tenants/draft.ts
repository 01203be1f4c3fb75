import { AppError, type ErrorDetail, type FieldProblem } from '../../core/errors.ts'
import type { Sealed } from '../../core/secret.ts'
import type { PolicyReach } from '../egress/reach.ts'
import { endpointIn, maskProxy } from './addresses.ts'
import { authorityProblem } from './authority.ts'
import {
  type FieldPath,
  type Given,
  type TenantField,
  tenantFields,
  type Values,
  vaultFields,
} from './fields.ts'
import { bindings, endsWhereItIsSent, placesOf } from './places.ts'
import { checkTenant, checkThumbprint, type Proposal } from './rules.ts'

/** A tenant as it is stored; empty for a new one. */
export interface Stored {
  values: Values
  /** The fields set in the vault. */
  held: ReadonlySet<FieldPath>
  /** Of those the ones that are shown, opened. */
  shown: ReadonlyMap<FieldPath, Sealed>
}

/** What a change comes down to, before anything is written. */
export interface Draft {
  values: Values
  put: Map<FieldPath, Sealed>
  drop: Set<FieldPath>
  held: Set<FieldPath>
  /**
   * Secrets, and the choice of a certificate, that are dropped because they would have been used
   * elsewhere, with what changed.
   */
  dropped: Map<FieldPath, FieldPath[]>
  /** Every field that is not as it was, those of the vault included. */
  changed: FieldPath[]
}

/** Merges what is given into what is stored: absent stays, null clears. Pure. */
export function draftChange(stored: Stored, given: Given): Draft {
  const values = mergeValues(stored.values, given.values)
  const put = new Map<FieldPath, Sealed>()
  const drop = new Set<FieldPath>()
  for (const [path, secret] of given.vault) {
    const kept = stored.shown.get(path)
    if (secret === null) drop.add(path)
    else if (kept === undefined || !isShownText(path, kept, secret)) put.set(path, secret)
  }
  const plain = tenantFields.filter(({ path }) => values[path] !== stored.values[path])
  const changed = [...plain.map(({ path }) => path), ...put.keys()]
  changed.push(...[...drop].filter((path) => stored.held.has(path)))
  // An address that is only cleared sends nothing to a new place.
  const isCleared = (path: FieldPath) =>
    endsWhereItIsSent(path) && values[path] === undefined && !put.has(path)
  const movedOf = (path: FieldPath) =>
    placesOf(path).filter((place) => changed.includes(place) && !isCleared(place))
  const dropped = new Map<FieldPath, FieldPath[]>()
  for (const { path, stored: kind } of vaultFields) {
    // An encrypted address holds its own credentials: it cannot change without them.
    if (kind !== 'secret' || !stored.held.has(path) || put.has(path) || drop.has(path)) continue
    const moved = movedOf(path)
    if (moved.length > 0) dropped.set(path, moved)
  }
  for (const path of dropped.keys()) drop.add(path)
  for (const path of bindings) {
    const moved = movedOf(path)
    if (stored.values[path] === undefined || changed.includes(path) || moved.length === 0) continue
    // Chosen anew it is a choice like any other: whether they may make it is asked.
    if (given.values[path] !== undefined) changed.push(path)
    else {
      delete values[path]
      dropped.set(path, moved)
    }
  }
  const held = new Set([...stored.held, ...put.keys()])
  for (const path of drop) held.delete(path)
  return { values, put, drop, held, dropped, changed }
}

/** What the rules of single fields look at besides the draft. */
export interface Context extends Pick<Proposal, 'certificate' | 'clouds'> {
  policy: PolicyReach | undefined
  nowMs: number
}

/**
 * Throws bad-input with every problem of the draft. With `mayLackSecrets` those that are only about
 * a secret that is not there yet are answered instead: an export holds none.
 */
export function checkDraft(draft: Draft, context: Context, mayLackSecrets = false): FieldProblem[] {
  const { values, held, dropped } = draft
  const { certificate, clouds } = context
  const problems = checkTenant({ values, held, dropped, certificate, clouds })
  for (const field of tenantFields) {
    if (draft.changed.includes(field.path)) problems.push(...checkField(field, draft, context))
  }
  const lacked = problems.filter(
    ({ field }) =>
      mayLackSecrets && vaultFields.some(({ path }) => path === field && !held.has(path)),
  )
  const wrong = problems.filter((problem) => !lacked.includes(problem))
  if (wrong.length > 0) throw refused(wrong)
  return lacked
}

export function refused(
  problems: readonly FieldProblem[],
  detail: Pick<ErrorDetail, 'beyondScope'> = {},
): AppError {
  const message = problems.map(({ field, problem }) => `${field} ${problem}`).join(' ')
  const fields = problems.map(({ field, problem }) => ({ field: `body.${field}`, problem }))
  return new AppError('bad-input', message, { ...detail, fields })
}

/** What is shown of an encrypted field. */
export function shownText(path: FieldPath, secret: Sealed): string {
  return isProxy(path) ? maskProxy(path, secret) : secret.reveal()
}

/** The text a form got and sends back untouched. */
function isShownText(path: FieldPath, stored: Sealed, given: Sealed): boolean {
  return shownText(path, stored) === given.reveal().trim()
}

function isProxy(path: FieldPath): boolean {
  return tenantFields.some((field) => field.path === path && field.address === 'proxy')
}

/** What can be told of one field that was given, by its text alone. */
function checkField(field: TenantField, draft: Draft, context: Context): FieldProblem[] {
  const { path } = field
  const value = draft.put.get(path)?.reveal() ?? draft.values[path]
  if (typeof value !== 'string') return []
  if (path === 'exchange.certificateThumbprint') return checkThumbprint(path, value)
  try {
    const endpoint = endpointIn(field, value)
    const problem =
      endpoint === undefined
        ? path === 'graph.caCertificate' && authorityProblem(value, context.nowMs)
        : (context.policy?.problem ?? (() => 'cannot be changed this way.'))(endpoint)
    return problem ? [{ field: path, problem }] : []
  } catch (error) {
    if (error instanceof AppError) return error.fields
    throw error
  }
}

function mergeValues(stored: Values, given: Given['values']): Values {
  const merged: Record<string, unknown> = { ...stored }
  for (const [path, value] of Object.entries(given)) {
    if (value === null) delete merged[path]
    else merged[path] = value
  }
  for (const { path, default: preset } of tenantFields) {
    if (merged[path] === undefined && preset !== undefined) merged[path] = preset
  }
  merged['graph.cloud'] ??= 'global'
  // Both sides were Values; only the keys given were replaced, by values of the same fields.
  return merged as Values
}
