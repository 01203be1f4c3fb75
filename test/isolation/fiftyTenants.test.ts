import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createGraphWire } from '../../src/connectors/graph/wire.ts'
import { createClouds } from '../../src/connectors/microsoft/clouds.ts'
import type { JsonObject } from '../../src/core/json.ts'
import type { Model } from '../../src/core/model.ts'
import { Sealed } from '../../src/core/secret.ts'
import { readWhole, type Wire } from '../../src/core/wire.ts'
import type { Emulator, TenantAccess } from '../../src/emulator/options.ts'
import type { CallRecord } from '../../src/emulator/record.ts'
import { startEmulator } from '../../src/emulator/start.ts'
import { loadModels } from '../../src/engine/models/load.ts'
import { generateCertificate } from '../../src/features/certificates/generate.ts'
import type { KeyPair } from '../../src/features/certificates/keyPair.ts'
import { createMicrosoft } from '../../src/features/connections/microsoft.ts'
import { createEgress, type Egress } from '../../src/net/egress.ts'
import { control } from '../engine/control.ts'
import { figure, fullSize } from '../figures/figure.ts'
import { systemClock } from '../store/testing.ts'

const tenants = 50
const callsEach = fullSize ? 2_000 : 60
/** The emulated Microsoft remembers a bounded number of calls, so it is asked in between. */
const round = Math.min(callsEach, 500)

interface Customer {
  access: TenantAccess
  /** Of the certificate it signs in with, as a proof names it; undefined where it has a secret. */
  thumbprint: string | undefined
  wire: Wire
  people: string[]
  groups: string[]
  /** Every id there is in this tenant. */
  ids: ReadonlySet<string>
}

let emulator: Emulator
let egress: Egress
let dataDir: string
let customers: Customer[]
let users: Model
let groups: Model
const never = new AbortController().signal

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'patchbay-isolation-'))
  // Half of them sign in with a certificate, each its own, in each of the two kinds below.
  const pairs = await Promise.all(Array.from({ length: tenants }, (_, at) => at).map(pairOf))
  emulator = await startEmulator({
    ...{ dataDir, clock: systemClock, control: true },
    tenants: Array.from({ length: tenants }, (_, at) => ({
      ...{ users: 20, groups: 3, seed: at + 1, domain: `customer${at}.onmicrosoft.com` },
      // Half of them use one application of the provider's, as with delegated administration.
      ...(at % 2 === 0 && { clientId: '6b1d7a1e-0000-4000-8000-000000000001' }),
      certificates: pairs.flatMap((pair, of) =>
        pair && isTaken(at, of) ? pair.certificatePem : [],
      ),
    })),
  })
  const models = await loadModels('models')
  const modelOf = (name: string) =>
    models.find(({ id }) => id === `device/msgraph/${name}`) ?? expect.fail(name)
  users = modelOf('MSOLUser')
  groups = modelOf('Groups')
  egress = createEgress(async () => [{ address: '127.0.0.1', family: 4 }])
  customers = await Promise.all(emulator.tenants.map(customerOf(egress, emulator, pairs)))
}, 120_000)
afterAll(async () => {
  await egress.close()
  await emulator.close()
  await rm(dataDir, { recursive: true })
})

/** Small keys: to make fifty of the usual ones takes seconds. */
async function pairOf(at: number): Promise<KeyPair | undefined> {
  if (at % 4 > 1) return undefined
  return await generateCertificate(systemClock, { commonName: `Customer ${at}`, keyBits: 1024 })
}

/** One application has all of its certificates everywhere: only the record tells whose was used. */
function isTaken(at: number, certificateOf: number): boolean {
  return at === certificateOf || (at % 2 === 0 && certificateOf % 2 === 0)
}

