import { current, writeOther } from '../directory/others.ts'
import type { Entity, Tenant } from '../directory/types.ts'
import type { Reply } from '../exchange.ts'
import { badRequest, notFound } from '../graphErrors.ts'
import { readBody } from './body.ts'
import type { GraphCallContext, GraphRoute } from './context.ts'
import { listReply } from './list.ts'
import { noContent } from './reply.ts'
import { singleReply } from './single.ts'
import { checkValues } from './validate.ts'

/** What the page of "update organization" names. */
const writable: readonly string[] = [
  'marketingNotificationEmails',
  'privacyProfile',
  'securityComplianceNotificationMails',
  'securityComplianceNotificationPhones',
  'technicalNotificationMails',
]

export const organizationRoutes: readonly GraphRoute[] = [
  {
    method: 'GET',
    path: '/organization',
    answer: (context) =>
      listReply(context, {
        types: ['organization'],
        items: organizationsOf(context.tenant),
        contextName: 'organization',
      }),
  },
  {
    method: 'GET',
    path: '/organization/{id}',
    needs: '/organization',
    answer: (context) => singleReply(context, organizationNamed(context), 'organization'),
  },
  { method: 'PATCH', path: '/organization/{id}', answer: patchOrganization },
]

function organizationNamed({ params, tenant }: GraphCallContext): Entity {
  const [id = ''] = params
  const found = organizationsOf(tenant).find((one) => one.id === id.toLowerCase())
  if (found === undefined) throw notFound(id)
  return found
}

function patchOrganization(context: GraphCallContext): Reply {
  const { id } = organizationNamed(context)
  const values = checkValues('organization', readBody(context.request))
  const refused = Object.keys(values).find((name) => !writable.includes(name))
  if (refused !== undefined) throw badRequest(`Property '${refused}' cannot be updated.`)
  writeOther(context.tenant.others, id, values)
  return noContent()
}

/** One, in a collection of its own. */
export function organizationsOf(tenant: Tenant): Entity[] {
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
  return current(tenant.others, [{ seq: 1, id: tenant.id, type: 'organization', data }])
}
