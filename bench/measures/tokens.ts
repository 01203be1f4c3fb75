import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, fetch } from 'undici'
import { type Cloud, createClouds } from '../../src/connectors/microsoft/clouds.ts'
import { Sealed } from '../../src/core/secret.ts'
import { createMicrosoft, type Microsoft } from '../../src/features/connections/microsoft.ts'
import { type EmulatedTenant, startEmulatorProcess, stopProcess } from '../../src/main/children.ts'
import { systemClock } from '../../src/main/clock.ts'
import { createEgress } from '../../src/net/egress.ts'
import type { Report } from '../report.ts'

const tenantCount = 10
const callsPerTenant = 100

/** A thousand calls at once, nobody signed in yet: one token request for each tenant. */
export async function run(report: Report): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'patchbay-bench-'))
  const emulator = await startEmulatorProcess(dataDir, ['--users', '50'])
  const ca = await readFile(emulator.caFile, 'utf8')
  const dispatcher = new Agent({ connect: { ca } })
  const control = async (method: string, path: string, body?: object): Promise<unknown> => {
    const init = body && {
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    }
    return (await fetch(`${emulator.url}/_control/${path}`, { method, dispatcher, ...init })).json()
  }
  const tenants: EmulatedTenant[] = []
  for (let seed = 1; seed <= tenantCount; seed++) {
    tenants.push(
      (await control('POST', 'tenants', { users: 50, seed: 100 + seed })) as EmulatedTenant,
    )
  }
  const egress = createEgress(async () => [{ address: '127.0.0.1', family: 4 }])
  const { url } = emulator
  const cloud = {
    ...{ name: 'emulator', login: url, graph: url, ca, allowedAddresses: ['127.0.0.0/8'] },
    scope: 'https://graph.microsoft.com/.default',
  }
  const microsoft = createMicrosoft({
    ...{ egress, clouds: createClouds([cloud]), clock: systemClock },
    ...{ random: () => 0.5, log: () => {} },
  })
  const began = performance.now()
  const calls = tenants.flatMap((tenant) => callsOf(microsoft, cloud, tenant))
  const answers = await Promise.all(calls)
  const seconds = (performance.now() - began) / 1_000
  const stats = (await control('GET', 'stats')) as Record<string, { tokenRequests: number }>
  const requests = tenants.map(({ tenantId }) => stats[tenantId]?.tokenRequests ?? 0)
  report({
    figure: 'answers with status 200',
    value: answers.filter(({ status }) => status === 200).length,
    unit: 'calls',
    goal: `= ${tenantCount * callsPerTenant}`,
  })
  report({
    figure: 'fewest token requests of a tenant',
    value: Math.min(...requests),
    unit: 'requests',
    goal: '= 1',
  })
  report({
    figure: 'most token requests of a tenant',
    value: Math.max(...requests),
    unit: 'requests',
    goal: '= 1',
  })
  report({ figure: 'all calls', value: seconds, unit: 's' })
  await dispatcher.close()
  await egress.close()
  await stopProcess(emulator.child)
  await rm(dataDir, { recursive: true, force: true })
}

/** Calls of one tenant that is not signed in yet, all at once. */
function callsOf(microsoft: Microsoft, cloud: Cloud, tenant: EmulatedTenant) {
  const { tenantId, clientId, clientSecret } = tenant
  const credentials = async () => ({ clientSecret: new Sealed(clientSecret) })
  const application = { cloud, tenantId, clientId, credentialVersion: '1', credentials }
  const transport = microsoft.graph(application, 'sync')
  const call = {
    ...{ wire: 'graph' as const, method: 'GET' as const, path: ['organization'], query: {} },
    ...{ body: undefined, cost: 1 },
  }
  const { signal } = new AbortController()
  return Array.from({ length: callsPerTenant }, () => transport.send(call, { signal }))
}
