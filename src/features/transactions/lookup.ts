import type { Static } from 'typebox'
import type { Changes } from '../../contract/transactions.ts'
import { badInput } from '../../core/errors.ts'
import type { Json } from '../../core/json.ts'
import type { Model } from '../../core/model.ts'
import type { Tx } from '../../store/scope.ts'
import { notFound } from '../operation/notFound.ts'
import { namesByKey } from '../resources/queries.ts'
import { findOne } from '../resources/resources.ts'
import { selectRemoved } from './queries.ts'

type Asked = Static<typeof Changes>['steps'][number]

/** An object of a step: its key, or the step before that makes it. */
export interface Reference {
  key: Json
  name: string
}

/** What is known of the objects of one request. */
export interface Lookup {
  tx: Tx
  tenantId: number
  steps: readonly Asked[]
  models: readonly Model[]
  /** By model: names by key of all that the request names, read at once. */
  names: ReadonlyMap<string, ReadonlyMap<string, string>>
}

export async function openLookup(
  tx: Tx,
  tenantId: number,
  all: readonly Model[],
  steps: readonly Asked[],
  models: readonly Model[],
): Promise<Lookup> {
  const refs = steps.flatMap(({ ref, to }) => [ref, to]).filter((ref) => typeof ref === 'string')
  const concerned = new Set(
    models.flatMap(({ id, links }) => [id, ...links.flatMap(({ to }) => to)]),
  )
  const names = new Map<string, Map<string, string>>()
  for (const { id } of all) {
    if (concerned.has(id)) names.set(id, await namesByKey(tx, tenantId, id, refs))
  }
  return { tx, tenantId, steps, models, names }
}

/** Throws `not-found`, `conflict` when it means several, `bad-input` for a step that makes none. */
export async function lookUp(
  { tx, tenantId, steps, models, names }: Lookup,
  model: Model,
  ref: Asked['ref'],
  at: string,
  removed = false,
): Promise<Reference> {
  if (ref === undefined) throw badInput(at, 'is required')
  if (typeof ref === 'string') {
    if (removed) return findRemoved(tx, tenantId, model, ref, at)
    const name = names.get(model.id)?.get(ref)
    if (name !== undefined) return { key: ref, name }
    const found = await findOne(tx, tenantId, model, ref)
    return { key: found.key, name: found.name }
  }
  const before = steps[ref.step - 1]
  const here = Number(at.split('.')[2])
  if (before?.do !== 'create' || models[ref.step - 1]?.id !== model.id || ref.step > here) {
    throw badInput(`${at}.step`, `is no step before this one that makes a ${model.title}`)
  }
  return { key: { step: ref.step }, name: `the one of step ${ref.step}` }
}

/** Among what our copy knows to be gone; what it never knew may be named by its key. */
async function findRemoved(
  tx: Tx,
  tenantId: number,
  model: Model,
  ref: string,
  at: string,
): Promise<Reference> {
  const [found, another] = await selectRemoved(tx, tenantId, model.id, ref)
  if (another !== undefined) {
    throw badInput(at, 'is the name of several; name the one you mean by its key.')
  }
  if (found !== undefined) return found
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(ref)) throw notFound(model.title)
  return { key: ref.toLowerCase(), name: ref }
}
