import { afterAll, beforeEach, expect, test } from 'vitest'
import { AppError } from '../../../src/core/errors.ts'
import { createHttpServer, type Refusal } from '../../../src/http/server.ts'
import { clock, contract, handlers } from './things.ts'

const told: Refusal[] = []
let refuse: AppError | undefined

/** As the API of things.ts, where one thing cannot be stopped because it is not there. */
const app = createHttpServer({
  ...{ contract, clock, title: 'x', version: '1' },
  handlers: {
    ...handlers,
    thing: {
      ...handlers.thing,
      stop: async (_actor, { params }) => {
        if (params.thingId === 404) throw new AppError('not-found', 'There is no such thing.')
      },
    },
  },
  newRequestId: () => 'request-1',
  authenticate: async () => ({
    ...{ id: 'token:1', name: 'Ada', kind: 'token' },
    grants: [{ scope: '1.', permissions: [{ type: 'data/*', operations: ['Read'] }] }],
  }),
  onRequest: () => {},
  onFailure: () => {},
  onRefused: async (refusal) => {
    told.push(refusal)
    if (refuse) throw refuse
  },
})

beforeEach(() => {
  told.length = 0
  refuse = undefined
})
afterAll(() => app.close())

async function ask(method: 'GET' | 'POST', url: string, body?: object) {
  const headers = { authorization: 'Bearer good' }
  const answer = await app.inject({ method, url, headers, ...(body && { payload: body }) })
  return answer.statusCode
}

// With the errorHandler of addRoute taken out, nothing is told and the first three fail.
test('a write that is not permitted is told, with who asked and for what', async () => {
  expect(await ask('POST', '/v1/things', { name: 'x' })).toBe(403)
  expect(told).toMatchObject([
    { actor: { id: 'token:1' }, route: 'thing.create', code: 'not-permitted', params: {} },
  ])
})

test('a write to what is not there, or not to be seen, is told', async () => {
  expect(await ask('POST', '/v1/things/404/stop')).toBe(404)
  expect(told).toMatchObject([
    { route: 'thing.stop', code: 'not-found', params: { thingId: '404' }, requestId: 'request-1' },
  ])
})

test('when it cannot be put on record, that is what the caller is answered', async () => {
  refuse = new AppError('audit-refused', 'The audit could not be written.')
  expect(await ask('POST', '/v1/things/404/stop')).toBe(503)
})

test('other readings, bad input and what succeeds are not told', async () => {
  expect(await ask('GET', '/v1/device/msgraph/MSOLUser/x')).toBe(403)
  expect(await ask('GET', '/v1/things/404')).toBe(404)
  expect(await ask('POST', '/v1/things/x/stop')).toBe(400)
  expect(await ask('POST', '/v1/things/1/stop')).toBe(204)
  expect(told).toEqual([])
})
