import type { TProperties, TSchema } from 'typebox'
import { limits } from '../core/limits.ts'
import { Type } from './type.ts'

/** An object that refuses members it does not name. */
export function Closed<T extends TProperties>(members: T, options: object = {}) {
  return Type.Object(members, { additionalProperties: false, ...options })
}

export const Id = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
export const Time = Type.String({ format: 'date-time' })

/** Text a person typed: bounded, and without control characters (NUL, line ends) in it. */
export function Text(options: { minLength?: number; maxLength?: number; title?: string } = {}) {
  return Type.String({
    maxLength: limits.fieldCharsMax,
    pattern: '^[^\\u0000-\\u001f\\u007f]*$',
    ...options,
  })
}

export function Nullable<T extends TSchema>(schema: T) {
  return Type.Union([schema, Type.Null()])
}

/** JSON of any shape: an observed object, a before-image. */
export const AnyJson = Type.Unknown()
export const AnyObject = Type.Record(Type.String(), Type.Unknown())

export const Problem = Closed({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  code: Type.String(),
  detail: Type.String(),
  instance: Type.String(),
  fields: Type.Optional(Type.Array(Closed({ field: Type.String(), problem: Type.String() }))),
  retryAfterMs: Type.Optional(Type.Integer()),
  microsoftCode: Type.Optional(Type.String()),
  microsoftRequestId: Type.Optional(Type.String()),
})

/** Keyset paging: `after` is the text an earlier answer gave as `next`. */
export const pageQuery = {
  after: Type.Optional(Text({ maxLength: 1_024 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.listRowsMax })),
}

export function PageOf<T extends TSchema>(item: T) {
  return Closed({ items: Type.Array(item), next: Nullable(Type.String()) })
}
