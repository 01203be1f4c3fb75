import type { JsonObject } from '../../src/core/json.ts'
import type { Model } from '../../src/core/model.ts'
import type { World } from '../engine/world.ts'
import { askGraph } from './microsoft.ts'
import type { Stored } from './ours.ts'

/** What changes behind our back: the object that did, and the property it shows in. */
interface Behind {
  key: string
  property: string
}

/** Nouns whose objects nobody changes directly, and how they come to change. */
const otherWays: Readonly<
  Record<string, (world: World, stored: readonly Stored[]) => Promise<Behind>>
> = {
  /** Who gives a licence back changes how many are in use. */
  subscribedSku: async (world) => {
    const { users } = await world.control.snapshot()
    for (const user of users) {
      const [licence] = Array.isArray(user.assignedLicenses) ? user.assignedLicenses : []
      const { skuId } = Object(licence)
      if (skuId === undefined) continue
      const body = { addLicenses: [], removeLicenses: [skuId] }
      await askGraph(world, 'POST', `users/${user.id}/assignLicense`, body)
      return { key: skuId, property: 'consumedUnits' }
    }
    throw new Error('nobody has a licence')
  },
}

/** Changes one object at Microsoft: some text the model reads, or by its noun's own way. */
export async function changeBehind(
  world: World,
  model: Model,
  stored: readonly Stored[],
): Promise<Behind> {
  const other = otherWays[model.noun]
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
  return { key: object?.key ?? '', property: property?.name ?? '' }
}

/** Nouns of which the emulated tenant loses no object, each with why. Others lose one. */
export const neverRemoved: Readonly<Record<string, string>> = {
  subscribedSku: 'what a tenant has bought is fixed when the emulated tenant is made',
}

/** Removes one object at Microsoft for good. */
export async function removeBehind(world: World, key: string): Promise<void> {
  await world.control.mutate('delete-users', { ids: [key], purge: true })
}
