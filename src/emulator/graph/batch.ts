import { graphPages } from '../../catalogue/graphLimits.ts'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import type { Reply, Request } from '../exchange.ts'
import { badQuery } from '../graphErrors.ts'
import { readBody } from './body.ts'
import type { GraphCallContext, GraphRoute } from './context.ts'
import { graphReply } from './reply.ts'

export const batchRoutes: readonly GraphRoute[] = [
  { method: 'POST', path: '/$batch', needs: null, answer: answerBatch },
]

interface Item {
  id: string
  method: string
  url: string
  headers: JsonObject
  body: Json | undefined
  /** In small letters: ids are told apart without case. */
  dependsOn: string[]
}

interface ItemAnswer {
  response: JsonObject
  rows: number
}

/** Up to twenty calls in one; each succeeds or fails alone, and the answers come in any order. */
async function answerBatch(context: GraphCallContext): Promise<Reply> {
  const items = readItems(readBody(context.request))
  const answers = new Map<string, Promise<ItemAnswer>>()
  for (const item of items) answers.set(item.id.toLowerCase(), answerItem(context, item, answers))
  const answered = await Promise.all(answers.values())
  const responses = shuffle(
    answered.map(({ response }) => response),
    context.state.random,
  )
  // The shape is that of no entity, so nothing compares it with the catalogue; its items are.
  const { headers } = graphReply(200, '', { type: '', many: false }, 0)
  const rows = answered.reduce((sum, one) => sum + one.rows, 0)
  return { status: 200, headers, body: JSON.stringify({ responses }), rows }
}

function readItems(body: JsonObject): Item[] {
  const { requests } = body
  if (!Array.isArray(requests) || requests.length === 0) {
    throw badQuery('Invalid batch payload format.')
  }
  if (requests.length > graphPages.batchMax) {
    throw badQuery(
      `Number of batch request steps exceeds the maximum value of ${graphPages.batchMax}.`,
    )
  }
  const seen = new Set<string>()
  const items = requests.map((request) => {
    const item = readItem(request)
    const key = item.id.toLowerCase()
    if (seen.has(key)) throw badQuery(`Duplicate request id ${item.id} in the batch.`)
    for (const other of item.dependsOn) {
      if (!seen.has(other)) {
        throw badQuery(`Request ${item.id} depends on ${other}, which does not come before it.`)
      }
    }
    seen.add(key)
    return item
  })
  checkOrder(items)
  return items
}

/** All at once, each after the one before it, or several after the same one: nothing between. */
function checkOrder(items: readonly Item[]): void {
  const depending = items.filter(({ dependsOn }) => dependsOn.length > 0)
  const [first] = depending
  const serial =
    depending.length === items.length - 1 &&
    items.every(({ dependsOn }, at) => {
      return (
        at === 0 || (dependsOn.length === 1 && dependsOn[0] === items[at - 1]?.id.toLowerCase())
      )
    })
  const same = depending.every(({ dependsOn }) => {
    return dependsOn.length === 1 && dependsOn[0] === first?.dependsOn[0]
  })
  if (!serial && !same) {
    throw badQuery('The dependencies of a batch have to be one chain or one common request.')
  }
}

function readItem(value: Json): Item {
  if (!isJsonObject(value)) throw badQuery('Invalid batch payload format.')
  const { id: given, method, url, headers = {}, body, dependsOn } = value
  // Numbers come from clients in the field, and go back as texts.
  const id = typeof given === 'number' ? String(given) : given
  const relative = typeof url === 'string' && !/^[a-z]+:|^\/\//i.test(url)
  if (typeof id !== 'string' || typeof method !== 'string' || !relative || /\$batch/i.test(url)) {
    throw badQuery('Invalid batch payload format.')
  }
  const named = isJsonObject(headers) ? headers : {}
  const typed = Object.keys(named).some((name) => name.toLowerCase() === 'content-type')
  if (body !== undefined && !typed) {
    throw badQuery(`Write request id : ${id} does not contain Content-Type header or body.`)
  }
  const before = Array.isArray(dependsOn) ? dependsOn.map((one) => String(one).toLowerCase()) : []
  return { id, method: method.toUpperCase(), url, headers: named, body, dependsOn: before }
}

async function answerItem(
  context: GraphCallContext,
  item: Item,
  answers: ReadonlyMap<string, Promise<ItemAnswer>>,
): Promise<ItemAnswer> {
  const { id } = item
  const before = await Promise.all(item.dependsOn.map((one) => answers.get(one)))
  if (before.some((answer) => Number(answer?.response.status) >= 400)) {
    const error = { code: 'FailedDependency', message: 'A request this one depends on failed.' }
    return { response: { id, status: 424, headers: {}, body: { error } }, rows: 0 }
  }
  const part = { requestId: context.requestId, item: id }
  const reply = await context.again(requestOf(context.request, item), part)
  const { status, headers, rows } = reply
  const body = reply.body === '' ? {} : { body: bodyOf(reply) }
  return { response: { id, status, headers, ...body }, rows }
}

/** The item as a request of its own, with the sign-in of the batch around it. */
function requestOf(outer: Request, item: Item): Request {
  const [path = '', ...query] = item.url.replace(/^\/?/, '/').split('?')
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(item.headers))
    headers[name.toLowerCase()] = String(value)
  if (outer.headers.authorization !== undefined) headers.authorization = outer.headers.authorization
  const version = outer.path.split('/')[1] ?? 'v1.0'
  return {
    method: item.method,
    host: outer.host,
    path: `/${version}${path}`,
    // Addresses in a batch come encoded or not; blanks are what is seen unencoded.
    queryText: query.join('?').replaceAll(' ', '%20'),
    headers,
    body: Buffer.from(item.body === undefined ? '' : JSON.stringify(item.body)),
  }
}

function bodyOf(reply: Reply): Json {
  if (!/json/.test(reply.headers['content-type'] ?? '')) {
    return Buffer.from(reply.body).toString('base64')
  }
  return JSON.parse(reply.body)
}

function shuffle<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item)
}
