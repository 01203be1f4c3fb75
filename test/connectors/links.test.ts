import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createGraphWire } from '../../src/connectors/graph/wire.ts'
import { createClouds } from '../../src/connectors/microsoft/clouds.ts'
import { AppError } from '../../src/core/errors.ts'
import { limits } from '../../src/core/limits.ts'
import type { Model } from '../../src/core/model.ts'
import { Sealed } from '../../src/core/secret.ts'
import type { Emulator, TenantAccess } from '../../src/emulator/options.ts'
import { startEmulator } from '../../src/emulator/start.ts'
import { loadModels } from '../../src/engine/models/load.ts'
import { createMicrosoft } from '../../src/features/connections/microsoft.ts'
import { createEgress, type Egress } from '../../src/net/egress.ts'
import { control } from '../engine/control.ts'
import { createTestClock } from './microsoft.ts'

const { signal } = new AbortController()
const clock = createTestClock()
const gone = '00000000-0000-4000-8000-000000000000'
/** As many as `$expand` shows, one more, one less, and more than a page of a list. */
const sizes = [19, 20, 21, 1_100]

let folder: string
let emulator: Emulator
let egress: Egress
let groupModel: Model
const opened: ReturnType<typeof control>[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'emulator-'))
  emulator = await startEmulator({
    ...{ dataDir: folder, clock, control: true, checkAnswers: true },
    tenants: [
      { users: 400, groups: 130, seed: 3 },
      ...sizes.map((groupMembers) => ({
        users: 1_200,
        groups: 40,
        groupMembers,
        seed: groupMembers,
      })),
    ],
  })
  egress = createEgress(async () => [{ address: '127.0.0.1', family: 4 }])
  const models = await loadModels(join(import.meta.dirname, '../../models'))
  const found = models.find(({ id }) => id === 'device/msgraph/Groups')
  if (found === undefined) throw new Error('there is no model of groups')
  groupModel = found
})
beforeEach(() => Promise.all(tenants().map((_, index) => open(index).control.clearCalls())))
afterEach(async () => {
  const { control: first } = open(0)
  await first.clearFaults()
  expect(await first.violations()).toEqual([])
})
afterAll(async () => {
  await Promise.all(opened.map((each) => each.close()))
  await egress.close()
  await emulator.close()
  await rm(folder, { recursive: true })
})

const tenants = (): TenantAccess[] => emulator.tenants

/** The wire to one of the emulated tenants, and what the tenant itself says. */
function open(index: number) {
  const access = tenants()[index]
  if (access === undefined) throw new Error('there is no such tenant')
  const cloud = {
    ...{ name: 'emulated', login: emulator.url, graph: emulator.url, ca: emulator.caPem },
    ...{ scope: 'https://graph.microsoft.com/.default', allowedAddresses: ['127.0.0.0/8'] },
  }
  const clouds = createClouds([cloud])
  const microsoft = createMicrosoft({ egress, clouds, clock, random: () => 0.5, log: () => {} })
  const application = {
    ...{ cloud, tenantId: access.tenantId, clientId: access.clientId, credentialVersion: '1' },
    credentials: async () => ({ clientSecret: new Sealed(access.clientSecret) }),
  }
  opened[index] ??= control(emulator, access.tenantId)
  return {
    wire: createGraphWire(microsoft.graph(application, 'sync')),
    control: opened[index],
  }
}

/** The truth: `kind group member` for every edge, and all the keys of groups. */
async function truthOf({ control: tenant }: ReturnType<typeof open>) {
  const { groups, links } = await tenant.snapshot()
  const edges = links.filter((link) => /^(member|owner) /.test(link))
  return { keys: groups.map(({ id }) => String(id)), edges: edges.sort() }
}

const edgesIn = (links: Awaited<ReturnType<ReturnType<typeof open>['wire']['links']>>) =>
  [...links]
    .flatMap(([key, kinds]) =>
      Object.entries(kinds).flatMap(([kind, keys]) => keys.map((to) => `${kind} ${key} ${to}`)),
    )
    .sort()

/** Calls by what they are: envelopes, groups with their members, lists of members. */
async function callsOf({ control: tenant }: ReturnType<typeof open>) {
  const calls = await tenant.calls('&service=graph')
  const count = (pattern: RegExp) =>
    calls.filter(({ path }) => pattern.test(decodeURIComponent(path))).length
  return {
    batches: count(/\$batch/),
    expanded: count(/\/groups\?.*\$expand=/),
    lists: count(/\/groups\/[^/]+\/(members|owners)\?/),
    furtherPages: count(/\/(members|owners)\?.*\$skiptoken/),
  }
}

