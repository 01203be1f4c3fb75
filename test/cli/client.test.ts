import { createServer, type RequestListener, type Server } from 'node:http'
import { afterEach, expect, it } from 'vitest'
import { createClient } from '../../src/client/client.ts'
import { api } from '../../src/contract/api.ts'
import type { AppError } from '../../src/core/errors.ts'
import { Sealed } from '../../src/core/secret.ts'
import { systemClock } from '../store/testing.ts'

let server: Server | undefined
afterEach(() => {
  server?.close()
  server?.closeAllConnections()
})

async function clientOf(listener: RequestListener) {
  const started = createServer(listener)
  server = started
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve))
  const address = started.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const baseUrl = `http://127.0.0.1:${port}/`
  return createClient(api, { baseUrl, token: new Sealed('t'), fetch, clock: systemClock })
}

const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => 'answered',
    (error: AppError) => error.code,
  )

it('puts every part in its place, encoded', async () => {
  const asked: object[] = []
  const client = await clientOf((request, response) => {
    const { url, method, headers } = request
    asked.push({ url, method, auth: headers.authorization, key: headers['idempotency-key'] })
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  const params = { tenantId: 1, application: 'msgraph', name: 'MSOLUser', ref: 'a/b?c#d%2f é@x' }
  await client.resource.show({ params })
  const place = { tenantId: 1, application: 'msgraph', name: 'MSOLUser' }
  await client.resource.list({ params: place, query: { filter: ['a=b', 'c=d & e'], limit: 5 } })
  await client.transaction.undo({
    params: { transactionId: 7 },
    headers: { 'idempotency-key': 'k' },
  })
  const under = '/v1/tenants/1/resources/device/msgraph/MSOLUser'
  expect(asked).toMatchObject([
    { url: `${under}/a%2Fb%3Fc%23d%252f%20%C3%A9%40x`, method: 'GET', auth: 'Bearer t' },
    { url: `${under}?filter=a%3Db&filter=c%3Dd+%26+e&limit=5` },
    { url: '/v1/transactions/7/undo', method: 'POST', key: 'k' },
  ])
})

it.each(['.', '..', ''])('%j is no segment: the URL would lead elsewhere', async (ref) => {
  const client = await clientOf((_request, response) => response.end())
  const params = { tenantId: 1, application: 'msgraph', name: 'MSOLUser', ref }
  await expect(client.resource.show({ params })).rejects.toThrow('path.ref')
})

it('a problem is the error it was, and what else answers is named as foreign', async () => {
  const problem = {
    ...{ code: 'microsoft-throttled', status: 503, detail: 'Wait.', retryAfterMs: 5_000 },
    microsoftCode: 'TooManyRequests',
    fields: [{ field: 'body.name', problem: 'is odd' }],
  }
  const json = 'application/problem+json'
  const answers: [number, string, string][] = [
    [503, json, JSON.stringify(problem)],
    [418, json, '{"code":"teapot","detail":"x"}'],
    [502, 'text/html', '<h1>Bad gateway</h1>'],
    [200, 'application/json', '{"items":['],
  ]
  const client = await clientOf((_request, response) => {
    const [status = 500, type = '', body = ''] = answers.shift() ?? []
    response.writeHead(status, { 'content-type': type }).end(body)
  })
  const error = await client.node.list().catch((thrown: AppError) => thrown)
  expect(error).toMatchObject({
    code: 'microsoft-throttled',
    message: 'Wait.',
    retryAfterMs: 5_000,
    foreignCode: 'TooManyRequests',
    fields: [{ field: 'body.name', problem: 'is odd' }],
  })
  expect(await codeOf(client.node.list())).toBe('internal')
  expect(await codeOf(client.node.list())).toBe('unavailable')
  expect(await codeOf(client.node.list())).toBe('internal')
})

it('a call is given up when it is told to be', async () => {
  const client = await clientOf(() => undefined)
  const stop = new AbortController()
  const call = codeOf(client.node.list({}, { signal: stop.signal }))
  stop.abort()
  expect(await call).toBe('cancelled')
})
