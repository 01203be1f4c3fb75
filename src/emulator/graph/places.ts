import { entityType } from '../../catalogue/graph.ts'
import { current, writeOther } from '../directory/others.ts'
import type { Place, Tenant } from '../directory/types.ts'
import type { Reply } from '../exchange.ts'
import { badQuery, badRequest, notFound } from '../graphErrors.ts'
import { compileFilter } from '../odata/filterMatch.ts'
import { parseFilter } from '../odata/filterParser.ts'
import { typedProjector } from '../odata/project.ts'
import { unknownProperty } from '../odata/select.ts'
import { readBody } from './body.ts'
import type { GraphCallContext, GraphRoute } from './context.ts'
import { contextUrl, graphReply } from './reply.ts'
import { singleReply } from './single.ts'
import { checkValues } from './validate.ts'

const readers = '/places/microsoft.graph.room'
/** The catalogue's permissions have no entry for it; the page of "update place" names it. */
const writers = ['Place.ReadWrite.All']
const defaultTop = 100
/** What the page of "update place" says cannot be changed through it. */
const fixed: readonly string[] = ['placeId', 'emailAddress', 'displayName', 'bookingType']

export const placeRoutes: readonly GraphRoute[] = [
  ...(['room', 'roomList'] as const).map(
    (type): GraphRoute => ({
      method: 'GET',
      path: `/places/microsoft.graph.${type}`,
      needs: readers,
      answer: (context) => pageReply(context, type, placesOf(context.tenant, type)),
    }),
  ),
  {
    method: 'GET',
    path: '/places/{id}/microsoft.graph.roomList/rooms',
    needs: readers,
    answer: (context) => {
      const [address = ''] = context.params
      const list = placesOf(context.tenant, 'roomList').find(
        ({ data }) => String(data.emailAddress).toLowerCase() === address.toLowerCase(),
      )
      if (list === undefined) throw notFound(address)
      const rooms = placesOf(context.tenant, 'room')
      const items = rooms.filter(({ building }) => building === list.building)
      return pageReply(context, 'room', items)
    },
  },
  {
    method: 'GET',
    path: '/places/{id}',
    needs: readers,
    answer: (context) => {
      requireBaseProperties(context.options.get('$select'))
      return singleReply(context, placeOf(context), 'places', { marked: true })
    },
  },
  { method: 'PATCH', path: '/places/{id}', needs: writers, answer: patchPlace },
]

function placesOf(tenant: Tenant, type: 'room' | 'roomList'): Place[] {
  const { others } = tenant
  return current(others, others.places).filter((place) => place.type === type)
}

function placeOf({ params, tenant }: GraphCallContext): Place {
  const [id = ''] = params
  const wanted = id.toLowerCase()
  const found = current(tenant.others, tenant.others.places).find(
    (place) => place.id === wanted || String(place.data.emailAddress).toLowerCase() === wanted,
  )
  if (found === undefined) throw notFound(id)
  return found
}

function patchPlace(context: GraphCallContext): Reply {
  const place = placeOf(context)
  const body = readBody(context.request)
  const stated = String(body['@odata.type'] ?? '').replace(/^#/, '')
  if (stated !== `microsoft.graph.${place.type}`) {
    throw badRequest('The type of the place must be stated in @odata.type.')
  }
  const values = checkValues(place.type, body)
  const refused = Object.keys(values).find((name) => fixed.includes(name))
  if (refused !== undefined) throw badRequest(`Property ${refused} cannot be updated.`)
  writeOther(context.tenant.others, place.id, values)
  return singleReply(context, placeOf(context), 'places', { marked: true })
}

/** The address without a cast is of a place: properties of rooms alone are unknown to it. */
function requireBaseProperties(select: string | null): void {
  for (const name of (select ?? '').split(',').filter((part) => part !== '')) {
    if (entityType('place')?.byName.has(name.trim().toLowerCase()) !== true) {
      throw unknownProperty('Select and Expand', name.trim(), 'place')
    }
  }
}

/** Pages of places are asked for by `$top` and `$skip`; none says where the next one begins. */
function pageReply(context: GraphCallContext, type: string, items: readonly Place[]): Reply {
  const { options, request, tenant } = context
  const filterText = options.get('$filter')
  const matches =
    filterText === null ? () => true : compileFilter(tenant, type, parseFilter(filterText))
  const found = items.filter(matches)
  const skip = numberOf(options, '$skip', 0)
  const top = numberOf(options, '$top', defaultTop)
  const page = found.slice(skip, skip + top)
  const show = typedProjector(tenant, [type], options.get('$select'), false)
  const body = {
    '@odata.context': contextUrl(request, `places/microsoft.graph.${type}`),
    ...(options.get('$count') === 'true' ? { '@odata.count': found.length } : {}),
    value: page.map(show),
  }
  return graphReply(200, JSON.stringify(body), { type, many: true }, page.length)
}

function numberOf(options: URLSearchParams, name: string, otherwise: number): number {
  const text = options.get(name)
  if (text === null) return otherwise
  const value = Number(text)
  if (Number.isInteger(value) && value >= 0) return value
  throw badQuery(
    `Invalid value '${text}' for ${name} query option found. The ${name} query option requires a non-negative integer value.`,
  )
}
