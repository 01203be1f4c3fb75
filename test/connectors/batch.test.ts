import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sendInBatches } from '../../src/connectors/graph/batch.ts'
import { graphRates } from '../../src/connectors/graph/rates.ts'
import { createGraphTransport, type GraphAnswer } from '../../src/connectors/graph/transport.ts'
import { createLanes, type ServiceRates } from '../../src/connectors/microsoft/lanes.ts'
import type { GraphCall } from '../../src/core/call.ts'
import { AppError } from '../../src/core/errors.ts'
import { isJsonObject, type JsonObject } from '../../src/core/json.ts'
import { limits } from '../../src/core/limits.ts'
import { json, type Microsoft, startMicrosoft } from './microsoft.ts'

let microsoft: Microsoft
const { signal } = new AbortController()

beforeAll(async () => {
  microsoft = await startMicrosoft()
})
afterAll(() => microsoft.close())
beforeEach(() => microsoft.reset())

interface Item {
  id: string
  method: string
  url: string
  headers: JsonObject
  body?: JsonObject
}

/** Answers each item of each batch; undefined leaves its answer out. */
function answerItems(answer: (item: Item, batch: number) => object | undefined): void {
  let batch = 0
  microsoft.replies.graph = (response, received) => {
    batch += 1
    if (received.method === 'GET') return json(200, {})(response, received)
    const { requests } = JSON.parse(received.body) as { requests: Item[] }
    const responses = requests.toReversed().flatMap((item) => {
      const given = answer(item, batch)
      return given === undefined ? [] : [{ id: item.id, status: 200, headers: {}, ...given }]
    })
    json(200, { responses: [{ id: 'stranger', status: 500 }, 7, ...responses] })(response, received)
  }
}

const get = (key: string, cost = 1): GraphCall => ({
  ...{ wire: 'graph', method: 'GET', path: ['users', key], query: { $select: 'id' } },
  ...{ body: undefined, cost },
})
const gets = (count: number, cost = 1) =>
  Array.from({ length: count }, (_, index) => get(`u${index}`, cost))

/** What each call was answered with: the `n` of its body, or the code of its error. */
async function send(
  calls: readonly GraphCall[],
  transport = microsoft.transport(),
  eventual = false,
) {
  const answers: unknown[] = []
  const note = (answer: GraphAnswer | AppError, index: number) => {
    const { body } = answer instanceof AppError ? { body: answer.code } : answer
    answers[index] = isJsonObject(body) ? body.n : body
  }
  await sendInBatches(transport, calls, { signal, eventual }, note)
  return answers
}

const requests = () =>
  microsoft
    .sent('graph.test')
    .map(({ body }) => (JSON.parse(body) as { requests: Item[] }).requests)

describe('many calls', () => {
  it('go twenty to a request, and come back in any order to the right one', async () => {
    answerItems(({ url }) => ({ body: { n: url } }))
    const answers = await send(gets(50))
    expect(answers).toEqual(gets(50).map(({ path }) => `/users/${path[1]}?$select=id`))
    expect(
      requests()
        .map(({ length }) => length)
        .sort(),
    ).toEqual([10, 20, 20])
    const [first] = microsoft.sent('graph.test')
    expect(first).toMatchObject({ method: 'POST', url: '/v1.0/$batch' })
  })

  it('say what each of them needs: a type with a body, the lagging index', async () => {
    answerItems(() => ({ status: 204 }))
    const patch = { ...get('u1'), method: 'PATCH', query: {}, body: { city: 'Ulm' } } as const
    await send([patch, get("a'b/c")], microsoft.transport(), true)
    expect(requests()).toEqual([
      [
        {
          ...{ id: '0', method: 'PATCH', url: '/users/u1', body: { city: 'Ulm' } },
          headers: { 'Content-Type': 'application/json', ConsistencyLevel: 'eventual' },
        },
        {
          ...{ id: '1', method: 'GET', url: "/users/a'b%2Fc?$select=id" },
          headers: { ConsistencyLevel: 'eventual' },
        },
      ],
    ])
  })

  it('of which there is one go without an envelope', async () => {
    microsoft.replies.graph = json(200, { n: 1 })
    expect(await send([get('u1')])).toEqual([1])
    expect(microsoft.sent('graph.test')[0]?.url).toBe('/v1.0/users/u1?$select=id')
    microsoft.replies.graph = json(404, { error: { code: 'Request_ResourceNotFound' } })
    expect(await send([get('u1')])).toEqual(['microsoft-not-found'])
  })

  it('take the units and the writes of each from the lane', async () => {
    const wide = { perSecond: 1_000, burst: 1_000 }
    const secondsFor = async (tenant: ServiceRates['tenant'], calls: readonly GraphCall[]) => {
      const { clock, egress } = microsoft
      const lanes = createLanes(clock, { rates: () => ({ ...graphRates, tenant }) })
      const parts = { exchange: egress.exchange, tokens: microsoft.tokenClient(), lanes, clock }
      const transport = createGraphTransport(
        { ...parts, random: () => 0.5, log: () => {} },
        microsoft.application(),
        'sync',
      )
      const began = clock.now()
      await send(calls, transport)
      return (clock.now() - began) / 1_000
    }
    answerItems(() => ({ body: { n: 1 } }))
    const units = { perSecond: 10, burst: 40 }
    expect(await secondsFor({ units, writes: wide }, gets(60, 2))).toBeGreaterThanOrEqual(8)
    const writes = { perSecond: 10, burst: 20 }
    const patches = gets(60).map((call): GraphCall => ({ ...call, method: 'PATCH', body: {} }))
    expect(await secondsFor({ units: wide, writes }, patches)).toBeGreaterThanOrEqual(4)
  })
})

