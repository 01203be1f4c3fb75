import { limits } from '../core/limits.ts'
import { Allowed } from './allowed.ts'
import { route } from './route.ts'
import { Closed, Id, Nullable, PageOf, pageQuery, Text, Time } from './schemas.ts'
import { Type } from './type.ts'

/** Four bytes in the database; a larger one would be refused there, where nobody has words. */
const VersionNumber = Type.Integer({ minimum: 1, maximum: 2_147_483_647 })

export const Model = Closed({
  model: Type.String(),
  title: Type.String(),
  wire: Type.String(),
  noun: Type.String(),
  key: Type.String(),
  name: Type.String(),
  columns: Type.Array(Type.String()),
  readOnly: Type.Boolean(),
  /** Anywhere: at a node it may be less, which objects say themselves. */
  allowed: Allowed,
  delta: Type.Boolean(),
  links: Type.Array(Closed({ kind: Type.String(), to: Type.Array(Type.String()) })),
  needs: Closed({ read: Type.Array(Type.String()), write: Type.Array(Type.String()) }),
  properties: Type.Array(
    Closed({
      name: Type.String(),
      type: Type.String(),
      many: Type.Boolean(),
      readOnly: Type.Boolean(),
      maxLength: Nullable(Type.Integer()),
      values: Nullable(Type.Array(Type.String())),
      description: Nullable(Type.String()),
    }),
  ),
})

const summary = {
  model: Type.String(),
  number: Id,
  origin: Type.String(),
  by: Type.String(),
  at: Time,
  inForce: Type.Boolean(),
}
export const ModelVersion = Closed(summary)

export const ModelComparison = Closed({
  model: Type.String(),
  before: Nullable(Id),
  after: Id,
  differences: Type.Array(
    Closed({
      part: Type.String(),
      before: Nullable(Type.String()),
      after: Nullable(Type.String()),
    }),
  ),
  /** What activating it would set off, in words. */
  consequences: Type.Array(Type.String()),
})

const Segment = Text({ minLength: 1, maxLength: 64 })
const place = { application: Segment, name: Segment }
const path = '/v1/models/device/{application}/{name}'
const type = 'data/Model'

export const modelRoutes = {
  list: route({
    name: 'model.list',
    method: 'GET',
    path: '/v1/models',
    summary: 'The models in force',
    permission: 'signed-in',
    answer: PageOf(Model),
    status: 200,
  }),
  show: route({
    name: 'model.show',
    method: 'GET',
    path,
    summary: 'One model with its properties',
    permission: 'signed-in',
    params: Closed(place),
    answer: Model,
    status: 200,
  }),
  upload: route({
    name: 'model.upload',
    method: 'POST',
    path: '/v1/models',
    summary:
      'A new version of a model, or a new model, from the text of its file; not in force yet',
    permission: { operation: 'Create', type },
    body: Closed({ text: Type.String({ minLength: 1, maxLength: limits.modelFileChars }) }),
    answer: ModelVersion,
    status: 201,
  }),
  versions: route({
    name: 'model.versions',
    method: 'GET',
    path: `${path}/versions`,
    summary: 'The versions of a model, newest first',
    permission: { operation: 'Read', type },
    params: Closed(place),
    query: Closed(pageQuery),
    answer: PageOf(ModelVersion),
    status: 200,
  }),
  version: route({
    name: 'model.version',
    method: 'GET',
    path: `${path}/versions/{number}`,
    summary: 'One version of a model, with the text of its file',
    permission: { operation: 'Read', type },
    params: Closed({ ...place, number: VersionNumber }),
    answer: Closed({ ...summary, text: Type.String() }),
    status: 200,
  }),
  diff: route({
    name: 'model.diff',
    method: 'GET',
    path: `${path}/versions/{number}/diff`,
    summary: 'What a version changes of the one in force, or of another',
    permission: { operation: 'Read', type },
    params: Closed({ ...place, number: VersionNumber }),
    query: Closed({ against: Type.Optional(VersionNumber) }),
    answer: ModelComparison,
    status: 200,
  }),
  activate: route({
    name: 'model.activate',
    method: 'POST',
    path: `${path}/activate`,
    summary: 'Bring a version into force; syncs under way keep the one they began with',
    permission: { operation: 'Update', type },
    params: Closed(place),
    body: Closed({ number: VersionNumber }),
    answer: ModelVersion,
    status: 200,
  }),
  rollback: route({
    name: 'model.rollback',
    method: 'POST',
    path: `${path}/rollback`,
    summary: 'Bring back the version that was in force before',
    permission: { operation: 'Update', type },
    params: Closed(place),
    answer: ModelVersion,
    status: 200,
  }),
}
