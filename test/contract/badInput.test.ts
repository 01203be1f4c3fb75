import { readFile } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Route } from '../../src/contract/route.ts'
import { isJsonObject, type JsonObject } from '../../src/core/json.ts'
import { inParallel } from '../../src/core/parallel.ts'
import * as attempts from './attempts.ts'
import { countChanges } from './authorisationChanges.ts'
import { fieldsOf, routes, valueAt } from './fields.ts'
import { type Answered, faultsOf, namedFields, openSender, type Sender } from './sender.ts'
import { type Served, serve } from './served.ts'
import { type ValidRequest, validRequests } from './validRequests.ts'
import { type ContractWorld, openContractWorld } from './world.ts'

let world: ContractWorld
let valid: Record<string, ValidRequest>
let served: Served
let sender: Sender
let fingerprint: () => Promise<string>
let megabytesBefore: number

beforeAll(async () => {
  world = await openContractWorld()
  valid = await validRequests(world)
  served = await serve(world.patchbay)
  sender = openSender(served.url, world.patchbay.token)
  fingerprint = await countChanges(world.database)
  // The first large bodies make room that a process keeps; what comes after must fit into it.
  const warming = routes.filter(({ name }) => name === 'tenant.create').flatMap(refusedAttempts)
  await inParallel(warming, 6, async ({ sent }) => void (await sender.send(sent())))
  megabytesBefore = await residentMegabytes(served)
})
afterAll(async () => {
  await sender.close()
  await served.close()
  await world.close()
})

it('every route has a valid request to begin with', () => {
  expect(Object.keys(valid).sort()).toEqual(routes.map(({ name }) => name).sort())
})

it('every field of every route has a bound', () => {
  const unbounded = routes.flatMap((route) =>
    fieldsOf(route).flatMap(({ name, schema }) =>
      missingBounds(schema).map((bound) => `${route.name} ${name} has no ${bound}`),
    ),
  )
  expect(unbounded).toEqual([])
})

it.each(routes)('C1, C2: $name refuses what is no value of a field, naming it', async (route) => {
  const before = await fingerprint()
  const faults: string[] = []
  await inParallel(refusedAttempts(route), 6, async (attempt) => {
    const found = refusalFaults(attempt, await sender.send(attempt.sent()))
    faults.push(...found.map((fault) => `${attempt.what} ${fault}`))
  })
  expect(faults).toEqual([])
  expect(await fingerprint()).toBe(before)
})

it.each(routes)('C1: $name keeps unusual values as they are, or changes nothing', async (route) => {
  const faults: string[] = []
  let before = await fingerprint()
  // What writes is tried one by one: after each the database tells whether it was refused.
  const atOnce = mayWrite(route) ? 1 : 6
  await inParallel(attempts.legalAttempts(route, validOf(route)), atOnce, async (attempt) => {
    const answer = await sender.send(attempt.sent())
    const accepted = answer.status < 400
    const found = accepted ? await storedFaults(route, attempt, answer) : strangeFaults(answer)
    if (mayWrite(route)) {
      const after = await fingerprint()
      if (!accepted && after !== before) found.push('changed the database')
      before = after
    }
    faults.push(...[...faultsOf(answer), ...found].map((fault) => `${attempt.what} ${fault}`))
  })
  expect(faults).toEqual([])
  expect(await fingerprint()).toBe(before)
})

it.each(routes)('C1: $name takes its valid request after all of that', async (route) => {
  const answer = await sender.send(attempts.validRequest(route, validOf(route)))
  const { status, text } = answer
  // One of the requests before this one may have undone the same transaction.
  if (route.name === 'transaction.undo' && /was undone by transaction/.test(text)) return
  // Its wrong passwords keep it waiting for some seconds, which may be over.
  if (route.name === 'session.changePassword' && /is not your password/.test(text)) return
  expect({ status, text: text.slice(0, 500) }).toMatchObject({
    status: validOf(route).answered ?? route.status,
  })
})

