import { current, writeOther } from '../directory/others.ts'
import type { Entity, Tenant } from '../directory/types.ts'
import type { Reply } from '../exchange.ts'
import { badRequest, notFound } from '../graphErrors.ts'
import { readBody } from './body.ts'
import type { GraphCallContext, GraphRoute } from './context.ts'
import { listReply } from './list.ts'
import { noContent } from './reply.ts'
import { singleReply } from './single.ts'
import { checkValues, invalidValue } from './validate.ts'

/** What a new tenant has: passwords that never expire, and a notice two weeks before they would. */
const neverExpires = 2_147_483_647
const noticeDays = 14
/** What can be changed of a verified domain. The default domain is another story, not told here. */
const writable: readonly string[] = [
  'passwordNotificationWindowInDays',
  'passwordValidityPeriodInDays',
]

export const domainRoutes: readonly GraphRoute[] = [
  {
    method: 'GET',
    path: '/domains',
    answer: (context) =>
      listReply(context, {
        types: ['domain'],
        items: domainsOf(context.tenant),
        contextName: 'domains',
      }),
  },
  {
    method: 'GET',
    path: '/domains/{id}',
    answer: (context) => singleReply(context, domainOf(context), 'domains'),
  },
  { method: 'PATCH', path: '/domains/{id}', needs: ['Domain.ReadWrite.All'], answer: patchDomain },
]

export function domainsOf(tenant: Tenant): Entity[] {
  const domains = tenant.domains.map((name, index) => ({
    seq: index + 1,
    id: name,
    type: 'domain',
    data: {
      id: name,
      authenticationType: 'Managed',
      isAdminManaged: true,
      isDefault: index === 0,
      isInitial: name === tenant.initialDomain,
      isRoot: !name.startsWith('labs.'),
      isVerified: true,
      passwordNotificationWindowInDays: noticeDays,
      passwordValidityPeriodInDays: neverExpires,
      supportedServices: ['Email', 'OfficeCommunicationsOnline'],
    },
  }))
  return current(tenant.others, domains)
}

function domainOf({ params, tenant }: GraphCallContext): Entity {
  const [name = ''] = params
  const found = domainsOf(tenant).find(({ id }) => id === name.toLowerCase())
  if (found === undefined) throw notFound(name)
  return found
}

function patchDomain(context: GraphCallContext): Reply {
  const domain = domainOf(context)
  const values = checkValues('domain', readBody(context.request))
  for (const [name, value] of Object.entries(values)) {
    if (!writable.includes(name)) throw badRequest(`Property '${name}' cannot be set here.`)
    if (typeof value !== 'number' || value < 1) throw invalidValue('domain', name)
  }
  writeOther(context.tenant.others, domain.id, values)
  return noContent()
}
