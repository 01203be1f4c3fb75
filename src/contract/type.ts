import type TypeBox from 'typebox'

/** The kinds of schema an API is written with. */
type Builders = Pick<
  typeof TypeBox,
  | 'Array'
  | 'Boolean'
  | 'Enum'
  | 'Integer'
  | 'Literal'
  | 'Null'
  | 'Object'
  | 'Optional'
  | 'Record'
  | 'String'
  | 'Union'
  | 'Unknown'
>

type Schema = Record<string, unknown>

/**
 * TypeBox's own mark, so that schemas of either make may hold those of the other. It is no
 * enumerable member: it belongs to the object around, as absence in `required`.
 */
const optional = '~optional'

function markOptional(schema: Schema): Schema {
  return Object.defineProperty({ ...schema }, optional, { value: true })
}

const builders = {
  Array: (items: Schema, options?: Schema) => ({ type: 'array', items, ...options }),
  Boolean: (options?: Schema) => ({ type: 'boolean', ...options }),
  Enum: (values: readonly unknown[], options?: Schema) => ({ enum: [...values], ...options }),
  Integer: (options?: Schema) => ({ type: 'integer', ...options }),
  Literal: (value: unknown, options?: Schema) => ({ type: typeof value, const: value, ...options }),
  Null: (options?: Schema) => ({ type: 'null', ...options }),
  Object: (properties: Record<string, Schema>, options?: Schema) => {
    const required = Object.keys(properties).filter(
      (name) => !(optional in (properties[name] ?? {})),
    )
    return { type: 'object', ...(required.length > 0 && { required }), properties, ...options }
  },
  Optional: markOptional,
  Record: (_name: Schema, value: Schema, options?: Schema) => ({
    type: 'object',
    patternProperties: { '^.*$': value },
    ...options,
  }),
  String: (options?: Schema) => ({ type: 'string', ...options }),
  Union: (anyOf: readonly Schema[], options?: Schema) => ({ anyOf, ...options }),
  Unknown: (options?: Schema) => ({ ...options }),
}

/**
 * TypeBox's types over a few builders of plain JSON Schema. The client needs of the contract only
 * methods and paths, yet loading TypeBox for it took 90 of the 200 ms in which a command answers,
 * and would be most of what a browser loads. What checks values still is TypeBox, in the server.
 */
export const Type = builders as unknown as Builders
