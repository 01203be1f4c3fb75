import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { faultKinds } from '../../src/emulator/faults/kinds.ts'
import type { TenantAccess } from '../../src/emulator/options.ts'
import type { Canary } from './canaries.ts'
import type { Sinks } from './sinks.ts'
import { type Bounds, until, users, type World } from './world.ts'

/** So that what never answers, or never to the end, takes seconds and not minutes. */
export const hasty: Bounds = {
  ...{ headersMs: 2_000, exchangeMs: 2_500, backoffFirstMs: 10, backoffMaxMs: 100 },
  ...{ callAttemptsMax: 3, modelAttemptsMax: 1, connectionTestsPerActor: 1_000 },
}

/** Those to wait for: each befalls one call, and they begin before the others. */
const slow = ['throttle', 'hang', 'drip']
/** Of calls of ours: not of notifications, nor of the page on which somebody consents. */
const names = [...new Set([...slow, ...Object.keys(faultKinds)])].filter(
  (name) => faultKinds[name]?.notification !== true && name !== 'consent-declined',
)

interface Faulty {
  fault: string
  id: number
  access: TenantAccess
}

type NewCanary = (name: string) => Canary

/**
 * Lets every trouble the emulator knows befall a tenant of its own: first what it reads, then its
 * sign-in. Answers what was said of them, and what arrived where nothing of ours belongs.
 */
export async function meetEveryFault(world: World, canary: NewCanary): Promise<Sinks> {
  const said: Sinks = new Map()
  const elsewhere = await listenElsewhere()
  const values: Readonly<Record<string, object>> = {
    delay: { value: 1 },
    redirect: { value: `${elsewhere.url}?code=${encodeURIComponent(canary('code').text)}` },
    'foreign-next-link': { value: `${elsewhere.url}?$skiptoken=x` },
  }
  const tenants = await Promise.all(
    names.map((fault, at) => attach(world, fault, 100 + at, canary(`client secret, ${fault}`))),
  )
  const befall = (path: string) =>
    Promise.all(
      tenants.map(({ fault: name, access: { tenantId } }) => {
        const count = slow.includes(name) ? { count: 1 } : {}
        const spec = { name, tenantId, path, ...values[name], ...count }
        return world.microsoft.ask('POST', 'faults', spec)
      }),
    )
  await befall('^/v1\\.0/')
  const met = new Set(await syncAll(world, tenants, said))
  // What befalls only those who have a place in a list of changes.
  const unmet = tenants.filter(({ fault }) => !met.has(fault))
  for (const name of await syncAll(world, unmet, said)) met.add(name)
  await world.microsoft.clearFaults()
  await befall('/oauth2/')
  await Promise.all(
    tenants.map(async ({ id, fault }) => {
      const { body } = await world.ask('POST', `/v1/tenants/${id}/test`, { confirm: true })
      said.set(`test, ${fault}`, JSON.stringify(body))
    }),
  )
  for (const name of await firedFaults(world)) met.add(name)
  await world.microsoft.clearFaults()
  said.set('received elsewhere', await elsewhere.close())
  const never = names.filter((name) => !met.has(name))
  if (never.length > 0) throw new Error(`These befell no call: ${never.join(', ')}.`)
  return said
}

async function attach(world: World, fault: string, seed: number, secret: Canary): Promise<Faulty> {
  const spec = { users: 12, groups: 0, seed, secret: secret.text }
  const access = await world.microsoft.ask<TenantAccess>('POST', 'tenants', spec)
  const { tenantId, clientId, clientSecret } = access
  // Several pages of them.
  const graph = { tenantId, clientId, clientSecret, userPageSize: 5 }
  return { fault, access, id: await world.attach(`Fault ${fault}`, graph) }
}

/** Answers the names of the faults that befell somebody. */
async function syncAll(world: World, tenants: readonly Faulty[], said: Sinks): Promise<string[]> {
  await Promise.all(
    tenants.map(({ id }) => world.ask('POST', `/v1/tenants/${id}/syncs`, { models: [users] })),
  )
  await until('every sync is over', 60_000, async () => {
    const { body } = await world.ask('GET', '/v1/jobs')
    return body.jobs.length === 0
  })
  for (const { id, fault } of tenants) {
    const { body } = await world.ask('GET', `/v1/syncs?tenantId=${id}`)
    const rejected = await world.ask('GET', `/v1/syncs/${body.items[0].id}/rejected`)
    said.set(`sync ${said.size}, ${fault}`, JSON.stringify([body, rejected.body]))
  }
  return await firedFaults(world)
}

async function firedFaults(world: World): Promise<string[]> {
  const faults = await world.microsoft.ask<{ name: string; fired: number }[]>('GET', 'faults')
  return faults.filter(({ fired }) => fired > 0).map(({ name }) => name)
}

/** Keeps whatever comes, as it came. */
async function listenElsewhere() {
  let received = ''
  const server = createServer((request, response) => {
    received += `${request.method} ${request.url} ${request.rawHeaders}\n`
    request.setEncoding('utf8').on('data', (chunk) => {
      received += chunk
    })
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/v1.0/users`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      return received
    },
  }
}
