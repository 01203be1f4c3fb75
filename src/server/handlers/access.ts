import type { Api } from '../../contract/api.ts'
import { grantRole, listRoleGrants, revokeRole } from '../../features/access/grants.ts'
import {
  createProfile,
  deleteProfile,
  listProfiles,
  readProfile,
  updateProfile,
} from '../../features/access/profiles.ts'
import { createRole, deleteRole, listRoles, readRole } from '../../features/access/roles.ts'
import type { Handlers } from '../../http/handlers.ts'
import type { ServerDependencies } from '../dependencies.ts'

type Access = Pick<Handlers<Api>, 'profile' | 'role'>

export function accessHandlers({ store }: ServerDependencies): Access {
  const { db } = store
  return {
    profile: {
      list: (actor, { query }) => listProfiles(actor, db, query),
      show: (actor, { params }) => readProfile(actor, db, params.profileId),
      create: (actor, { body }) => createProfile(actor, db, body),
      update: (actor, { params, body }) => updateProfile(actor, db, { ...params, ...body }),
      delete: (actor, { params, query }) => deleteProfile(actor, db, { ...params, ...query }),
    },
    role: {
      list: (actor, { query }) => listRoles(actor, db, query),
      show: (actor, { params }) => readRole(actor, db, params.roleId),
      create: (actor, { body }) => createRole(actor, db, body),
      delete: (actor, { params, query }) => deleteRole(actor, db, { ...params, ...query }),
      granted: (actor, { query }) => listRoleGrants(actor, db, query),
      grant: (actor, { body }) => grantRole(actor, db, body),
      revoke: (actor, { params }) => revokeRole(actor, db, params.grantId),
    },
  }
}
