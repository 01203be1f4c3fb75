import { licencesIn } from './computed.ts'
import { queueLicenceWork } from './licenceQueue.ts'
import { consumedUnits, inheritLicences } from './licensing.ts'
import { holds } from './ordered.ts'
import type { DirectoryObject, Group, LicenceWork, Tenant, User } from './types.ts'
import { updateObject } from './write.ts'

/** The group's licences are to reach its members, and to leave those who are members no more. */
export function processGroup(tenant: Tenant, group: Group): void {
  updateObject(tenant, group, { licenseProcessingState: { state: 'QueuedForProcessing' } })
  queueLicenceWork(tenant, { userId: undefined, groupId: group.id })
}

/**
 * Group-based licensing is done a while after it was asked for: what is due is looked at before
 * each call, so that it follows the emulator's clock and needs no timer.
 */
export function doLicenceWork(tenant: Tenant): void {
  if (tenant.licenceWork.length === 0) return
  const now = tenant.clock.now()
  const due = tenant.licenceWork.filter(({ dueAt }) => dueAt <= now)
  if (due.length === 0) return
  tenant.licenceWork = tenant.licenceWork.filter(({ dueAt }) => dueAt > now)
  const licensed = tenant.groups.filter((group) => licencesIn(group).length > 0)
  const consumed = consumedUnits(tenant)
  for (const work of due) {
    for (const user of peopleOf(tenant, work)) inheritFrom(tenant, user, licensed, consumed)
    const group = work.groupId === undefined ? undefined : tenant.byId.get(work.groupId)
    if (group !== undefined) {
      updateObject(tenant, group, { licenseProcessingState: { state: 'ProcessingComplete' } })
    }
  }
}

function peopleOf(tenant: Tenant, { userId, groupId }: LicenceWork): User[] {
  if (userId !== undefined) return asPeople([tenant.byId.get(userId)])
  const group = tenant.byId.get(groupId ?? '')
  const members = group?.type === 'group' ? group.members : []
  const former = [...tenant.licensing]
    .filter(([, { inherited }]) => inherited.some((one) => one.groupId === groupId))
    .map(([id]) => tenant.byId.get(id))
  return [...new Set(asPeople([...members, ...former]))]
}

function asPeople(objects: readonly (DirectoryObject | undefined)[]): User[] {
  return objects.flatMap((object) => (object?.type === 'user' ? [object] : []))
}

/** From groups of which the person is a direct member; nested ones pass nothing on. */
function inheritFrom(
  tenant: Tenant,
  user: User,
  licensed: readonly Group[],
  consumed: Map<string, number>,
): void {
  const asked = licensed
    .filter((group) => holds(group.members, user))
    .flatMap((group) => licencesIn(group).map((one) => ({ ...one, groupId: group.id })))
  inheritLicences(tenant, user, asked, consumed)
}
