import { readFile } from 'node:fs/promises'
import { Agent, fetch } from 'undici'
import { appTenantRu, resourceUnitsOf } from '../../src/catalogue/graphLimits.ts'
import type { EmulatedTenant } from '../../src/main/children.ts'
import { processorTimes } from '../processorTime.ts'
import type { Report } from '../report.ts'
import { type BenchWorld, groups, openWorld, syncOnce } from '../world.ts'

const groupCount = 20_000
/** As many as `$expand` shows: whether they are all can only be told by reading each list. */
const membersEach = 20
const readOneByOne = 300
/** 104 ms is what one list of members was seen to take on a real tenant, one at a time. */
const latency = { fixedMs: 104, perRowMs: 0.331, inFlightDivisor: 16 }

/**
 * How fast the members of many groups come in where resource units are counted, beside reading one
 * group after the other, and how much of what Microsoft permits is used for it.
 */
export async function run(report: Report): Promise<void> {
  const world = await openWorld(1)
  try {
    const tenant = await world.control<EmulatedTenant>('POST', 'tenants', {
      ...{ users: 2_000, seed: 5, groups: groupCount, groupMembers: membersEach, budgetShare: 1 },
    })
    await world.control('PUT', 'latency', latency)
    const { tenantId } = await world.attach('Contoso', tenant)
    const before = await processorTimes(world)
    const sync = await syncOnce(world, tenantId, { models: [groups] })
    const after = await processorTimes(world)
    report({ figure: 'sync of all groups', value: sync.seconds, unit: 's' })
    for (const [index, process] of ['the server', 'the emulator', 'PostgreSQL'].entries()) {
      const value = (after[index] ?? 0) - (before[index] ?? 0)
      report({ figure: `processor time of ${process}`, value, unit: 's' })
    }
    const { rows } = await world.database.query(
      `select count(*)::int as links from patchbay.link where kind = 'member'`,
    )
    report({
      ...{ figure: 'members read in', value: Number(rows[0]?.links), unit: 'links' },
      goal: `= ${groupCount * membersEach}`,
    })
    await reportCalls(report, world, tenant, sync.seconds)
    const oneByOne = await secondsOneByOne(world, tenant)
    report({ figure: `one by one, ${readOneByOne} groups`, value: oneByOne, unit: 's' })
    const scaled = (oneByOne * groupCount) / readOneByOne
    report({
      ...{ figure: 'one by one, scaled, to sync', value: scaled / sync.seconds, unit: 'ratio' },
      goal: '>= 30',
    })
  } finally {
    await world.close()
  }
}

interface Call {
  method: string
  path: string
  status: number
  service: string
}

async function reportCalls(
  report: Report,
  world: BenchWorld,
  { tenantId, users }: EmulatedTenant,
  seconds: number,
): Promise<void> {
  const all = await world.control<Call[]>('GET', `calls?tenant=${tenantId}&service=graph`)
  const calls = all.filter(({ path }) => !path.endsWith('/$batch'))
  const refused = calls.filter(({ status }) => status === 429).length
  const spent = calls
    .filter(({ status }) => status === 200)
    .reduce((sum, call) => sum + unitsOf(call), 0)
  const { amount, seconds: within } = appTenantRu(users)
  const permitted = amount + (amount / within) * seconds
  report({ figure: 'requests', value: all.length - calls.length, unit: 'batches' })
  report({ figure: 'resource units spent', value: spent, unit: 'units' })
  report({
    ...{ figure: 'of the permitted rate used', value: (spent / permitted) * 100, unit: '%' },
    goal: '>= 85',
  })
  report({
    ...{ figure: 'answers 429', value: (refused / calls.length) * 100, unit: '%', goal: '<= 1' },
  })
}

/** As the service's own table counts them. */
function unitsOf({ method, path }: Call): number {
  const [address = '', query = ''] = path.split('?')
  const template = address.replace('/v1.0/', '').replace(/[0-9a-f-]{36}/, '{id}')
  const options = new URLSearchParams(query)
  const units =
    resourceUnitsOf(`${method} ${template}`) -
    Number(options.has('$select')) +
    Number(options.has('$expand')) -
    Number(options.has('$top') && Number(options.get('$top')) < 20)
  return Math.max(units, 1)
}

/** What a plain script does: a request for each group, each after the one before. */
async function secondsOneByOne(world: BenchWorld, tenant: EmulatedTenant): Promise<number> {
  const { url, caFile } = world.emulator
  const dispatcher = new Agent({ connect: { ca: await readFile(caFile, 'utf8') } })
  const body = new URLSearchParams({
    ...{ grant_type: 'client_credentials', scope: 'https://graph.microsoft.com/.default' },
    ...{ client_id: tenant.clientId, client_secret: tenant.clientSecret },
  })
  const signIn = await fetch(`${url}/${tenant.tenantId}/oauth2/v2.0/token`, {
    ...{ method: 'POST', body, dispatcher },
  })
  const { access_token: token } = (await signIn.json()) as { access_token: string }
  const headers = { authorization: `Bearer ${token}` }
  const read = async (path: string) => {
    const answer = await fetch(`${url}/v1.0/${path}`, { headers, dispatcher })
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status}`)
    return ((await answer.json()) as { value: { id: string }[] }).value
  }
  const found = await read(`groups?$select=id&$top=${readOneByOne}`)
  const began = performance.now()
  for (const { id } of found) await read(`groups/${id}/members?$select=id&$top=999`)
  const seconds = (performance.now() - began) / 1_000
  await dispatcher.close()
  return seconds
}
