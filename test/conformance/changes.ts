import type { JsonObject } from '../../src/core/json.ts'
import type { Model } from '../../src/core/model.ts'
import type { World } from '../engine/world.ts'
import { askGraph } from './microsoft.ts'
import type { Stored } from './ours.ts'

/** What happened behind our back. */
interface Behind {
  how: 'changed' | 'added'
  key: string
  /** In which the change shows; none where it shows in the links. */
  property?: string
}

/** Lists whose objects nobody changes directly, and how they come to change, or to be more. */
const otherWays: Readonly<
  Record<string, (world: World, stored: readonly Stored[]) => Promise<Behind>>
> = {
  /** Who gives a licence back changes how many are in use. */
  subscribedSkus: async (world) => {
    const { users } = await world.control.snapshot()
    for (const user of users) {
      const [licence] = Array.isArray(user.assignedLicenses) ? user.assignedLicenses : []
      const { skuId } = Object(licence)
      if (skuId === undefined) continue
      const body = { addLicenses: [], removeLicenses: [skuId] }
      await askGraph(world, 'POST', `users/${user.id}/assignLicense`, body)
      return { how: 'changed', key: skuId, property: 'consumedUnits' }
    }
    throw new Error('nobody has a licence')
  },
  /** A role stays what it is; who holds it changes. */
  directoryRoles: async (world, stored) => {
    const [role] = stored
    await grantRole(world, String(role?.name))
    return { how: 'changed', key: role?.key ?? '' }
  },
  'roleManagement/directory/roleAssignments': async (world) => {
    await grantRole(world, 'Teams Administrator')
    return { how: 'added', key: '' }
  },
  'directory/deletedItems/microsoft.graph.user': async (world) => {
    await world.control.mutate('delete-users', { users: 1, seed: 11 })
    return { how: 'added', key: '' }
  },
}

async function grantRole(world: World, role: string): Promise<void> {
  const { users } = await world.control.snapshot()
  // One who holds no role yet: the first of a company do.
  await world.control.mutate('grant-role', { id: users.at(-1)?.id, role })
}

/** Changes one object at Microsoft: some text the model reads, or by its noun's own way. */
export async function changeBehind(
  world: World,
  model: Model,
  stored: readonly Stored[],
): Promise<Behind> {
  const other = otherWays[model.list.call]
  if (other !== undefined) return other(world, stored)
  const property = model.properties.find(
    ({ name, type, many, volatile, values }) =>
      ![model.key, 'userPrincipalName'].includes(name) &&
      type === 'string' &&
      !many &&
      !volatile &&
      values === undefined,
  )
  const [object] = stored
  const values: JsonObject = { [property?.name ?? '']: `Changed for ${model.title}` }
  try {
    await world.control.mutate('update', { id: object?.key, values })
  } catch (cause) {
    const what = `say in test/conformance/changes.ts how a ${model.noun} comes to change`
    throw new Error(what, { cause })
  }
  return { how: 'changed', key: object?.key ?? '', property: property?.name ?? '' }
}

/** Lists of which the emulated tenant loses no object, each with why. Others lose one. */
export const neverRemoved: Readonly<Record<string, string>> = {
  subscribedSkus: 'what a tenant has bought is fixed when the emulated tenant is made',
  domains: 'people of the emulated tenant have addresses in each of them',
  organization: 'a tenant is one',
}

/** Removes one object at Microsoft for good. */
export async function removeBehind(world: World, model: Model, key: string): Promise<void> {
  if (model.list.call.startsWith('directory/deletedItems/')) {
    await askGraph(world, 'DELETE', `directory/deletedItems/${key}`)
  } else if (model.noun === 'directoryRole') {
    await takeRole(world, key)
  } else if (['user', 'group', 'team'].includes(model.noun)) {
    await world.control.mutate('delete-users', { ids: [key], purge: true })
  } else {
    await world.control.mutate('remove', { ids: [key] })
  }
}

/** The emulated tenant lists a role while somebody holds it: nobody does any more. */
async function takeRole(world: World, key: string): Promise<void> {
  const { roleTemplateId } = await askGraph(world, 'GET', `directoryRoles/${key}`)
  const filter = `$filter=roleDefinitionId eq '${roleTemplateId}'`
  const assignments = `roleManagement/directory/roleAssignments?${filter}`
  const { value } = await askGraph(world, 'GET', assignments)
  const ids = Array.isArray(value) ? value.map((assignment) => Object(assignment).id) : []
  await world.control.mutate('remove', { ids })
}

/** What has to have happened in a tenant before every list has something in it. */
export async function prepare(world: World): Promise<void> {
  await world.control.mutate('delete-users', { users: 3, seed: 5 })
}
