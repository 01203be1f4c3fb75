import type { CallBody, GraphCall } from '../../core/call.ts'
import { AppError, badInput } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import { type Model, type Operation, writableProperty } from '../../core/model.ts'
import type { Sealed } from '../../core/secret.ts'
import type { Edge } from '../../core/writing.ts'
import { graphCost } from './cost.ts'
import { itemTemplate, pathOf } from './reading.ts'
import { checkOf, wrong } from './values.ts'

/** PATCH of the properties given. Errors: `bad-input` for what cannot be written. */
export function updateCall(model: Model, key: string, changes: JsonObject): GraphCall {
  const template = model.update?.call ?? itemTemplate(model)
  // What every change of it says beside what it changes: the type of a place.
  const body = { ...model.update?.with, ...writableValues(model, changes) }
  return writeCall('PATCH', template, pathOf(template, key), body)
}

/** `password`: of an object that signs in (learn.microsoft.com: user-post-users). */
export function createCall(
  model: Model,
  values: JsonObject,
  password: Sealed | undefined,
): GraphCall {
  const { call } = declared(model, 'create')
  const body = {
    ...writableValues(model, values),
    ...(password && { passwordProfile: passwordProfile(password, true) }),
  }
  return writeCall('POST', call, pathOf(call), body)
}

export function deleteCall(model: Model, key: string): GraphCall {
  const { call } = declared(model, 'delete')
  return writeCall('DELETE', call, pathOf(call, key), undefined)
}

/** Back under its key (learn.microsoft.com: directory-deleteditems-restore). */
export function restoreCall(model: Model, key: string): GraphCall {
  const template = `${declared(model, 'deleted').call}/restore`
  return writeCall('POST', template, pathOf(template, key), undefined)
}

/** A new password; `mustChange`: to be changed at the next sign-in. */
export function passwordCall(
  model: Model,
  key: string,
  password: Sealed,
  mustChange: boolean,
): GraphCall {
  const template = model.update?.call ?? itemTemplate(model)
  const body = { passwordProfile: passwordProfile(password, mustChange) }
  return writeCall('PATCH', template, pathOf(template, key), body)
}

function passwordProfile(password: Sealed, mustChange: boolean): CallBody {
  return { forceChangePasswordNextSignIn: mustChange, password }
}

/**
 * An edge of a list of its own, made or taken away (learn.microsoft.com: group-post-members).
 * `graph`: the origin by which the reference names the other object.
 */
export function linkCall(graph: string, model: Model, edge: Edge): GraphCall {
  const list = model.links.find(({ kind }) => kind === edge.kind)?.call
  // Who holds a directory role is read through a model that is read only, and stays so.
  if (list === undefined || model.update === undefined) {
    throw badInput(edge.kind, `is no link of a ${model.title} that can be changed by itself`)
  }
  const template = `${itemTemplate(model)}/${list}`
  if (!edge.present) {
    // Without $ref at its end this would delete the object itself.
    const path = [...pathOf(template, edge.from), edge.to, '$ref']
    return writeCall('DELETE', `${template}/{id}/$ref`, path, undefined)
  }
  const reference = `${graph}/v1.0/directoryObjects/${encodeURIComponent(edge.to)}`
  const path = [...pathOf(template, edge.from), '$ref']
  return writeCall('POST', `${template}/$ref`, path, { '@odata.id': reference })
}

export function writeCall(
  method: 'POST' | 'PATCH' | 'DELETE',
  template: string,
  path: string[],
  body: CallBody | undefined,
): GraphCall {
  return { wire: 'graph', method, path, query: {}, body, cost: graphCost(method, template, {}) }
}

function declared(model: Model, operation: 'create' | 'delete' | 'deleted'): Operation {
  const found = model[operation]
  if (found === undefined) throw notDeclared(model, operation)
  return found
}

export function notDeclared(model: Model, operation: string): AppError {
  return new AppError('internal', `${model.id} declares no ${operation}; nothing was sent.`)
}

function writableValues(model: Model, values: JsonObject): JsonObject {
  const body: JsonObject = {}
  for (const [name, value] of Object.entries(values)) {
    const property = writableProperty(model, name)
    if (property === undefined) throw badInput(name, 'cannot be changed at Microsoft through here')
    const normal = value === null ? null : checkOf(property)(value)
    if (normal === wrong) throw badInput(name, `is not a value of type ${property.type}`)
    const { maxLength = Number.POSITIVE_INFINITY } = property
    if (typeof normal === 'string' && normal.length > maxLength) {
      throw badInput(name, `is longer than ${maxLength} characters`)
    }
    body[name] = normal
  }
  return body
}