it('C1: the process is the same, has not grown, and met nothing it did not foresee', async () => {
  const grown = (await residentMegabytes(served)) - megabytesBefore
  console.info(`${sender.count()} requests sent; memory grew by ${Math.round(grown)} MB`)
  expect(grown).toBeLessThan(100)
  expect(served.errors).toEqual([])
  expect(await sender.send({ method: 'GET', path: '/health/ready' })).toMatchObject({ status: 200 })
})

const bounds: Readonly<Record<string, readonly string[]>> = {
  string: ['maxLength'],
  integer: ['minimum', 'maximum'],
  array: ['maxItems'],
}

function missingBounds(schema: JsonObject): string[] {
  const { anyOf, enum: choices, const: constant, pattern, patternProperties, type } = schema
  if (Array.isArray(anyOf)) return anyOf.filter(isJsonObject).flatMap(missingBounds)
  // Two letters of a country: a pattern without an endless part is a bound too.
  const isShort = typeof pattern === 'string' && !/[*+]|,\}/.test(pattern)
  if (choices !== undefined || constant !== undefined || isShort) return []
  const wanted = patternProperties ? ['maxProperties'] : (bounds[String(type)] ?? [])
  return wanted.filter((bound) => !(bound in schema))
}

function validOf(route: Route): ValidRequest {
  return valid[route.name] ?? {}
}

function refusedAttempts(route: Route): attempts.Attempt[] {
  return attempts.refusedAttempts(route, validOf(route))
}

/** A certificate's export is put on record; every other reading leaves no trace. */
function mayWrite({ method, permission }: Route): boolean {
  return method !== 'GET' || (typeof permission === 'object' && permission.operation === 'Export')
}

function refusalFaults({ field }: attempts.Attempt, answer: Answered): string[] {
  const faults = faultsOf(answer)
  if (answer.status < 400) return [...faults, `was accepted: ${answer.status}`]
  const named = namedFields(answer)
  const isNamed = named.some((name) => name === field || name.startsWith(`${field}.`))
  if (!isNamed)
    faults.push(`is answered ${answer.status}, which names ${named.join(', ') || 'none'}`)
  return faults
}

/** A rule beyond the schema refused it: it has to say where. */
function strangeFaults(answer: Answered): string[] {
  if (answer.json.code !== 'bad-input') return []
  const named = namedFields(answer)
  const known = named.filter((name) => /^(path|query|headers|body)\b/.test(name))
  return named.length > 0 && known.length === named.length ? [] : [`names ${named.join(', ')}`]
}

/** Fields that are of use at the moment only, or make something else of themselves. */
const notShown = [
  'commonName',
  'organization',
  'country',
  'validDays',
  'keyBits',
  'pem',
  'password',
  'confirm',
  // Shown by what it comes to: the plans of the product that are off.
  'steps.0.add.0.without',
].map((name) => `body.${name}`)

/** What was accepted has to be there as it was sent; a secret only has to be set. */
async function storedFaults(
  route: Route,
  attempt: attempts.LegalAttempt,
  answer: Answered,
): Promise<string[]> {
  const { shownAt, shownAs = {}, tidy } = validOf(route)
  const faults: string[] = []
  const { field, value, schema } = attempt
  if (shownAt && field.startsWith('body.') && schema.type !== 'object') {
    const shown = await sender.send({ method: 'GET', path: shownAt(answer.json) })
    const path = shownAs[field] ?? field.split('.').slice(1)
    const found = valueAt(shown.json, path)
    // What clears a field shows as null or as what the field is by default.
    const isCleared = (value === null || value === '' || value === ' ') && field !== 'body.name'
    const isSame = isSecret(schema)
      ? isJsonObject(found) && found.set === (value !== null && value !== '')
      : isDeepStrictEqual(found, value) ||
        (typeof value === 'string' && found === value.trim()) ||
        isCleared
    if (!isSame && !notShown.includes(field)) {
      faults.push(`is shown as ${JSON.stringify(found)}`)
    }
  }
  await tidy?.(answer.json)
  return faults
}

function isSecret(schema: attempts.LegalAttempt['schema']): boolean {
  return JSON.stringify(schema).includes('"stored":"secret"')
}

/** What a process holds of the machine's memory. */
async function residentMegabytes({ child }: Served): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1_000
}
