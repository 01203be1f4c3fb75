import { directoryRoleIds, privilegedRoles } from '../directory/roles.ts'
import type { User } from '../directory/types.ts'
import { refuse } from '../graphErrors.ts'
import type { GraphCallContext } from './context.ts'

/** What lets an application write everything that has no rule of its own. */
const writeAll: readonly string[] = [
  'User.ReadWrite.All',
  'User.ReadUpdate.All',
  'Directory.ReadWrite.All',
]
const phone = 'User-Phone.ReadWrite.All'
/** Roles by which an application may change people who hold roles themselves. */
const overPrivileged = ['Global Administrator', 'Privileged Authentication Administrator']

interface Rule {
  /** Any one of these sets of permissions. */
  anyOf: readonly (readonly string[])[]
  /** Guards people who hold privileged roles. */
  sensitive: boolean
}

/** By property, as the reference page of "update user" has them. */
const rules: Readonly<Record<string, Rule>> = {
  passwordProfile: {
    anyOf: [['User-PasswordProfile.ReadWrite.All']],
    sensitive: true,
  },
  accountEnabled: {
    anyOf: [...writeAll.map((name) => [name]), ['User.EnableDisableAccount.All', 'User.Read.All']],
    sensitive: true,
  },
  businessPhones: { anyOf: [...writeAll.map((name) => [name]), [phone]], sensitive: true },
  mobilePhone: { anyOf: [...writeAll.map((name) => [name]), [phone]], sensitive: true },
  otherMails: {
    anyOf: [...writeAll.map((name) => [name]), ['User-Mail.ReadWrite.All']],
    sensitive: true,
  },
  identities: { anyOf: [['User.ManageIdentities.All']], sensitive: true },
  userPrincipalName: { anyOf: writeAll.map((name) => [name]), sensitive: true },
}
const otherwise: Rule = { anyOf: writeAll.map((name) => [name]), sensitive: false }

/** Refuses the write unless the application may write each of the properties of this person. */
export function requireUserRights(
  context: GraphCallContext,
  user: User,
  properties: readonly string[],
): void {
  const { claims } = context
  for (const property of properties) {
    const { anyOf, sensitive } = rules[property] ?? otherwise
    if (!anyOf.some((set) => set.every((name) => claims.roles.includes(name)))) {
      throw refuse('missing permission (directory)')
    }
    if (sensitive) requireHigherRole(context, user)
  }
}

/** Deleting and restoring, and the sensitive properties, of someone who holds a privileged role. */
export function requireHigherRole(context: GraphCallContext, user: User): void {
  const { claims, tenant } = context
  const guarded = privilegedRoles.map((name) => directoryRoleIds[name])
  const isPrivileged = tenant.roleAssignments.some(
    ({ principalId, roleTemplateId }) =>
      principalId === user.id && guarded.includes(roleTemplateId),
  )
  const higher = overPrivileged.map((name) => directoryRoleIds[name])
  if (isPrivileged && !claims.wids.some((id) => higher.includes(id))) {
    throw refuse('missing permission (directory)')
  }
}
