import type { Random } from '../../core/clock.ts'
import { isJsonObject, type JsonObject } from '../../core/json.ts'
import { departments } from '../data/jobs.ts'
import { writeOther } from '../directory/others.ts'
import { directoryRoleIds } from '../directory/roles.ts'
import type { DirectoryObject, Group, Tenant, User } from '../directory/types.ts'
import {
  addLink,
  createUser,
  deleteObject,
  dropLink,
  purgeObject,
  restoreObject,
  setManager,
  updateObject,
} from '../directory/write.ts'
import { pick, randomGuid, seededRandom } from '../random.ts'
import { ControlRefusal, numberIn, textIn, textsIn } from './input.ts'
import { named, otherNamed, removableOthers } from './others.ts'

interface Mutation {
  tenant: Tenant
  input: JsonObject
  random: Random
  now: number
}

/** Changes made behind the back of whoever reads; each answers the ids it touched. */
const mutations: Readonly<Record<string, (mutation: Mutation) => string[]>> = {
  /** `{users: 10, seed}`: other departments for so many. */
  departments: ({ tenant, input, random }) =>
    choose(random, tenant.users, numberIn(input, 'users')).map((user) => {
      const others = departments.filter((one) => one.name !== user.data.department)
      const [first = departments[0], ...rest] = others
      updateObject(tenant, user, { department: pick(random, [first, ...rest]).name })
      return user.id
    }),
  /** `{id, values}`: any stored property of one object, unchecked. */
  update: ({ tenant, input }) => {
    const name = textIn(input, 'id')
    const values = input.values ?? null
    if (!isJsonObject(values)) throw new ControlRefusal(400, 'values must be an object.')
    const other = otherNamed(tenant, name)
    if (other !== undefined) {
      writeOther(tenant.others, other.id, values)
      return [other.id]
    }
    const object = objectNamed(tenant, name)
    updateObject(tenant, object, values)
    return [object.id]
  },
  /** `{ids}`: places, service principals and role assignments, by id or address. */
  remove: ({ tenant, input }) =>
    textsIn(input, 'ids').map((name) => {
      const other = named(removableOthers(tenant), name)
      if (other === undefined) throw noObject(name)
      tenant.others.gone.add(other.id)
      return other.id
    }),
  /** `{users: 3, seed}`: so many new people. */
  'create-users': ({ tenant, input, random, now }) =>
    Array.from({ length: numberIn(input, 'users') }, (_, index) => {
      const alias = `new.person${tenant.lastSeq + 1}`
      const upn = `${alias}@${tenant.domains[0] ?? tenant.initialDomain}`
      const values = {
        accountEnabled: true,
        department: pick(random, departments).name,
        displayName: `New Person ${index + 1}`,
        mailNickname: alias,
        usageLocation: tenant.countryCode,
        userPrincipalName: upn,
      }
      return createUser(tenant, values, now).id
    }),
  /** `{users: 3, seed}` or `{ids}`: soft deletion; `purge: true` ends them for good. */
  'delete-users': ({ tenant, input, random, now }) =>
    chosenObjects(tenant, input, random).map((object) => {
      deleteObject(tenant, object, now)
      if (input.purge === true) purgeObject(tenant, object.id)
      return object.id
    }),
  /** `{ids}`, or everything that is deleted. */
  restore: ({ tenant, input }) => {
    const ids = input.ids === undefined ? [...tenant.deleted.keys()] : textsIn(input, 'ids')
    return ids.filter((id) => restoreObject(tenant, id) !== undefined)
  },
  /** `{groups: 5, add: 2, remove: 1, seed}` or `{ids, ...}`: other members. */
  'group-members': ({ tenant, input, random }) => {
    const groups =
      input.ids === undefined
        ? choose(random, tenant.groups, numberIn(input, 'groups'))
        : textsIn(input, 'ids').map((id) => objectNamed(tenant, id))
    return groups.flatMap((group) => {
      if (group.type !== 'group') return []
      changeMembers(tenant, group, input, random)
      return [group.id]
    })
  },
  /** `{id, managerId}`; without managerId there is none any more. */
  manager: ({ tenant, input }) => {
    const user = objectNamed(tenant, textIn(input, 'id'))
    const manager =
      input.managerId === undefined ? undefined : objectNamed(tenant, textIn(input, 'managerId'))
    if (user.type !== 'user' || manager?.type === 'group') {
      throw new ControlRefusal(400, 'Only people have and are managers.')
    }
    setManager(tenant, user, manager)
    return [user.id]
  },
  /** `{id, role}`: a directory role for a person, by its display name. */
  'grant-role': ({ tenant, input }) => {
    const user = objectNamed(tenant, textIn(input, 'id'))
    const roleTemplateId = directoryRoleIds[textIn(input, 'role')]
    if (roleTemplateId === undefined) throw new ControlRefusal(400, 'There is no such role.')
    const id = randomGuid(tenant.random)
    tenant.roleAssignments.push({ id, principalId: user.id, roleTemplateId })
    return [user.id]
  },
}

export function mutate(tenant: Tenant, input: JsonObject, now: number): unknown {
  const action = textIn(input, 'action')
  const change = Object.hasOwn(mutations, action) ? mutations[action] : undefined
  if (change === undefined) {
    const known = Object.keys(mutations).join(', ')
    throw new ControlRefusal(400, `There is no such action. There are: ${known}.`)
  }
  const random = seededRandom(numberIn(input, 'seed', 0), `mutate/${action}`)
  return { ids: change({ tenant, input, random, now }) }
}

function changeMembers(tenant: Tenant, group: Group, input: JsonObject, random: Random): void {
  const strangers = choose(random, tenant.users, numberIn(input, 'add', 1) + group.members.length)
  const leaving = choose(random, group.members, numberIn(input, 'remove', 0))
  for (const object of leaving) dropLink(tenant, group, 'members', object)
  let wanted = numberIn(input, 'add', 1)
  for (const user of strangers) {
    if (wanted === 0) break
    if (!leaving.includes(user) && addLink(tenant, group, 'members', user)) wanted -= 1
  }
}

function chosenObjects(tenant: Tenant, input: JsonObject, random: Random): DirectoryObject[] {
  if (input.ids !== undefined) return textsIn(input, 'ids').map((id) => objectNamed(tenant, id))
  return choose(random, tenant.users, numberIn(input, 'users'))
}

function objectNamed(tenant: Tenant, name: string): DirectoryObject {
  const wanted = name.toLowerCase()
  const object = tenant.byId.get(wanted) ?? tenant.byUpn.get(wanted)
  if (object === undefined) throw noObject(name)
  return object
}

function noObject(name: string): ControlRefusal {
  return new ControlRefusal(404, `There is no object ${name}.`)
}

/** So many different items, or all when there are fewer. */
function choose<T extends User | DirectoryObject>(
  random: Random,
  items: readonly T[],
  count: number,
): T[] {
  const indices = new Set<number>()
  const wanted = Math.min(count, items.length)
  while (indices.size < wanted) indices.add(Math.floor(random() * items.length))
  return [...indices].flatMap((index) => items[index] ?? [])
}
