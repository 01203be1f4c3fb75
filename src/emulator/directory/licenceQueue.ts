import type { DirectoryObject, LicenceWork, Tenant } from './types.ts'

/** Asks for what licenceWork.ts does: apart from it, since writes ask for it and it writes. */
export function queueLicenceWork(tenant: Tenant, work: Omit<LicenceWork, 'dueAt'>): void {
  tenant.licenceWork.push({ dueAt: tenant.clock.now() + tenant.licenceDelayMs, ...work })
}

/** One person's licences from groups are to be looked at again. */
export function reprocessUser(tenant: Tenant, user: DirectoryObject): void {
  queueLicenceWork(tenant, { userId: user.id, groupId: undefined })
}
