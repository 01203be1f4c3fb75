import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import { dateText } from '../dates.ts'
import type { Tenant, User } from '../directory/types.ts'
import { createUser, deleteObject, setManager, updateObject } from '../directory/write.ts'
import type { Reply } from '../exchange.ts'
import { badRequest, notFound, refuse } from '../graphErrors.ts'
import { readBody, readReference } from './body.ts'
import type { GraphCallContext, GraphRoute } from './context.ts'
import { noContent, valueReply } from './reply.ts'
import { singleReply } from './single.ts'
import { requireHigherRole, requireUserRights } from './userRights.ts'
import { userOf } from './users.ts'
import { checkValues, invalidValue } from './validate.ts'

/** The catalogue's list lacks the one that held before the finer ones came. */
export const userDeleters: readonly string[] = ['User.DeleteRestore.All', 'User.ReadWrite.All']

export const userWriteRoutes: readonly GraphRoute[] = [
  { method: 'POST', path: '/users', answer: postUser },
  { method: 'PATCH', path: '/users/{id}', answer: patchUser },
  {
    method: 'DELETE',
    path: '/users/{id}',
    needs: userDeleters,
    answer: (context) => {
      const user = userOf(context)
      requireHigherRole(context, user)
      deleteObject(context.tenant, user, context.state.clock.now())
      return noContent()
    },
  },
  {
    method: 'POST',
    path: '/users/{id}/revokeSignInSessions',
    answer: (context) => {
      const user = userOf(context)
      const at = dateText(context.state.clock.now())
      updateObject(context.tenant, user, { signInSessionsValidFromDateTime: at })
      return valueReply(context, 'Edm.Boolean', true)
    },
  },
  {
    method: 'PUT',
    path: '/users/{id}/manager/$ref',
    answer: (context) => {
      const user = userOf(context)
      const manager = readReference(context)
      if (manager.type !== 'user' || manager === user) {
        throw badRequest('Invalid object reference specified for property manager.')
      }
      setManager(context.tenant, user, manager)
      return noContent()
    },
  },
  {
    method: 'DELETE',
    path: '/users/{id}/manager/$ref',
    answer: (context) => {
      const user = userOf(context)
      if (user.manager === undefined) throw notFound('manager')
      setManager(context.tenant, user, undefined)
      return noContent()
    },
  },
]

function postUser(context: GraphCallContext): Reply {
  const { tenant, request, state } = context
  const values = checkValues('user', readBody(request))
  const required = ['accountEnabled', 'displayName', 'mailNickname', 'userPrincipalName']
  for (const name of [...required, 'passwordProfile']) {
    if ((values[name] ?? null) === null) {
      throw badRequest(`A value is required for property '${name}' of resource 'User'.`)
    }
  }
  const { passwordProfile = null } = values
  if (!isJsonObject(passwordProfile) || passwordProfile.password === undefined) {
    throw badRequest('A password must be specified to create a new user.')
  }
  checkUserValues(tenant, undefined, values)
  const now = state.clock.now()
  const user = createUser(tenant, stored(values, now), now)
  return singleReply(context, user, 'users', { status: 201 })
}

function patchUser(context: GraphCallContext): Reply {
  const { tenant, request, state } = context
  const user = userOf(context)
  const values = checkValues('user', readBody(request))
  const names = Object.keys(values)
  if (names.length === 0) throw badRequest('A value must be provided for at least one property.')
  requireUserRights(context, user, names)
  checkUserValues(tenant, user, values)
  updateObject(tenant, user, stored(values, state.clock.now()))
  return noContent()
}

/** A password goes in and never comes out: the emulator keeps only when it was set. */
function stored(values: JsonObject, now: number): JsonObject {
  const { passwordProfile = null, ...others } = values
  const isSet = isJsonObject(passwordProfile) && passwordProfile.password !== undefined
  return { ...others, ...(isSet && { lastPasswordChangeDateTime: dateText(now) }) }
}

/** The directory's rules beyond types and lengths. `user` is absent on create. */
function checkUserValues(tenant: Tenant, user: User | undefined, values: JsonObject): void {
  for (const [name, value] of Object.entries(values)) {
    const problem = problemOfUserValue(name, value)
    if (problem !== undefined) throw invalidValue('user', name, problem)
  }
  if (values.userPrincipalName !== undefined) {
    checkUserPrincipalName(tenant, user, String(values.userPrincipalName))
  }
  const { passwordProfile = null } = values
  if (isJsonObject(passwordProfile)) checkPassword(passwordProfile.password)
}

function problemOfUserValue(name: string, value: Json): string | undefined {
  const required = ['displayName', 'accountEnabled', 'mailNickname', 'userPrincipalName', 'mail']
  if (value === null) return required.includes(name) ? 'cannot be cleared' : undefined
  if (name === 'businessPhones' && Array.isArray(value) && value.length > 1) {
    return 'takes one number only'
  }
  if (name === 'usageLocation' && !/^[A-Z]{2}$/.test(String(value))) {
    return 'must be a country code of two letters'
  }
  if (name === 'mailNickname' && /[@()\\[\]";:<>, ]/.test(String(value))) {
    return 'holds a character that an alias cannot have'
  }
  if (name === 'userType' && value !== 'Member' && value !== 'Guest') {
    return 'must be Member or Guest'
  }
  return undefined
}

function checkUserPrincipalName(tenant: Tenant, user: User | undefined, name: string): void {
  const [local = '', domain = '', rest] = name.split('@')
  if (rest !== undefined || local === '' || !/^[A-Za-z0-9'.\-_!#^~]{1,64}$/.test(local)) {
    throw invalidValue('user', 'userPrincipalName')
  }
  if (!tenant.domains.includes(domain.toLowerCase())) throw refuse('UPN domain unverified')
  const holder = tenant.byUpn.get(name.toLowerCase())
  if (holder !== undefined && holder !== user) throw userConflict('userPrincipalName')
}

export function userConflict(property: string) {
  const known = refuse('UPN/proxy/nickname conflict')
  const message = known.message.replace('userPrincipalName', property)
  return badRequest(message, [{ code: 'ObjectConflict', message, target: property }])
}

/** Eight characters, of three of the four kinds. */
function checkPassword(password: Json | undefined): void {
  if (password === undefined) return
  const text = String(password)
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z\d]/].filter((kind) => kind.test(text))
  if (text.length < 8 || text.length > 256 || kinds.length < 3) throw refuse('password')
}
