import { graphPages } from '../../catalogue/graphLimits.ts'
import type { JsonObject } from '../../core/json.ts'
import { licencesIn } from '../directory/computed.ts'
import { holds } from '../directory/ordered.ts'
import { type DirectoryObject, type Group, type Tenant, textOf } from '../directory/types.ts'
import { addLink, createGroup, deleteObject, dropLink, updateObject } from '../directory/write.ts'
import type { Reply } from '../exchange.ts'
import { badRequest, notFound, refuse } from '../graphErrors.ts'
import { objectsAt, readBody, readReference } from './body.ts'
import type { GraphCallContext, GraphRoute } from './context.ts'
import { groupOf } from './groups.ts'
import { noContent } from './reply.ts'
import { singleReply } from './single.ts'
import { requireHigherRole } from './userRights.ts'
import { userConflict, userDeleters } from './userWrites.ts'
import { checkValues } from './validate.ts'

type Relation = 'members' | 'owners'

const groupWrites: readonly string[] = ['Group.ReadWrite.All', 'Directory.ReadWrite.All']
/** Adding members by PATCH needs less than writing the group; patchGroup looks closer. */
const patchPermissions: readonly string[] = ['GroupMember.ReadWrite.All', ...groupWrites]

const deleters: readonly string[] = [...userDeleters, ...groupWrites]

export const groupWriteRoutes: readonly GraphRoute[] = [
  { method: 'POST', path: '/groups', answer: postGroup },
  { method: 'PATCH', path: '/groups/{id}', needs: patchPermissions, answer: patchGroup },
  {
    method: 'DELETE',
    path: '/groups/{id}',
    answer: (context) => {
      const group = groupOf(context)
      refuseLicensed(group)
      deleteObject(context.tenant, group, context.state.clock.now())
      return noContent()
    },
  },
  ...(['members', 'owners'] as const).flatMap(referenceRoutes),
]

function referenceRoutes(relation: Relation): GraphRoute[] {
  return [
    {
      method: 'POST',
      path: `/groups/{id}/${relation}/$ref`,
      answer: (context) => {
        const group = writableGroup(context, relation)
        addAll(context.tenant, group, relation, [readReference(context)])
        return noContent()
      },
    },
    {
      method: 'DELETE',
      path: `/groups/{id}/${relation}/{id}/$ref`,
      needs: `/groups/{id}/${relation}/{id}`,
      answer: (context) => {
        const group = writableGroup(context, relation)
        const [, id = ''] = context.params
        const object = context.tenant.byId.get(id.toLowerCase())
        if (object === undefined || !dropLink(context.tenant, group, relation, object)) {
          throw notFound(id)
        }
        return noContent()
      },
    },
    {
      method: 'DELETE',
      path: `/groups/{id}/${relation}/{id}`,
      needs: deleters,
      answer: (context) => deleteEnd(context, relation),
    },
  ]
}

/** The trap of the reference page: without `$ref` it is the member that is deleted. */
function deleteEnd(context: GraphCallContext, relation: Relation): Reply {
  const { tenant, claims, params, state } = context
  const group = groupOf(context)
  const [, id = ''] = params
  const end = group[relation].find((object) => object.id === id.toLowerCase())
  if (end === undefined) throw notFound(id)
  const allowed = end.type === 'user' ? userDeleters : groupWrites
  if (!allowed.some((name) => claims.roles.includes(name))) {
    throw refuse('missing permission (directory)')
  }
  if (end.type === 'user') requireHigherRole(context, end)
  else refuseLicensed(end)
  deleteObject(tenant, end, state.clock.now())
  return noContent()
}

function refuseLicensed(group: Group): void {
  if (licencesIn(group).length > 0) {
    throw badRequest('The group has active licenses and cannot be deleted.')
  }
}

