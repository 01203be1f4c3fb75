import { route } from './route.ts'
import { Closed, Id, Nullable, PageOf, pageQuery, Text, Time } from './schemas.ts'
import { Type } from './type.ts'

const type = 'data/Person'
const params = Closed({ personId: Id })

/** No blanks: it is typed, and told on the telephone. */
const Login = Type.String({ minLength: 1, maxLength: 255, pattern: '^[\\w.+@-]+$' })
const Name = Text({ minLength: 1, maxLength: 255 })
const Email = Type.String({ maxLength: 320, pattern: '^[^\\s@\\u0000-\\u001f]+@[^\\s@]+$' })

/** Who they are at an OpenID provider: its issuer and the `sub` it calls them by. */
const Identity = Closed({
  issuer: Text({ minLength: 1, maxLength: 1_024 }),
  subject: Text({ minLength: 1, maxLength: 255 }),
})

export const Person = Closed({
  id: Id,
  nodeId: Id,
  login: Type.String(),
  name: Type.String(),
  email: Nullable(Type.String()),
  hasPassword: Type.Boolean(),
  identity: Nullable(Identity),
  disabled: Type.Boolean(),
  disabledAt: Nullable(Time),
  createdAt: Time,
})

/** Shown once: whoever has it chooses the person's password. */
const Invitation = Closed({ invitation: Type.String(), expiresAt: Time })

export const personRoutes = {
  list: route({
    name: 'person.list',
    method: 'GET',
    path: '/v1/people',
    summary: 'Who may sign in, of the nodes within your scope',
    permission: { operation: 'Read', type },
    query: Closed(pageQuery),
    answer: PageOf(Person),
    status: 200,
  }),
  create: route({
    name: 'person.create',
    method: 'POST',
    path: '/v1/people',
    summary: 'Add a person to a node; they may do nothing until they are given a role',
    permission: { operation: 'Create', type },
    body: Closed({
      nodeId: Id,
      login: Login,
      name: Name,
      email: Type.Optional(Email),
      identity: Type.Optional(Identity),
    }),
    answer: Person,
    status: 201,
  }),
  show: route({
    name: 'person.show',
    method: 'GET',
    path: '/v1/people/{personId}',
    summary: 'One person',
    permission: { operation: 'Read', type },
    params,
    answer: Person,
    status: 200,
  }),
  update: route({
    name: 'person.update',
    method: 'PATCH',
    path: '/v1/people/{personId}',
    summary: 'Change a person, or keep them out; absent fields stay, null clears',
    permission: { operation: 'Update', type },
    params,
    body: Closed({
      name: Type.Optional(Name),
      login: Type.Optional(Login),
      email: Type.Optional(Nullable(Email)),
      /** Both null: nobody vouches for them any more. */
      identity: Type.Optional(
        Closed({
          issuer: Nullable(Text({ minLength: 1, maxLength: 1_024 })),
          subject: Nullable(Text({ minLength: 1, maxLength: 255 })),
        }),
      ),
      disabled: Type.Optional(Type.Boolean()),
    }),
    answer: Person,
    status: 200,
  }),
  invite: route({
    name: 'person.invite',
    method: 'POST',
    path: '/v1/people/{personId}/invitation',
    summary: 'An invitation to choose a password, shown once; earlier ones end',
    permission: { operation: 'Update', type },
    params,
    answer: Invitation,
    status: 201,
  }),
  signOut: route({
    name: 'person.signOut',
    method: 'DELETE',
    path: '/v1/people/{personId}/sessions',
    summary: 'End every session of a person',
    permission: { operation: 'Update', type },
    params,
    status: 204,
  }),
  delete: route({
    name: 'person.delete',
    method: 'DELETE',
    path: '/v1/people/{personId}',
    summary: 'Remove a person with their sessions and tokens; the audit keeps their name',
    permission: { operation: 'Delete', type },
    params,
    query: Closed({ confirm: Type.Optional(Login) }),
    status: 204,
  }),
}
