import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { isJsonObject, type JsonObject } from '../../core/json.ts'
import type { Request } from '../exchange.ts'

/** What is wrong with a request of the control API. */
export class ControlRefusal extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.name = 'ControlRefusal'
    this.status = status
  }
}

export function readInput(request: Request): JsonObject {
  if (request.body.length === 0) return {}
  let value: unknown
  try {
    value = JSON.parse(request.body.toString('utf8'))
  } catch {
    throw new ControlRefusal(400, 'The body is not JSON.')
  }
  if (!isJsonObject(value)) throw new ControlRefusal(400, 'The body is not an object.')
  return value
}

export function numberIn(input: JsonObject, name: string, otherwise?: number): number {
  const value = input[name] ?? otherwise
  if (typeof value !== 'number') throw new ControlRefusal(400, `${name} must be a number.`)
  return value
}

export function textIn(input: JsonObject, name: string): string {
  const value = input[name]
  if (typeof value !== 'string') throw new ControlRefusal(400, `${name} must be a text.`)
  return value
}

export function textsIn(input: JsonObject, name: string): string[] {
  const value = input[name]
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
    throw new ControlRefusal(400, `${name} must be a list of texts.`)
  }
  return value
}

/** The input as its schema describes it; refused by the name of what does not fit. */
export function readAs<T extends TSchema>(schema: T, input: JsonObject): Static<T> {
  if (Value.Check(schema, input)) return input
  const [first] = Value.Errors(schema, input)
  throw new ControlRefusal(400, `${first?.instancePath.slice(1) ?? ''} ${first?.message ?? ''}`)
}
