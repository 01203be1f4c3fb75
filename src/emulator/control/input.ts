import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
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

/** The members that are given and have the right type; everything else is refused by name. */
export function pickGiven<T extends object>(
  input: JsonObject,
  types: { [K in keyof T]-?: (value: Json) => boolean },
): Partial<T> {
  const known: Record<string, (value: Json) => boolean> = types
  for (const [name, value] of Object.entries(input)) {
    const check = Object.hasOwn(known, name) ? known[name] : undefined
    if (check === undefined) throw new ControlRefusal(400, `${name} is not known here.`)
    if (!check(value)) throw new ControlRefusal(400, `${name} has the wrong type.`)
  }
  // Each member was just checked against the table that `T` itself demands.
  return input as Partial<T>
}

export const isText = (value: Json): value is string => typeof value === 'string'
export const isNumber = (value: Json): value is number => typeof value === 'number'
export const isTexts = (value: Json) => Array.isArray(value) && value.every(isText)