function postGroup(context: GraphCallContext): Reply {
  const { tenant, request, state } = context
  const body = readBody(request)
  const values = checkValues('group', body)
  for (const name of ['displayName', 'mailEnabled', 'mailNickname', 'securityEnabled']) {
    if ((values[name] ?? null) === null) {
      throw badRequest(`A value is required for property '${name}' of resource 'Group'.`)
    }
  }
  const unified = Array.isArray(values.groupTypes) && values.groupTypes.includes('Unified')
  if (values.mailEnabled !== unified) {
    throw badRequest(
      'The service does not currently support writes of mail-enabled groups. Please ensure that the mail-enablement property is unset and the security-enablement property is set.',
    )
  }
  checkNickname(tenant, undefined, values)
  const bound = readBound(context, body)
  const address = `${String(values.mailNickname)}@${tenant.domains[0] ?? ''}`
  const mail = unified ? { mail: address, proxyAddresses: [`SMTP:${address}`] } : {}
  const group = createGroup(
    tenant,
    { visibility: unified ? 'Public' : null, ...values, ...mail },
    state.clock.now(),
  )
  for (const { relation, objects } of bound) addAll(tenant, group, relation, objects)
  return singleReply(context, group, 'groups', { status: 201 })
}

function patchGroup(context: GraphCallContext): Reply {
  const { tenant, request, claims } = context
  const body = readBody(request)
  const values = checkValues('group', body)
  const bound = readBound(context, body)
  const group = bound.length === 0 ? groupOf(context) : writableGroup(context, 'members')
  if (Object.keys(values).length > 0) {
    if (!groupWrites.some((name) => claims.roles.includes(name))) {
      throw refuse('missing permission (directory)')
    }
    checkNickname(tenant, group, values)
  }
  for (const { relation, objects } of bound) addAll(tenant, group, relation, objects)
  if (Object.keys(values).length > 0) updateObject(tenant, group, values)
  return noContent()
}

interface Bound {
  relation: Relation
  objects: DirectoryObject[]
}

function readBound(context: GraphCallContext, body: JsonObject): Bound[] {
  return (['members', 'owners'] as const).flatMap((relation) => {
    const references = body[`${relation}@odata.bind`]
    if (references === undefined) return []
    const objects = objectsAt(context, references)
    if (objects.length > graphPages.bindMax) {
      throw badRequest(
        `The number of values for '${relation}' exceeds the limit of ${graphPages.bindMax}.`,
      )
    }
    return [{ relation, objects }]
  })
}

/** All or none: one that is there already refuses the whole request. */
function addAll(
  tenant: Tenant,
  group: Group,
  relation: Relation,
  objects: readonly DirectoryObject[],
): void {
  if (objects.some((object) => holds(group[relation], object))) {
    const known = refuse('member exists')
    throw badRequest(known.message.replace("'members'", `'${relation}'`))
  }
  if (
    objects.includes(group) ||
    (relation === 'owners' && objects.some((one) => one.type !== 'user'))
  ) {
    throw badRequest(`Invalid object reference specified for property ${relation}.`)
  }
  for (const object of objects) addLink(tenant, group, relation, object)
}

/** Exchange masters what has mail but is no Microsoft 365 group; rules master dynamic groups. */
function writableGroup(context: GraphCallContext, relation: Relation): Group {
  const group = groupOf(context)
  const kinds = Array.isArray(group.data.groupTypes) ? group.data.groupTypes : []
  if (group.data.mailEnabled === true && !kinds.includes('Unified')) {
    throw badRequest('Cannot Update a mail-enabled security groups and or distribution list.')
  }
  if (relation === 'members' && kinds.includes('DynamicMembership')) {
    throw badRequest('The membership of a dynamic group follows its rule and cannot be updated.')
  }
  return group
}

function checkNickname(tenant: Tenant, group: Group | undefined, values: JsonObject): void {
  if (values.mailNickname === undefined) return
  const wanted = String(values.mailNickname).toLowerCase()
  const taken = tenant.groups.some(
    (other) => other !== group && textOf(other, 'mailNickname').toLowerCase() === wanted,
  )
  if (taken) throw userConflict('mailNickname')
}
