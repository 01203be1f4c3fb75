import type { Cloud } from '../../connectors/microsoft/clouds.ts'
import { AppError } from '../../core/errors.ts'
import { within } from '../../core/hierarchy.ts'
import { isUniqueViolation } from '../../store/errors.ts'
import type { Tx } from '../../store/scope.ts'
import type { Surroundings } from './connect.ts'
import { refused } from './draft.ts'
import { selectSameTenants, type TenantRow } from './queries.ts'
import { domainPattern, guidPattern } from './rules.ts'

/** What is asked of Microsoft, and of the server's configuration, before a tenant is stored. */
export interface Directory extends Pick<Surroundings, 'clouds' | 'proxies'> {
  /** The id of a domain's tenant. Throws `microsoft-not-found`, bad-input for a wrong cloud. */
  lookUpTenantId(cloud: Cloud, domain: string): Promise<string>
}

/** A tenant id as a GUID: a domain is looked up, anything else refused with bad-input. */
export async function resolveTenantId(
  directory: Directory,
  cloudName: string,
  text: string,
): Promise<string> {
  if (guidPattern.test(text)) return text
  const field = 'graph.tenantId'
  if (!domainPattern.test(text)) {
    const problem = 'must be the Directory (tenant) ID, a GUID, or a domain of the tenant.'
    throw refused([{ field, problem }])
  }
  const cloud = directory.clouds.get(cloudName)
  if (cloud === undefined) {
    const known = [...directory.clouds.keys()].join(', ')
    const problem = `is not a cloud this server knows; it knows ${known}.`
    throw refused([{ field: 'graph.cloud', problem }])
  }
  try {
    return (await directory.lookUpTenantId(cloud, text)).toLowerCase()
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    if (error.code === 'microsoft-not-found') {
      const problem = `is a domain that no tenant of the cloud ${cloudName} holds; check it, or give the GUID.`
      throw refused([{ field, problem }])
    }
    // The tenant exists, but in another cloud.
    if (error.code === 'bad-input') {
      const problem = error.fields[0]?.problem ?? 'is not that of the tenant'
      throw refused([{ field: 'graph.cloud', problem: `${problem}.` }])
    }
    throw error
  }
}

/**
 * A Microsoft tenant is attached once; below that node it may be attached again, so that a site can
 * have a record of its own. Answers the id of the first record when there is one above `place`.
 * What lies outside the scope is not seen here: there the index `tenant_once` refuses.
 */
export async function firstRecordAbove(
  tx: Tx,
  place: { path: string; tenantId?: number },
  cloud: string,
  microsoftTenantId: string,
): Promise<number | null> {
  const same = await selectSameTenants(tx, cloud, microsoftTenantId)
  const others = same.filter((row) => row.id !== place.tenantId)
  const above = others.find((row) => within(place.path, row.node_path))
  if (above !== undefined) return above.below_tenant_id ?? above.id
  const [elsewhere] = others
  if (elsewhere === undefined) return null
  throw new AppError(
    'conflict',
    `This Microsoft tenant is already attached as ${elsewhere.name} (node ${elsewhere.node_id}). Nothing was changed; it can be attached again only below that node.`,
  )
}

/** Words what the indexes refuse: they see beyond the scope, the words do not. */
export async function orAttachedAlready(write: () => Promise<TenantRow>): Promise<TenantRow> {
  try {
    return await write()
  } catch (error) {
    if (isUniqueViolation(error, 'tenant_once')) {
      throw new AppError(
        'conflict',
        'This Microsoft tenant is already attached to another node. Nothing was changed; it can be attached again only below that node, by somebody whose scope includes it.',
      )
    }
    if (isUniqueViolation(error, 'tenant_node_id_key')) throw nodeTaken()
    throw error
  }
}

export function nodeTaken(): AppError {
  return new AppError(
    'conflict',
    'This node already has a Microsoft tenant, and a node has at most one. Nothing was changed; choose another node or change that tenant.',
  )
}
