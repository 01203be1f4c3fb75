import type { Entity, Tenant } from '../directory/types.ts'
import type { GraphRoute } from './context.ts'
import { notFound } from './errors.ts'
import { listReply } from './list.ts'
import { singleReply } from './single.ts'

export const organizationRoutes: readonly GraphRoute[] = [
  {
    method: 'GET',
    path: '/organization',
    answer: (context) =>
      listReply(context, {
        types: ['organization'],
        items: [organizationOf(context.tenant)],
        contextName: 'organization',
      }),
  },
  {
    method: 'GET',
    path: '/organization/{id}',
    needs: '/organization',
    answer: (context) => {
      const [id = ''] = context.params
      if (id.toLowerCase() !== context.tenant.id) throw notFound(id)
      return singleReply(context, organizationOf(context.tenant), 'organization')
    },
  },
]

function organizationOf(tenant: Tenant): Entity {
  const [defaultDomain = ''] = tenant.domains
  const data = {
    id: tenant.id,
    deletedDateTime: null,
    countryLetterCode: tenant.countryCode,
    createdDateTime: '2019-03-04T08:15:30Z',
    displayName: tenant.displayName,
    mobileDeviceManagementAuthority: 'intune',
    preferredLanguage: 'en',
    tenantType: 'AAD',
    technicalNotificationMails: [`admin@${defaultDomain}`],
    verifiedDomains: tenant.domains.map((name) => ({
      capabilities: 'Email, OfficeCommunicationsOnline',
      isDefault: name === defaultDomain,
      isInitial: name === tenant.initialDomain,
      name,
      type: 'Managed',
    })),
  }
  return { seq: 1, id: tenant.id, type: 'organization', data }
}
