import { Agent, fetch } from 'undici'
import { canonicalJson, isJsonObject, type Json, type JsonObject } from '../../src/core/json.ts'
import type { Model } from '../../src/core/model.ts'
import { somebodyElse } from '../engine/control.ts'
import type { World } from '../engine/world.ts'

/** What Microsoft holds of a model, read by a few lines of our own: no connector has part in it. */
export interface Truth {
  objects: Map<string, JsonObject>
  /** `kind from to`, sorted. */
  links: string[]
}

/** Graph as curl would ask it, with a new token each time. */
export async function askGraph(
  world: Pick<World, 'emulator' | 'access'>,
  method: string,
  address: string,
  body?: object,
): Promise<JsonObject> {
  const { url, caPem } = world.emulator
  const dispatcher = new Agent({ connect: { ca: caPem } })
  try {
    const { tenantId, clientId, clientSecret } = world.access
    const signedIn = await fetch(`${url}/${tenantId}/oauth2/v2.0/token`, {
      ...{ method: 'POST', dispatcher },
      body: new URLSearchParams({
        ...{ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret },
        scope: 'https://graph.microsoft.com/.default',
      }),
    })
    const token = Object(await signedIn.json()).access_token
    const answer = await fetch(new URL(address, `${url}/v1.0/`), {
      ...{ method, dispatcher },
      headers: {
        ...{ authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        'client-request-id': somebodyElse,
      },
      ...(body && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${address}: ${answer.status} ${text}`)
    const json: unknown = text === '' ? {} : JSON.parse(text)
    return isJsonObject(json) ? json : {}
  } finally {
    await dispatcher.close()
  }
}

async function readAll(world: World, address: string): Promise<JsonObject[]> {
  const found: JsonObject[] = []
  for (let next: unknown = address; typeof next === 'string'; ) {
    const page: JsonObject = await askGraph(world, 'GET', next)
    if (Array.isArray(page.value)) found.push(...page.value.filter(isJsonObject))
    next = page['@odata.nextLink']
  }
  return found
}

/** By wire: how its models' objects are read here. A further wire adds a reader of its own. */
const readers: Readonly<Record<string, (world: World, model: Model) => Promise<Truth>>> = {
  graph: readGraph,
}

export async function readTruth(world: World, model: Model): Promise<Truth> {
  const read = readers[model.wire]
  if (read === undefined) throw new Error(`add a reader of ${model.wire} to test/conformance`)
  return read(world, model)
}

/** Lists that take no options, and those that besides come in pages of their own making. */
const optionless: readonly string[] = ['subscribedSkus', 'directoryRoles']
const unpaged: readonly string[] = [
  ...optionless,
  ...['domains', 'organization', 'roleManagement/directory/roleAssignments'],
]

/** How many objects a page of a list is asked to hold; undefined where nothing is asked. */
export function isPaged(model: Model): boolean {
  return !unpaged.includes(model.list.call)
}

/** Lists without links from page to page, which is what `$skip` is for. */
export function isSkipped(model: Model): boolean {
  return model.list.call.startsWith('places/')
}

async function readGraph(world: World, model: Model): Promise<Truth> {
  const names = model.properties.map(({ name }) => name)
  const query = new URLSearchParams({ $select: names.join(','), ...model.list.with })
  const whole = optionless.includes(model.list.call)
  const address = whole ? model.list.call : `${model.list.call}?${query}`
  const objects = new Map<string, JsonObject>()
  const links: string[] = []
  for (const raw of await readAll(world, address)) {
    const key = String(raw[model.key])
    objects.set(key, Object.fromEntries(names.map((name) => [name, raw[name] ?? null])))
    for (const link of model.links) {
      const keys =
        link.call === undefined
          ? keysAt(raw, link.from?.split('.') ?? [])
          : (await readAll(world, sublistAddress(model, key, link.call))).map(({ id }) =>
              String(id),
            )
      links.push(...keys.map((to) => `${link.kind} ${key} ${to}`))
    }
  }
  return { objects, links: links.sort() }
}

function sublistAddress(model: Model, key: string, call: string): string {
  const below = call.includes('{key}') ? call : `${model.list.call}/{key}/${call}`
  return `${below.replace('{key}', encodeURIComponent(key))}?$select=id`
}

/** The texts at the end of a path; lists on the way are walked through. */
function keysAt(value: Json, [step, ...rest]: readonly string[]): string[] {
  if (Array.isArray(value)) {
    return value.flatMap((each) => keysAt(each, step === undefined ? [] : [step, ...rest]))
  }
  if (step === undefined) return value === null ? [] : [String(value)]
  return isJsonObject(value) ? keysAt(value[step] ?? null, rest) : []
}

/** A value without annotations, its lists in one order: collections of Graph promise none. */
export function plain(value: Json): Json {
  if (Array.isArray(value)) {
    return value.map(plain).sort((a, b) => (canonicalJson(a) < canonicalJson(b) ? -1 : 1))
  }
  if (!isJsonObject(value)) return value
  const members = Object.entries(value).filter(([name]) => !name.includes('@odata.'))
  return Object.fromEntries(members.map(([name, member]) => [name, plain(member)]))
}
