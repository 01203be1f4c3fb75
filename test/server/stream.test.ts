import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createClient } from '../../src/client/client.ts'
import type { ServerEvent } from '../../src/client/events.ts'
import { api } from '../../src/contract/api.ts'
import type { AppError } from '../../src/core/errors.ts'
import { Sealed } from '../../src/core/secret.ts'
import { systemClock } from '../store/testing.ts'
import { startTestPatchbay, type TestPatchbay } from './patchbay.ts'

let patchbay: TestPatchbay

beforeAll(async () => {
  patchbay = await startTestPatchbay()
})
afterAll(() => patchbay.close())

function clientAt(baseUrl: string, token = patchbay.token) {
  return createClient(api, { baseUrl, token: new Sealed(token), fetch, clock: systemClock })
}

interface CuttableWay {
  url: string
  /** Connections cut so far. */
  cuts: number
  cut(): void
  close(): Promise<void>
}

/** Passes bytes on to Patchbay, until it cuts every connection there is. */
async function startCuttableWay(): Promise<CuttableWay> {
  const port = Number(new URL(patchbay.url).port)
  const open = new Set<Socket>()
  const server = createServer((from) => {
    const to = connect(port, '127.0.0.1')
    for (const socket of [from, to]) {
      open.add(socket)
      socket.on('error', () => undefined).on('close', () => open.delete(socket))
    }
    from.pipe(to).pipe(from)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const listening = typeof address === 'object' && address ? address.port : 0
  const way: CuttableWay = {
    url: `http://127.0.0.1:${listening}`,
    cuts: 0,
    cut() {
      way.cuts += open.size
      for (const socket of open) socket.destroy()
    },
    async close() {
      way.cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return way
}

it('a stream that is cut again and again gives every event once, in order', async () => {
  const way = await startCuttableWay()
  const direct = clientAt(patchbay.url)
  const names = Array.from({ length: 30 }, (_, index) => `Node ${index}`)
  const stop = new AbortController()
  const seen: string[] = []
  const following = (async () => {
    const events = clientAt(way.url).event.stream(
      { query: { after: '0-0' } },
      { signal: stop.signal },
    )
    for await (const event of events) {
      const name = nameIn(event)
      if (name?.startsWith('Node ')) seen.push(name)
      if (seen.length === names.length) return
    }
  })()
  for (const [index, name] of names.entries()) {
    await direct.node.create({ body: { parentId: 1, kind: 'customer', name } })
    if (index % 5 === 4) way.cut()
    await wait(20)
  }
  await following
  stop.abort()
  await way.close()
  expect(way.cuts).toBeGreaterThan(2)
  expect(seen).toEqual(names)
})

function nameIn({ event, data }: ServerEvent): string | undefined {
  if (event !== 'node.create') return undefined
  const { data: detail } = data as { data: { name: string } }
  return detail.name
}

it('a stream tells of its subject only', async () => {
  const client = clientAt(patchbay.url)
  const made = await client.node.create({ body: { parentId: 1, kind: 'customer', name: 'Mine' } })
  const query = { subject: `node:${made.id}`, after: '0-0' }
  await client.node.create({ body: { parentId: 1, kind: 'customer', name: 'Other' } })
  await client.node.rename({ params: { nodeId: made.id }, body: { name: 'Still mine' } })
  const kinds: string[] = []
  for await (const { event } of client.event.stream({ query })) {
    kinds.push(event)
    if (kinds.length === 2) break
  }
  expect(kinds).toEqual(['node.create', 'node.rename'])
})

it('refusals end a stream and come out as they are', async () => {
  const refused = async (query: object, token?: string) => {
    const stream = clientAt(patchbay.url, token).event.stream({ query })
    return await stream.next().then(
      () => 'went on',
      (error: AppError) => error.code,
    )
  }
  expect(await refused({ after: 'nonsense' })).toBe('bad-input')
  expect(await refused({}, 'wrong')).toBe('sign-in-required')
})

it('a reader that hangs up leaves no stream behind', async () => {
  const headers = { authorization: `Bearer ${patchbay.token}` }
  const stop = new AbortController()
  const answer = await fetch(`${patchbay.url}/v1/events`, { headers, signal: stop.signal })
  await answer.body?.getReader().read()
  const before = requestsTo('/v1/events')
  stop.abort()
  await expect.poll(() => requestsTo('/v1/events')).toBe(before + 1)
})

/** A request is logged when it has ended. */
function requestsTo(route: string): number {
  return patchbay.log.filter(({ fields }) => 'route' in fields && fields.route === route).length
}