describe('a call among many', () => {
  it('that got no answer is asked again, others are not', async () => {
    answerItems(({ id }, batch) => (id === '3' && batch < 3 ? undefined : { body: { n: batch } }))
    expect(await send(gets(5))).toEqual([1, 1, 1, 3, 1])
  })

  it('that was refused holds back every other call of the lane', async () => {
    answerItems(({ id }, batch) =>
      batch > 1 || id === '1' ? {} : { status: 429, headers: { 'Retry-After': '5' } },
    )
    const transport = microsoft.transport()
    const began = microsoft.clock.now()
    let waitedMs = 0
    await sendInBatches(transport, gets(2), { signal }, async (_, index) => {
      // The good one, right after the batch: here the other has not waited yet.
      if (index === 1) await transport.send(get('other'), { signal })
      waitedMs = Math.max(waitedMs, microsoft.clock.now() - began)
      if (index === 1) expect(waitedMs).toBeGreaterThanOrEqual(5_000)
    })
    expect(waitedMs).toBeLessThan(8_000)
  })

  it('that was refused goes again after its own wait', async () => {
    const refusal = (seconds: number) => ({ status: 429, headers: { 'Retry-After': `${seconds}` } })
    answerItems(({ id }, batch) =>
      batch > 1 || Number(id) > 1 ? { body: { n: batch } } : refusal(id === '0' ? 5 : 30),
    )
    const began = microsoft.clock.now()
    expect(await send(gets(4))).toEqual([2, 3, 1, 1])
    expect(microsoft.clock.now() - began).toBeGreaterThanOrEqual(30_000)
    expect(requests().map((batch) => batch.map(({ id }) => id))).toEqual([
      ['0', '1', '2', '3'],
      ['0'],
      ['1'],
    ])
  })

  it('that may have been carried out is repeated only when that gives the same', async () => {
    const post: GraphCall = { ...get('u1'), method: 'POST', path: ['users'], body: {} }
    const failing = ({ method }: Item, batch: number) =>
      batch === 1 && method !== 'PUT' ? { status: 503 } : { status: 201, body: { n: batch } }
    answerItems(failing)
    expect(await send([post, get('u2')])).toEqual(['microsoft-unavailable', 2])
    answerItems((_, batch) => (batch === 1 ? { status: 429 } : { status: 201, body: { n: batch } }))
    expect(await send([post, get('u2')])).toEqual([2, 2])
  })

  it('that always fails ends with its error, after more tries than one alone', async () => {
    answerItems(({ id }) => (id === '0' ? { status: 500 } : { body: { n: 1 } }))
    expect(await send(gets(3))).toEqual(['microsoft-unavailable', 1, 1])
    const tries = microsoft.sent('graph.test').length
    expect(tries).toBeGreaterThan(limits.callAttemptsMax)
    expect(tries).toBeLessThanOrEqual(2 * limits.callAttemptsMax)
  })
})

it('an envelope with a write in it is not sent again after a fault', async () => {
  microsoft.replies.graph = (response) => response.destroy()
  const post: GraphCall = { ...get('u1'), method: 'POST', path: ['users'], body: {} }
  await expect(send([post, get('u2')])).rejects.toMatchObject({ code: 'microsoft-unavailable' })
  expect(microsoft.sent('graph.test')).toHaveLength(1)
})
