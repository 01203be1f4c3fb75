import type { Static } from 'typebox'
import type { Changes, stepNames } from '../../contract/transactions.ts'
import {
  type Actor,
  mayDo,
  notPermitted,
  type Operation,
  requirePermission,
} from '../../core/actor.ts'
import { type AppError, badInput } from '../../core/errors.ts'
import { isJsonObject, type JsonObject } from '../../core/json.ts'
import type { Model } from '../../core/model.ts'
import type { Sealed } from '../../core/secret.ts'
import { modelById, requireModel } from '../../engine/engine.ts'
import { validateChange } from '../../engine/transaction/validateChange.ts'
import type { Tx } from '../../store/scope.ts'
import { productModel, userModel } from '../licences/licenceStep.ts'
import { resolveLicences } from '../licences/products.ts'
import { permittedTenantPath } from '../tenants/access.ts'
import { type Lookup, lookUp, openLookup, type Reference } from './lookup.ts'
import { sealPassword } from './passwords.ts'

export type ChangesBody = Static<typeof Changes>
type Asked = ChangesBody['steps'][number]
type StepName = (typeof stepNames)[number]

/** A step of a request, looked up and checked. */
export interface ResolvedStep {
  kind: string
  title: string
  input: JsonObject
  model: Model
  operation: Operation
  /** What will not come back by itself, in words, when a person has to say yes to it. */
  consequence: string | undefined
  /** `made`: by us, so it is shown once. */
  password: { sealed: Sealed; made: boolean } | undefined
}

/** What each step takes; of these all but those marked `?` have to be there. */
const members: Readonly<Record<StepName, readonly string[]>> = {
  update: ['model', 'ref', 'set'],
  create: ['model', 'set', 'password?'],
  delete: ['model', 'ref'],
  restore: ['model', 'ref'],
  link: ['model', 'ref', 'link', 'to'],
  unlink: ['model', 'ref', 'link', 'to'],
  licence: ['ref', 'add?', 'remove?'],
  password: ['model', 'ref', 'password?', 'mustChange?'],
}

/** What a step needs to be resolved: the request around it and where it stands in it. */
interface Place {
  tx: Tx
  mayRead: (model: string) => boolean
  models: readonly Model[]
  tenantId: number
  lookup: Lookup
  at: string
}

/**
 * The request with its models and objects looked up and every value checked. Takes Read on every
 * model of which something is looked up: whether it is there, and what it is called, is told.
 */
export async function resolveChanges(
  tx: Tx,
  actor: Actor,
  models: readonly Model[],
  tenantId: number,
  body: ChangesBody,
): Promise<{ nodePath: string; steps: ResolvedStep[] }> {
  const asked = body.steps.map((step, index) => ({ step, at: `body.steps.${index}` }))
  const stepModels = asked.map(({ step, at }) => modelOf(models, step, at))
  const first = stepModels[0]?.id ?? userModel
  const nodePath = await permittedTenantPath(tx, actor, 'Read', first, tenantId, 'share')
  for (const model of stepModels) requirePermission(actor, 'Read', model.id, nodePath)
  const mayRead = (model: string) => mayDo(actor, 'Read', model, nodePath)
  const lookup = await openLookup(tx, tenantId, models, body.steps, stepModels)
  const steps: ResolvedStep[] = []
  const seen = new Set<string>()
  for (const [index, { step, at }] of asked.entries()) {
    const model = stepModels[index] ?? requireModel(models, userModel)
    const resolved = await resolveStep({ tx, mayRead, models, tenantId, lookup, at }, model, step)
    const name = JSON.stringify([step.do, model.id, ...nameOf(model, resolved)])
    if (seen.has(name)) throw namedTwice(model, step, at)
    seen.add(name)
    steps.push(resolved)
  }
  return { nodePath, steps }
}

/** By which a step's object is one; services compare the names of new ones without case. */
function nameOf({ create }: Model, { kind, input }: ResolvedStep): unknown[] {
  if (kind !== 'create') return [input.key, input.to]
  const set = isJsonObject(input.set) ? input.set : {}
  return [String(set[create?.by ?? '']).toLowerCase()]
}

function namedTwice({ create }: Model, step: Asked, at: string): AppError {
  if (step.do !== 'create') {
    return badInput(`${at}.ref`, 'names an object that stands in the list already.')
  }
  return badInput(`${at}.set.${create?.by}`, 'is that of another new one in the list.')
}

function modelOf(models: readonly Model[], step: Asked, at: string): Model {
  const given: Readonly<Record<string, unknown>> = step
  const takes = members[step.do]
  for (const name of takes) {
    if (!name.endsWith('?') && given[name] === undefined) {
      throw badInput(`${at}.${name}`, `is required for ${step.do}`)
    }
  }
  for (const name of Object.keys(step)) {
    if (name !== 'do' && !takes.includes(name) && !takes.includes(`${name}?`)) {
      throw badInput(`${at}.${name}`, `is nothing that ${step.do} takes`)
    }
  }
  const model = modelById(models, step.model ?? userModel)
  if (model !== undefined) return model
  throw badInput(`${at}.model`, 'is no model; `patchbay model list` shows them.')
}

function resolveStep(
  place: Place,
  model: Model,
  step: Asked,
): Promise<ResolvedStep> | ResolvedStep {
  switch (step.do) {
    case 'update':
      return resolveUpdate(place, model, step)
    case 'create':
      return resolveCreate(place, model, step)
    case 'delete':
    case 'restore':
      return resolveExistence(place, model, step)
    case 'link':
    case 'unlink':
      return resolveLink(place, model, step)
    case 'licence':
      return resolveLicence(place, model, step)
    case 'password':
      return resolvePassword(place, model, step)
  }
}

