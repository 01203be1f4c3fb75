import { certificateRoutes } from './certificates.ts'
import { nodeRoutes } from './nodes.ts'
import { operationRoutes } from './operations.ts'
import { modelRoutes, resourceRoutes } from './resources.ts'
import type { Route, RouteAnswer, RouteInput } from './route.ts'
import { syncRoutes } from './syncs.ts'
import { tenantRoutes } from './tenants.ts'
import { transactionRoutes } from './transactions.ts'

/** Every route of Patchbay's API, by noun and verb. */
export const api = {
  node: nodeRoutes,
  tenant: tenantRoutes,
  certificate: certificateRoutes,
  sync: syncRoutes,
  model: modelRoutes,
  resource: resourceRoutes,
  transaction: transactionRoutes,
  operation: operationRoutes,
}

export type Api = typeof api

export function routesOf(
  contract: Readonly<Record<string, Readonly<Record<string, Route>>>>,
): Route[] {
  return Object.values(contract).flatMap((group) => Object.values(group))
}

export type { RouteAnswer, RouteInput }
