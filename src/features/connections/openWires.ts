import { createGraphWire } from '../../connectors/graph/wire.ts'
import { AppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Model } from '../../core/model.ts'
import type { OpenWires } from '../../engine/engine.ts'
import type { Store } from '../operation/store.ts'
import { connectTenant, type Surroundings } from '../tenants/connect.ts'
import type { Values } from '../tenants/fields.ts'
import type { Microsoft } from './microsoft.ts'

/** Opens a tenant's wires for a piece of work, with its credentials, proxy and page sizes. */
export function createOpenWires(
  store: Store,
  surroundings: Surroundings,
  microsoft: Microsoft,
): OpenWires {
  return async (place, onCall, priority) => {
    const { application, values } = await connectTenant(store, surroundings, place)
    const transport = microsoft.graph(application, priority, onCall)
    const graph = createGraphWire(transport, (model) => pageSizeOf(model, values))
    return {
      wire: (name) => {
        if (name === 'graph') return graph
        throw new AppError('bad-input', `This version has no way to what its models call ${name}.`)
      },
      removalsWithoutApproval: values['sync.deleteThreshold'] ?? limits.removalsWithoutApproval,
    }
  }
}

/** The tenant's two page sizes, by what they page: people, and everything that is a group. */
function pageSizeOf(model: Model, values: Values): number {
  const size = model.noun === 'user' ? values['graph.userPageSize'] : values['graph.groupPageSize']
  return size ?? limits.graphPageMax
}
