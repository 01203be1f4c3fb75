import type { Api } from '../../contract/api.ts'
import {
  createPerson,
  deletePerson,
  invitePerson,
  listPeople,
  readPerson,
  signOutPerson,
  updatePerson,
} from '../../features/people/people.ts'
import { createToken, listTokens, revokeToken } from '../../features/people/tokens.ts'
import type { Handlers } from '../../http/handlers.ts'
import type { ServerDependencies } from '../dependencies.ts'

export function personHandlers({ store }: ServerDependencies): Handlers<Api>['person'] {
  return {
    list: (actor, { query }) => listPeople(actor, store, query),
    create: (actor, { body }) => createPerson(actor, store, body),
    show: (actor, { params }) => readPerson(actor, store, params.personId),
    update: (actor, { params, body }) => updatePerson(actor, store, { ...body, ...params }),
    async invite(actor, { params }) {
      const { invitation, expiresAt } = await invitePerson(actor, store, params.personId)
      return { invitation: invitation.reveal(), expiresAt: expiresAt.toISOString() }
    },
    signOut: (actor, { params }) => signOutPerson(actor, store, params.personId),
    delete: (actor, { params, query }) => deletePerson(actor, store, { ...params, ...query }),
  }
}

export function tokenHandlers({ store }: ServerDependencies): Handlers<Api>['token'] {
  return {
    list: (actor, { query }) => listTokens(actor, store, query),
    async create(actor, { body }) {
      const { id, token, expiresAt } = await createToken(actor, store, body)
      return { id, token: token.reveal(), expiresAt: expiresAt.toISOString() }
    },
    revoke: (actor, { params }) => revokeToken(actor, store, params.tokenId),
  }
}
