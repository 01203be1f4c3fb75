import { afterAll, beforeAll, expect, it } from 'vitest'
import { api } from '../../src/contract/api.ts'
import { type Route, routesOf } from '../../src/contract/route.ts'
import { isJsonObject, type Json, type JsonObject } from '../../src/core/json.ts'
import { startTestPatchbay, type TestPatchbay } from './patchbay.ts'

/**
 * Every field of every route, one after the other, holds each of these; the rest of the request is
 * as it should be. Fields come from the contract, so a new one is tried without being listed.
 */
const hostile: readonly [string, unknown][] = [
  ['empty', ''],
  ['a space', ' '],
  ['a megabyte', 'x'.repeat(900_000)],
  ['NUL', 'a\u0000b'],
  ['line ends', 'a\r\nX-Injected: 1'],
  ['U+2028', 'a\u2028b'],
  ['right-to-left override', 'a\u202eb'],
  ['combining marks', `e${'\u0301'.repeat(50)}`],
  ['an escape sequence', '\u001b[2J'],
  ['single quotes', "' or 1=1 --"],
  ['smart quotes', '\u2019; Remove-Item \u201d'],
  ['LDAP', '*)(uid=*))(|(uid=*'],
  ['OData', "x' or startswith(displayName,'a"],
  ['a path', '../../etc/passwd'],
  ['an encoded path', '..%2f..%2fnodes'],
  ['a template', '{{7*7}}'],
  ['a formula', '=1+1'],
  ['HTML', '<img src=x onerror=alert(1)>'],
  ['Turkish i', '\u0130stanbul\u0131'],
  ['emoji', '👩‍👩‍👧'],
  ['another width', '\uff21\uff22'],
  ['zero', 0],
  ['minus one', -1],
  ['a fraction', 1.5],
  ['a large number', 9_007_199_254_740_991],
  ['a number too large', 1e300],
  ['a number as text', '1'],
  ['an exponent', '1e3'],
  ['NaN as text', 'NaN'],
  ['true', true],
  ['null', null],
  ['a list', ['a']],
  ['lists in lists', [[[[]]]]],
  ['an object', { a: 1 }],
  ['an empty object', {}],
  ['an odd date', '2026-02-30T25:61:61Z'],
]

/** As JSON text, where JSON.stringify could not write it. */
const rawHostile: readonly [string, string][] = [
  ['half a surrogate pair', '"\\ud800"'],
  ['infinity', '1e309'],
  ['__proto__', '{"__proto__":{"admin":true}}'],
  ['constructor', '{"constructor":{"prototype":{}}}'],
  ['nesting', `${'['.repeat(10_000)}${']'.repeat(10_000)}`],
]

let patchbay: TestPatchbay

beforeAll(async () => {
  patchbay = await startTestPatchbay()
  const { tenantId = '', clientId = '', clientSecret = '' } = patchbay.emulator.tenants[0] ?? {}
  const graph = { cloud: 'emulator', tenantId, clientId, clientSecret }
  await send('POST', '/v1/nodes', { parentId: 1, kind: 'customer', name: 'Contoso' })
  await send('POST', '/v1/tenants', { nodeId: 2, name: 'Contoso', graph })
})
afterAll(() => patchbay.close())

interface Answered {
  status: number
  body: Json
}

async function send(method: string, path: string, body?: unknown): Promise<Answered> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const answer = await fetch(`${patchbay.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${patchbay.token}`,
      ...(text !== undefined && { 'content-type': 'application/json' }),
    },
    ...(text !== undefined && { body: text }),
  })
  const json = answer.headers.get('content-type')?.includes('json')
  const answered = await answer.text()
  return { status: answer.status, body: json ? JSON.parse(answered) : null }
}

/** A value that fits a schema. */
function sample(schema: unknown): Json {
  if (!isJsonObject(schema)) return null
  if (Array.isArray(schema.enum)) return schema.enum[0] ?? null
  if (schema.const !== undefined) return schema.const
  if (Array.isArray(schema.anyOf)) return sample(schema.anyOf[0])
  if (schema.type === 'integer') return 1
  if (schema.type === 'boolean') return true
  if (schema.type === 'array') return [sample(schema.items)]
  if (schema.type === 'string') return schema.pattern === '^[A-Z]{2}$' ? 'DE' : 'Sample'
  const { properties, required } = schema
  const named = isJsonObject(properties) ? Object.entries(properties) : []
  const needed = named.filter(([name]) => Array.isArray(required) && required.includes(name))
  return Object.fromEntries(needed.map(([name, member]) => [name, sample(member)]))
}

