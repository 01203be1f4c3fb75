import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createGraphWire } from '../../src/connectors/graph/wire.ts'
import { limits } from '../../src/core/limits.ts'
import type { Model } from '../../src/core/model.ts'
import { readWhole } from '../../src/core/wire.ts'
import { loadModels } from '../../src/engine/models/load.ts'
import { json, type Microsoft, startMicrosoft } from './microsoft.ts'

let microsoft: Microsoft
const { signal } = new AbortController()
const models = await loadModels('models')
const model = (name: string): Model => {
  const found = models.find(({ id }) => id === `device/msgraph/${name}`)
  if (found === undefined) throw new Error(`there is no model ${name}`)
  return found
}

beforeAll(async () => {
  microsoft = await startMicrosoft()
})
afterAll(() => microsoft.close())
beforeEach(() => microsoft.reset())

const wire = (pageSize: number) => createGraphWire(microsoft.transport(), () => pageSize)
const sent = () =>
  microsoft.sent('graph.test').map(({ method, url }) => `${method} ${decodeURIComponent(url)}`)

/** A service with so many rooms that pages as it is asked to, or not at all. */
function serveRooms(total: number, heedsSkip = true): void {
  microsoft.replies.graph = (response, received) => {
    const options = new URL(received.url, 'https://graph.test').searchParams
    const skip = heedsSkip ? Number(options.get('$skip')) : 0
    const count = Math.min(Number(options.get('$top')), total - skip)
    const value = Array.from({ length: count }, (_, index) => ({
      id: `room-${skip + index}`,
      displayName: `Room ${skip + index}`,
    }))
    json(200, { value })(response, received)
  }
}

async function readRooms(pageSize: number): Promise<string[]> {
  const keys: string[] = []
  let cursor: string | undefined
  do {
    const page = await wire(pageSize).list(model('Room'), cursor, signal)
    keys.push(...readWhole(page).objects.map(({ data }) => String(data.id)))
    cursor = page.next
  } while (cursor !== undefined)
  return keys
}

describe('a list without links from page to page', () => {
  it.each([
    [5, 10, 1],
    [10, 5, 3],
    [12, 5, 3],
    [0, 5, 1],
  ])(
    'of %i objects is read to its end in pages of %i, with %i calls',
    async (total, size, calls) => {
      serveRooms(total)
      expect(await readRooms(size)).toEqual(Array.from({ length: total }, (_, n) => `room-${n}`))
      expect(sent()).toHaveLength(calls)
    },
  )

  it('is asked for no larger pages than are documented', async () => {
    serveRooms(150)
    expect(await readRooms(999)).toHaveLength(150)
    expect(sent().map((call) => /\$top=(\d+)/.exec(call)?.[1])).toEqual(['100', '100'])
  })

  it('ends as broken where the service does not heed $skip', async () => {
    serveRooms(100, false)
    const far = limits.skipRowsMax - 50
    const query = `$top=100&$skip=${far}`
    const cursor = `${microsoft.cloud.graph}/v1.0/places/microsoft.graph.room?${query}`
    await expect(wire(100).list(model('Room'), cursor, signal)).rejects.toMatchObject({
      code: 'microsoft-broken-answer',
    })
  })
})

describe('each collection is asked for what it takes', () => {
  it.each([
    ['MsolAccountSku', 'GET /v1.0/subscribedSkus'],
    ['DirectoryRole', 'GET /v1.0/directoryRoles'],
    ['Domain', /^GET \/v1.0\/domains\?\$select=id,[\w,]+$/],
    ['Organization', /^GET \/v1.0\/organization\?\$select=id,[\w,]+$/],
    ['RoleAssignment', /\/roleAssignments\?\$select=id,[\w,]+$/],
    ['Teams', /^GET \/v1.0\/teams\?\$select=id,displayName,description,visibility&\$top=999$/],
    ['ServicePrincipal', /&\$top=999$/],
    ['DeletedUser', /^GET \/v1.0\/directory\/deletedItems\/microsoft.graph.user\?.*&\$top=999$/],
  ])('%s', async (name, expected) => {
    microsoft.replies.graph = json(200, { value: [] })
    await wire(999).list(model(name), undefined, signal)
    const [call] = sent()
    if (typeof expected === 'string') expect(call).toBe(expected)
    else expect(call).toMatch(expected)
  })

  it('members of a directory role come without $top, rooms of a list by its address', async () => {
    microsoft.replies.graph = json(200, { value: [] })
    await wire(999).links(model('DirectoryRole'), ['role'], signal)
    await wire(999).links(model('RoomList'), ['rooms@contoso.example'], signal)
    expect(sent()).toEqual([
      'GET /v1.0/directoryRoles/role/members?$select=id',
      'GET /v1.0/places/rooms@contoso.example/microsoft.graph.roomlist/rooms?$select=id&$top=100',
    ])
  })
})

it('a change of a room says what kind of place it is', () => {
  const call = wire(999).updateCall(model('Room'), 'room', { capacity: 4 })
  expect(call).toMatchObject({
    ...{ method: 'PATCH', path: ['places', 'room'] },
    body: { '@odata.type': 'microsoft.graph.room', capacity: 4 },
  })
})