/** All of them over one process's tokens, lanes and connections. */
function customerOf(egress: Egress, emulator: Emulator, pairs: readonly (KeyPair | undefined)[]) {
  const cloud = {
    ...{ name: 'emulator', login: emulator.url, graph: emulator.url, ca: emulator.caPem },
    ...{ scope: 'https://graph.microsoft.com/.default', allowedAddresses: ['127.0.0.0/8'] },
  }
  const ways = { egress, clock: systemClock, random: Math.min, log: () => {} }
  const microsoft = createMicrosoft({ ...ways, clouds: createClouds([cloud]) })
  return async (access: TenantAccess, at: number): Promise<Customer> => {
    const { tenantId, clientId, clientSecret } = access
    const certificate = pairs[at]
    const application = {
      ...{ cloud, tenantId, clientId, credentialVersion: '1' },
      credentials: async () =>
        certificate ? { certificate } : { clientSecret: new Sealed(clientSecret) },
    }
    const own = control(emulator, tenantId)
    const truth = await own.snapshot()
    await own.close()
    const people = truth.users.map(({ id }) => String(id))
    const theirs = truth.groups.map(({ id }) => String(id))
    return {
      thumbprint:
        certificate && Buffer.from(certificate.thumbprintSha256, 'hex').toString('base64url'),
      ...{ access, people, groups: theirs, ids: new Set([...people, ...theirs]) },
      wire: createGraphWire(microsoft.graph(application, 'sync'), () => 5),
    }
  }
}

/** One call of the mix; answers the ids that came back. */
async function call({ wire, people, groups: theirs }: Customer, at: number): Promise<string[]> {
  const person = people[at % people.length] ?? ''
  switch (at % 4) {
    case 0:
      return keysOf([await wire.get(users, person, never)])
    case 1:
      return keysOf(
        readWhole(await wire.list(at % 8 === 1 ? users : groups, undefined, never)).objects,
      )
    case 2: {
      const change = wire.updateCall(users, person, { department: `Department ${at}` })
      await wire.send(change, never)
      return []
    }
    default: {
      const found = await wire.links(groups, theirs, never)
      return [...found.values()].flatMap((links) => Object.values(links).flat())
    }
  }
}

function keysOf(objects: readonly ({ data: JsonObject } | undefined)[]): string[] {
  return objects.map((object) => String(object?.data.id))
}

const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

/** What the emulated Microsoft got with one tenant's token or at its sign-in, and is another's. */
function mismatches(calls: readonly CallRecord[]): string[] {
  const byTenant = new Map(customers.map((customer) => [customer.access.tenantId, customer]))
  return calls.flatMap(({ service, method, path, tenantId = '', appId, thumbprint }) => {
    const customer = byTenant.get(tenantId)
    const told = `${method} ${path} as ${tenantId} ${appId} ${thumbprint}`
    if (customer === undefined || (appId ?? '') !== customer.access.clientId) return [told]
    const [place = ''] = path.split('?')
    const named = place.match(uuid) ?? []
    const fits =
      service === 'login'
        ? tenantId === named[0] && thumbprint === customer.thumbprint
        : named.every((id) => customer.ids.has(id))
    return fits ? [] : [told]
  })
}

it(`H4: ${tenants} tenants x ${callsEach} concurrent mixed calls, and none meets another's`, async () => {
  const admin = control(emulator, '')
  let sent = 0
  const proofs = new Set<string | undefined>()
  const wrong: string[] = []
  await admin.clearCalls()
  for (let from = 0; from < callsEach; from += round) {
    const work = customers.flatMap((customer) =>
      Array.from({ length: round }, async (_, at) => {
        const came = await call(customer, from + at)
        const foreign = came.filter((id) => !customer.ids.has(id))
        wrong.push(...foreign.map((id) => `${customer.access.tenantId} was answered ${id}`))
      }),
    )
    await Promise.all(work)
    const calls = await admin.ask<CallRecord[]>('GET', 'calls')
    sent += calls.length
    wrong.push(...mismatches(calls))
    for (const { thumbprint } of calls) proofs.add(thumbprint)
    await admin.clearCalls()
  }
  await admin.close()
  expect(wrong.slice(0, 5)).toEqual([])
  proofs.delete(undefined)
  expect(proofs.size).toBe(customers.filter(({ thumbprint }) => thumbprint).length)
  figure('mismatches of token, tenant, certificate and path', wrong.length, '= 0')
  figure('tenants that signed in with a certificate of their own', proofs.size, '>= 25')
  figure('calls checked at Microsoft', sent, `>= ${tenants * callsEach}`)
}, 600_000)