/** Paths of the members of an object schema, at every depth. */
function pathsOf(schema: unknown, path: readonly string[] = []): string[][] {
  if (!isJsonObject(schema)) return []
  const { properties, items, anyOf } = schema
  const own = isJsonObject(properties)
    ? Object.entries(properties).flatMap(([name, member]) => {
        const deeper = pathsOf(member, [...path, name])
        return [[...path, name], ...deeper]
      })
    : []
  const branches = Array.isArray(anyOf) ? anyOf.flatMap((branch) => pathsOf(branch, path)) : []
  return [...own, ...branches, ...pathsOf(items, [...path, '0'])]
}

/** The body with `text` (JSON) at a path; objects on the way are made. */
function withAt(body: Json, path: readonly string[], text: string): string {
  const mark = 'hostile value goes here'
  const copy: Json = structuredClone(body)
  let at = copy
  for (const [depth, name] of path.entries()) {
    if (!isJsonObject(at) && !Array.isArray(at)) return JSON.stringify(copy)
    const members = at as JsonObject
    const last = depth === path.length - 1
    members[name] = last ? mark : (members[name] ?? {})
    at = members[name] ?? null
  }
  return JSON.stringify(copy).replace(JSON.stringify(mark), () => text)
}

function pathOf(route: Route, replaced?: { name: string; value: string }): string {
  return route.path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => {
    if (replaced?.name === name) return encodeURIComponent(replaced.value)
    if (name === 'application') return 'msgraph'
    if (name === 'name') return 'MSOLUser'
    return name === 'ref' ? 'anna@example.com' : '1'
  })
}

const asText = ([what, value]: readonly [string, unknown]): [string, string] => [
  what,
  typeof value === 'string' ? value : JSON.stringify(value),
]

/** Streams do not end by themselves, and Test Connection calls out; both are tried elsewhere. */
const routes = routesOf(api).filter(({ name }) => name !== 'event.stream' && name !== 'tenant.test')

function judge(tried: string, { status, body }: Answered, found: string[]): void {
  const problem = isJsonObject(body) ? body : {}
  if (status >= 500) found.push(`${tried}: ${status} ${JSON.stringify(body)}`)
  if (status >= 400 && typeof problem.code !== 'string') found.push(`${tried}: no code`)
  if (status === 400 && !Array.isArray(problem.fields)) found.push(`${tried}: no field named`)
  if (/\bat .*\.ts:\d+/.test(JSON.stringify(body))) found.push(`${tried}: a stack trace`)
}

it.each(routes)('no field of $name takes the server down', async (route) => {
  const found: string[] = []
  let tries = 0
  // Small keys: most values of the other fields are right, and each makes a certificate.
  const quick = route.name === 'certificate.create' ? { keyBits: 2048 } : {}
  const made = route.body && sample(JSON.parse(JSON.stringify(route.body)))
  const body = isJsonObject(made) ? { ...made, ...quick } : made
  const attempt = async (tried: string, path: string, text?: string) => {
    tries += 1
    judge(`${route.name} ${tried}`, await send(route.method, path, text ?? body), found)
  }
  for (const path of pathsOf(JSON.parse(JSON.stringify(route.body ?? {})))) {
    const values = hostile.map(([what, value]) => [what, JSON.stringify(value)] as const)
    for (const [what, text] of [...values, ...rawHostile]) {
      await attempt(`${path.join('.')} = ${what}`, pathOf(route), withAt(body ?? {}, path, text))
    }
  }
  const short = hostile.map(asText).filter(([, text]) => text.length < 10_000)
  for (const [name] of pathsOf(JSON.parse(JSON.stringify(route.query ?? {}))) as [string][]) {
    for (const [what, text] of short) {
      const query = new URLSearchParams([[name, text]])
      await attempt(`?${name} = ${what}`, `${pathOf(route)}?${query}`)
    }
    await attempt(`?${name} twice`, `${pathOf(route)}?${name}=1&${name}=2`)
  }
  for (const [name] of pathsOf(JSON.parse(JSON.stringify(route.params ?? {}))) as [string][]) {
    for (const [what, value] of short) {
      // The URL itself has no such segment; it would be another address.
      if (value === '') continue
      await attempt(`/${name} = ${what}`, pathOf(route, { name, value }))
    }
  }
  expect(found).toEqual([])
  expect(tries > 0 || (!route.body && !route.query && !route.params)).toBe(true)
})

it('is still well afterwards', async () => {
  expect(await send('GET', '/health/ready')).toMatchObject({ status: 200 })
  expect(patchbay.log.filter(({ level }) => level === 'error')).toEqual([])
})
