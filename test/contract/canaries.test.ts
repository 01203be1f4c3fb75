import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Route } from '../../src/contract/route.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { tenantFields } from '../../src/features/tenants/fields.ts'
import { figure } from '../figures/figure.ts'
import { type Canary, makeCanary, search } from '../journeys/canaries.ts'
import { attempt, validRequest } from './attempts.ts'
import { type Field, fieldsOf, routes } from './fields.ts'
import { hostileOf } from './hostileValues.ts'
import { type Answered, openSender, type Sender } from './sender.ts'
import { type ValidRequest, validRequests } from './validRequests.ts'
import { type ContractWorld, openContractWorld } from './world.ts'

/** Declared as kept in the vault, or called like what is no less a secret for not being kept. */
const named = /password|secret|invitation|verifier|pfx|pem$|^code$|token$/i
/** The token that Microsoft asks to have back as it came is none. */
const harmless = /^validationToken$|Id$|At$|^confirm/i

interface SecretField extends Field {
  route: Route
}

const secretFields: readonly SecretField[] = routes.flatMap((route) =>
  fieldsOf(route)
    .filter(isSecret)
    .map((field) => ({ ...field, route })),
)

function isKept({ schema, path }: Pick<Field, 'schema' | 'path'>): boolean {
  const ofTenant = tenantFields.find((field) => field.path === path.join('.'))
  return schema.stored !== undefined || ofTenant?.stored !== undefined
}

function isSecret({ schema, path }: Field): boolean {
  const name = path.at(-1) ?? ''
  const takesText = schema.type === 'string' || Array.isArray(schema.anyOf)
  if (isKept({ schema, path })) return true
  return takesText && named.test(name) && !harmless.test(name)
}

let world: ContractWorld
let valid: Record<string, ValidRequest>
let sender: Sender
const canaries: Canary[] = []
const sinks = new Map<string, string>()
/** No secret, and shown in many places: the search has to find it there. */
const planted = makeCanary('planted', '----')

beforeAll(async () => {
  world = await openContractWorld()
  valid = await validRequests(world)
  sender = openSender(world.patchbay.url, world.patchbay.token)
}, 120_000)
afterAll(async () => {
  await sender.close()
  await world.close()
})

/** As it would be given, and in the ways in which it is refused: too long, of another type. */
function textsFor({ name }: Field): string[] {
  const one = (special?: string) => {
    const made = makeCanary(`${name} ${canaries.length}`, special)
    canaries.push(made)
    return made.text
  }
  const address = (text: string) => `http://journey:${encodeURIComponent(text)}@127.0.0.1:3128`
  const given = /proxy$/i.test(name) ? address(one()) : one('____')
  return [given, one('_~.-'), one().repeat(3_000)]
    .map((text) => JSON.stringify(text))
    .concat(JSON.stringify([one()]), JSON.stringify({ value: one() }))
}

async function plant(field: SecretField): Promise<number> {
  const { route, name } = field
  let sent = 0
  for (const [at, json] of textsFor(field).entries()) {
    const made = attempt(route, valid[route.name] ?? {}, field, hostileOf('', json))
    for (const { sent: request } of made) {
      keep(`answer ${at} of ${route.name} to ${name}`, await sender.send(request()))
      sent++
    }
  }
  return sent
}

function keep(what: string, { status, text, headers }: Answered): void {
  sinks.set(`${what} (${status})`, JSON.stringify(headers) + text)
}

/** Every row of every table, as JSON. */
async function gatherRows(): Promise<void> {
  const { rows: tables } = await world.database.query<{ name: string }>(
    `select quote_ident(table_schema) || '.' || quote_ident(table_name) as name
      from information_schema.tables
      where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`,
  )
  for (const { name } of tables) {
    const { rows } = await world.database.query(`select to_jsonb(t)::text as text from ${name} t`)
    sinks.set(`table ${name}`, rows.map(({ text }) => text).join('\n'))
  }
}

/** Whatever can be read, with the secrets that were taken behind it. */
async function gatherAnswers(): Promise<void> {
  for (const route of routes) {
    if (route.method !== 'GET') continue
    keep(`answer of ${route.name}`, await sender.send(validRequest(route, valid[route.name] ?? {})))
  }
}

it('E1: a canary in every secret field of the contract, taken or refused, is found nowhere', async () => {
  const unplanted: string[] = []
  for (const field of secretFields) {
    if ((await plant(field)) === 0) unplanted.push(`${field.route.name} ${field.name}`)
  }
  expect(unplanted).toEqual([])
  const body: JsonObject = { parentId: 1, kind: 'customer', name: planted.text }
  const made = await sender.send({ method: 'POST', path: '/v1/nodes', body: JSON.stringify(body) })
  keep('planted', await sender.send({ method: 'GET', path: `/v1/nodes/${made.json.id}` }))
  await gatherAnswers()
  await gatherRows()
  sinks.set('log', JSON.stringify(world.patchbay.log))

  expect(search(sinks, canaries)).toEqual([])
  figure('secret fields of the contract', secretFields.length, '>= 10')
  figure('canaries planted', canaries.length, `>= ${5 * secretFields.length}`)
  figure('canaries found', search(sinks, canaries).length, '= 0')
  const seen = search(sinks, [planted]).map(({ sink }) => sink)
  expect(seen).toEqual(expect.arrayContaining(['table patchbay.node', 'table patchbay.audit']))
  expect(seen).toContain('planted (200)')
  expect(sinks.get('log')).toContain('request')
}, 180_000)

it('every secret that is kept is among the fields', () => {
  const kept = secretFields.filter(isKept)
  expect(kept.length).toBeGreaterThan(8)
  expect(secretFields.map(({ path }) => path.at(-1))).toEqual(
    expect.arrayContaining(['clientSecret', 'password', 'pfx', 'pem']),
  )
})