describe('members of groups', () => {
  it('are all there, whatever their number, and keys are in order', async () => {
    const tenant = open(0)
    const { keys, edges } = await truthOf(tenant)
    const links = await tenant.wire.links(groupModel, [...keys, gone], signal)
    expect(edgesIn(links)).toEqual(edges)
    expect([...links.keys()]).toEqual(keys)
    for (const { member = [], owner = [] } of links.values()) {
      expect([...member].sort()).toEqual(member)
      expect([...owner].sort()).toEqual(owner)
    }
    const calls = await callsOf(tenant)
    const large = [...links.values()].filter(({ member = [] }) => member.length >= 20).length
    expect(large).toBeGreaterThan(5)
    // Fifteen groups at a time for members and for owners; then what may be larger, and the gone.
    expect(calls.expanded).toBe(2 * Math.ceil(131 / 15))
    expect(calls.lists).toBe(large + 2)
    expect(calls.batches).toBeLessThanOrEqual(3)
  })

  it.each(sizes.map((size, index) => [size, index + 1] as const))(
    'are %i each, and none is lost where an answer is cut off',
    async (size, index) => {
      const tenant = open(index)
      const { keys, edges } = await truthOf(tenant)
      const links = await tenant.wire.links(groupModel, keys, signal)
      expect(edgesIn(links)).toEqual(edges)
      expect([...links.values()].every(({ member = [] }) => member.length === size)).toBe(true)
      const calls = await callsOf(tenant)
      expect(calls.lists).toBe(size < 20 ? 0 : 40 + calls.furtherPages)
      expect(calls.furtherPages).toBe(size > 999 ? 40 : 0)
    },
  )

  it('B4: of a group whose pages only repeat end as a list that is broken', async () => {
    const tenant = open(3)
    const { keys } = await truthOf(tenant)
    await tenant.control.fault('endless-next-link', { path: `/groups/${keys[3]}/members` })
    await expect(tenant.wire.links(groupModel, keys, signal)).rejects.toMatchObject({
      code: 'microsoft-broken-answer',
    })
    expect((await callsOf(tenant)).furtherPages).toBe(limits.pagesRepeatedMax)
  })

  it('of one group are one call each', async () => {
    const tenant = open(0)
    const [key = ''] = (await truthOf(tenant)).keys
    await tenant.wire.links(groupModel, [key], signal)
    expect(await callsOf(tenant)).toMatchObject({ expanded: 0, lists: 2 })
  })
})

describe('a call in a batch', () => {
  it('waits for its own Retry-After, and no other waits for it', async () => {
    const tenant = open(2)
    const { keys, edges } = await truthOf(tenant)
    const path = `/groups/${keys[7]}/members`
    await tenant.control.fault('throttle', { path, count: 2, retryAfter: '7' })
    const began = clock.now()
    const links = await tenant.wire.links(groupModel, keys, signal)
    expect(edgesIn(links)).toEqual(edges)
    expect(clock.now() - began).toBeGreaterThanOrEqual(14_000)
    // Refused twice, read the third time; everything else once.
    expect((await callsOf(tenant)).lists).toBe(42)
  })

  it.each([
    ['status', { status: 503 }],
    ['status', { status: 504, retryAfter: '1' }],
    ['throttle', { retryAfter: '0' }],
    ['throttle', { retryAfter: null }],
  ] as const)('is repeated after %s %j, alone', async (name, spec) => {
    const tenant = open(2)
    const { keys, edges } = await truthOf(tenant)
    await tenant.control.fault(name, { path: '/members\\?', probability: 0.3, seed: 5, ...spec })
    expect(edgesIn(await tenant.wire.links(groupModel, keys, signal))).toEqual(edges)
  })

  it('is repeated with the others after a fault of the whole batch', async () => {
    const tenant = open(2)
    const { keys, edges } = await truthOf(tenant)
    for (const name of ['reset-before-headers', 'cut-body', 'html-200']) {
      await tenant.control.fault(name, { path: '/\\$batch', count: 1 })
    }
    expect(edgesIn(await tenant.wire.links(groupModel, keys, signal))).toEqual(edges)
  })

  it('that is refused for good fails the whole, so that no list is half read', async () => {
    const tenant = open(2)
    const { keys } = await truthOf(tenant)
    await tenant.control.fault('forbidden', { path: `/groups/${keys[9]}/members` })
    await expect(tenant.wire.links(groupModel, keys, signal)).rejects.toMatchObject({
      code: 'consent-missing',
    })
  })

  it('that finds no room for minutes says when to come back', async () => {
    const tenant = open(2)
    const { keys } = await truthOf(tenant)
    await tenant.control.fault('throttle', { path: `/groups/${keys[9]}/members`, retryAfter: '20' })
    const error = await tenant.wire.links(groupModel, keys, signal).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(AppError)
    expect(error).toMatchObject({ code: 'microsoft-throttled', retryAfterMs: 20_000 })
  })
})
