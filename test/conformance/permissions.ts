import type { World } from '../engine/world.ts'

/** Every permission the application of a fresh tenant holds. */
export async function heldPermissions(world: World): Promise<readonly string[]> {
  const { roles } = await patch(world, {})
  return roles
}

/** From now on the application holds exactly these permissions, and its token shows them. */
export async function grant(world: World, roles: readonly string[]): Promise<void> {
  await patch(world, { roles })
  // A token shows what was held when it was made: the one in use is refused, so that a new one is.
  await world.control.fault('token-refused', { count: 1 })
  const place = { tenantId: world.tenantId, scope: world.scope }
  const wires = await world.engine.openWires(place, () => {}, 'interactive')
  for (const model of world.models.slice(0, 1)) {
    // What it may read is for the tests to ask; here it only has to have asked.
    await wires
      .wire(model.wire)
      .list(model, undefined, world.job(0).signal)
      .catch(() => undefined)
  }
  await world.control.clearFaults()
}

function patch(world: World, body: object): Promise<{ roles: string[] }> {
  return world.control.ask('PATCH', `tenants/${world.access.tenantId}`, body)
}
