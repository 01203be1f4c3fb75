import { isJsonObject, type Json } from '../../core/json.ts'
import type { Model } from '../../core/model.ts'
import { isRejected } from '../../core/readObject.ts'
import type { Writing } from '../../core/writing.ts'
import { odataFilter } from './filter.ts'
import { brokenObject, brokenPage, getCall, itemsOf, pagesOf, unlessGone } from './pages.ts'
import { type GraphModel, pathOf, sublistReading } from './reading.ts'
import type { GraphTransport } from './transport.ts'
import {
  createCall,
  deleteCall,
  linkCall,
  notDeclared,
  passwordCall,
  restoreCall,
  updateCall,
} from './writes.ts'

/** Graph as changes see it, for one tenant. */
export function graphWriting(
  transport: GraphTransport,
  compile: (model: Model) => GraphModel,
): Writing {
  return {
    async find(model, property, value, signal) {
      const { list, reader } = compile(model)
      const $filter = odataFilter({ op: 'eq', property, value }, model.properties)
      const { $select = '', $expand = '' } = list.query
      const query = { $filter, ...($select && { $select }), ...($expand && { $expand }) }
      const call = getCall(pathOf(list.template), query, list.cost)
      const [item, ...others] = itemsOf(await transport.send(call, { signal }))
      if (item === undefined) return undefined
      if (others.length > 0) throw brokenPage()
      const read = reader.read(item, list.expanded)
      if (isRejected(read)) throw brokenObject(model, read.reason)
      return read
    },

    async isDeleted(model, key, signal) {
      if (model.deleted === undefined) throw notDeclared(model, 'deleted')
      const call = getCall(pathOf(model.deleted.call, key), { $select: 'id' }, 1)
      return (await unlessGone(transport.send(call, { signal }))) !== undefined
    },

    async isLinked(model, { kind, from, to }, signal) {
      const list = model.links.find((link) => link.kind === kind)?.call
      if (list === undefined) throw notDeclared(model, `links.${kind}.call`)
      const { template, query, cost, skipBy } = sublistReading(model, list)
      const call = getCall(pathOf(template, from), query, cost)
      for await (const page of pagesOf(transport, call, signal, skipBy)) {
        if (page.some((item) => idOf(item) === to)) return true
      }
      return false
    },

    updateCall,
    createCall,
    deleteCall,
    restoreCall,
    passwordCall,
    linkCall: (model, edge) => linkCall(transport.graph, model, edge),

    async send(call, signal, confirm) {
      return (await transport.send(call, { signal, confirm })).body
    },
  }
}

function idOf(item: Json): Json | undefined {
  return isJsonObject(item) ? item.id : undefined
}
