import Type, { type Static } from 'typebox'

/**
 * The grammar of a model file: docs/architecture.md, section 3. `models/schema.json` is this value
 * written out, for editors and for people.
 */
const Closed = <T extends Parameters<typeof Type.Object>[0]>(members: T, options: object = {}) =>
  Type.Object(members, { additionalProperties: false, ...options })

const ModelType = Type.String({
  pattern: '^device/[a-z][a-z0-9]*/[A-Za-z][A-Za-z0-9]*$',
  description: 'device/<application>/<Name>; the path of the file without its ending',
})
const namePattern = '^[A-Za-z][A-Za-z0-9]*$'
const Name = Type.String({ pattern: namePattern, maxLength: 64 })

const operation = {
  call: Type.String({
    maxLength: 256,
    description: 'What is called, in the language of the wire; {key} is the place of the key',
  }),
  with: Type.Optional(
    Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 256 }), {
      description: 'Constants the wire sends along: options of a read, properties of a change',
    }),
  ),
}
const Operation = Closed(operation)
const Create = Closed({
  ...operation,
  by: Type.String({
    pattern: namePattern,
    maxLength: 64,
    description: 'A property the service keeps unique; says whether the object is there already',
  }),
  required: Type.Array(Name, { uniqueItems: true }),
  password: Type.Optional(Type.Boolean({ description: 'It signs in: made with a password' })),
  passwordSetAt: Type.Optional(
    Type.String({
      pattern: namePattern,
      maxLength: 64,
      description: 'The property that says when the password was set: a new one is read back by it',
    }),
  ),
})

const Override = Closed({
  readOnly: Type.Optional(Type.Boolean({ description: 'May not be changed through Patchbay' })),
  volatile: Type.Optional(Type.Boolean({ description: 'Changes by itself; no difference by it' })),
})

const Link = Closed({
  to: Type.Array(ModelType, { minItems: 1, description: 'The models an edge may lead to' }),
  from: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z]+(\\.[A-Za-z]+)?$',
      description: 'Where in the object the other key stands: manager.id',
    }),
  ),
  call: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z{][A-Za-z.{}/]*$',
      maxLength: 256,
      description: 'A list of its own, below the object; with {key}, all of what is called',
    }),
  ),
})

const Needs = Type.Array(Type.String({ maxLength: 128 }), { uniqueItems: true })

export const ModelFile = Closed(
  {
    model: ModelType,
    title: Type.String({ minLength: 1, maxLength: 128 }),
    wire: Name,
    noun: Type.String({ maxLength: 128, description: 'What the catalogue calls it' }),
    key: Name,
    name: Name,
    properties: Type.Record(Name, Override, { description: 'What is read; {} restates nothing' }),
    list: Operation,
    shard: Type.Optional(Name),
    delta: Type.Optional(Operation),
    get: Type.Optional(Operation),
    update: Type.Optional(Operation),
    create: Type.Optional(Create),
    delete: Type.Optional(Operation),
    deleted: Type.Optional(Operation),
    links: Type.Optional(Type.Record(Name, Link)),
    columns: Type.Array(Name, { minItems: 1, maxItems: 16, uniqueItems: true }),
    needs: Closed({ read: Needs, write: Needs }),
  },
  {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'A Patchbay model',
  },
)

export type ModelFile = Static<typeof ModelFile>