const plainly = { consequence: undefined, password: undefined }

async function resolveUpdate(place: Place, model: Model, step: Asked): Promise<ResolvedStep> {
  const set = valuesOf(step)
  validateChange(model, set, `${place.at}.set`)
  const { key, name } = await lookUp(place.lookup, model, step.ref, `${place.at}.ref`)
  return {
    ...plainly,
    ...{ kind: 'update', title: `${name}: ${Object.keys(set).join(', ')}` },
    ...{ input: { model: model.id, key, set, expect: null }, model, operation: 'Update' },
  }
}

function resolveCreate({ at }: Place, model: Model, step: Asked): ResolvedStep {
  const { create } = model
  if (create === undefined) throw badInput(`${at}.model`, 'is a model of which none can be made')
  const set = valuesOf(step)
  validateChange(model, set, `${at}.set`)
  for (const name of [create.by, ...create.required]) {
    if ((set[name] ?? null) === null) throw badInput(`${at}.set.${name}`, 'is required')
  }
  if (step.password !== undefined && !create.password) {
    throw badInput(`${at}.password`, `is nothing a ${model.title} has`)
  }
  return {
    ...{ kind: 'create', title: `New ${model.title} ${String(set[create.by])}`, model },
    ...{ operation: 'Create', consequence: undefined },
    input: { model: model.id, set, password: create.password },
    password: create.password ? sealPassword(step.password) : undefined,
  }
}

async function resolveExistence(place: Place, model: Model, step: Asked): Promise<ResolvedStep> {
  const { at, lookup } = place
  const isDelete = step.do === 'delete'
  if ((isDelete ? model.delete : model.deleted) === undefined) {
    throw badInput(`${at}.model`, `is a model of which nothing can be ${step.do}d`)
  }
  const { key, name } = await lookUp(lookup, model, step.ref, `${at}.ref`, !isDelete)
  const input = { model: model.id, key }
  if (!isDelete) {
    return {
      ...plainly,
      ...{ kind: 'restore', title: `Restore ${name}`, input, model, operation: 'Create' },
    }
  }
  return {
    ...{ kind: 'delete', title: `Delete ${name}`, model, operation: 'Delete' },
    ...{ input: { ...input, find: null, expect: null }, password: undefined },
    consequence: consequenceOfDelete(name, model),
  }
}

/** What a person has to say yes to, whenever an object of the model is to be deleted. */
export function consequenceOfDelete(name: string, model: Model | undefined): string {
  if (model?.deleted === undefined) return `${name} is deleted for good.`
  return `${name} is deleted, with everything that hangs on it; it can be brought back for 30 days.`
}

async function resolveLink(place: Place, model: Model, step: Asked): Promise<ResolvedStep> {
  const { at, lookup, models } = place
  const link = model.links.find(({ kind }) => kind === step.link)
  if (link?.call === undefined || model.update === undefined) {
    throw badInput(`${at}.link`, `is no link of a ${model.title} that can be changed by itself`)
  }
  const { key, name } = await lookUp(lookup, model, step.ref, `${at}.ref`)
  const readable = link.to.filter(place.mayRead)
  if (readable.length === 0) throw notPermitted('Read', link.to.join(' or '))
  const to = await lookUpAny(
    lookup,
    readable.flatMap((id) => modelById(models, id) ?? []),
    step.to,
    `${at}.to`,
  )
  const present = step.do === 'link'
  return {
    ...plainly,
    ...{ kind: 'link', model, operation: 'Update' },
    title: `${name}: ${present ? 'add' : 'remove'} ${link.kind} ${to.name}`,
    input: {
      ...{ model: model.id, key, link: link.kind, present },
      to: { model: to.model.id, key: to.key },
    },
  }
}

/** An edge may lead to several models: the first that has such an object is meant. */
async function lookUpAny(
  lookup: Lookup,
  models: readonly Model[],
  ref: Asked['to'],
  at: string,
): Promise<Reference & { model: Model }> {
  let problem: unknown
  for (const model of models) {
    try {
      return { ...(await lookUp(lookup, model, ref, at)), model }
    } catch (error) {
      problem ??= error
    }
  }
  throw problem
}

async function resolveLicence(place: Place, model: Model, step: Asked): Promise<ResolvedStep> {
  const { tx, models, tenantId, at, lookup } = place
  const { key, name } = await lookUp(lookup, model, step.ref, `${at}.ref`)
  if (!place.mayRead(productModel)) throw notPermitted('Read', productModel)
  const asked = { add: step.add ?? [], remove: step.remove ?? [] }
  const { add, remove } = await resolveLicences(tx, models, tenantId, asked, at)
  const names = [...add.map((one) => `+ ${one.name}`), ...remove.map((one) => `- ${one.name}`)]
  return {
    ...plainly,
    ...{ kind: 'licence', title: `${name}: licence ${names.join(', ')}`, model },
    ...{ input: { model: model.id, key, add, remove }, operation: 'Update' },
  }
}

async function resolvePassword(place: Place, model: Model, step: Asked): Promise<ResolvedStep> {
  if (model.create?.password !== true) {
    throw badInput(`${place.at}.model`, 'is a model of objects that do not sign in')
  }
  const { key, name } = await lookUp(place.lookup, model, step.ref, `${place.at}.ref`)
  return {
    ...{ kind: 'password', title: `${name}: new password`, model, operation: 'Update' },
    input: { model: model.id, key, mustChange: step.mustChange ?? true },
    consequence: `${name} gets a new password; the former one cannot be put back.`,
    password: sealPassword(step.password),
  }
}

function valuesOf({ set }: Asked): JsonObject {
  // Checked by the contract to be an object; its values came as JSON.
  return set as JsonObject
}
