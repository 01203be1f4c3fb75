import { notFound } from '../graphErrors.ts'
import type { GraphRoute } from './context.ts'
import { listReply } from './list.ts'
import { singleReply } from './single.ts'

const path = '/tenantRelationships/delegatedAdminRelationships'
const contextName = path.slice(1)

/** Delegated administration, read as the partner that holds it; made over the control API. */
export const delegationRoutes: readonly GraphRoute[] = [
  {
    method: 'GET',
    path,
    answer: (context) => {
      const items = context.tenant.delegations
      return listReply(context, { types: ['delegatedAdminRelationship'], items, contextName })
    },
  },
  {
    method: 'GET',
    path: `${path}/{id}`,
    needs: path,
    answer: (context) => {
      const [id = ''] = context.params
      const found = context.tenant.delegations.find((each) => each.id === id)
      if (found === undefined) throw notFound(id)
      return singleReply(context, found, contextName)
    },
  },
]
