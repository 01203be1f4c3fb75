import type { GraphRoute } from './context.ts'
import { countReply, type ListSource, listReply } from './list.ts'

/** Sets that Graph has and that are empty in every emulated tenant, by the type of their items. */
const sets: Readonly<Record<string, string>> = {
  '/contacts': 'orgContact',
  '/contracts': 'contract',
  '/devices': 'device',
  '/directory/administrativeUnits': 'administrativeUnit',
  '/directory/deletedItems/microsoft.graph.administrativeUnit': 'administrativeUnit',
  '/directory/deletedItems/microsoft.graph.application': 'application',
  '/directory/deletedItems/microsoft.graph.device': 'device',
  '/directory/deletedItems/microsoft.graph.servicePrincipal': 'servicePrincipal',
  '/oauth2PermissionGrants': 'oAuth2PermissionGrant',
}

const needs = ['Directory.Read.All', 'Directory.ReadWrite.All']

export const emptySetRoutes: readonly GraphRoute[] = Object.entries(sets).flatMap(
  ([path, type]): GraphRoute[] => {
    const contextName = path.includes('deletedItems') ? 'directoryObjects' : path.slice(1)
    const source: ListSource = { types: [type], items: [], contextName }
    return [
      { method: 'GET', path, needs, answer: (context) => listReply(context, source) },
      {
        method: 'GET',
        path: `${path}/$count`,
        needs,
        answer: (context) => countReply(context, source),
      },
    ]
  },
)
