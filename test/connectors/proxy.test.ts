import type { IncomingMessage } from 'node:http'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { WebProxy } from '../../src/net/destination.ts'
import type { Lookup } from '../../src/net/dispatcher.ts'
import { createEgress, type Egress } from '../../src/net/egress.ts'
import { type ConnectProxy, startProxy } from './connectProxy.ts'
import { createIdentity, serveTls, type TestServer } from './tlsServer.ts'

const ca = createIdentity('Test CA', { authority: true })
const identity = createIdentity('graph.test', { issuer: ca, names: ['graph.test'] })
const password = 'p@ss:word'
const expected = `Basic ${Buffer.from(`joe:${password}`).toString('base64')}`

let target: TestServer
let proxy: ConnectProxy
let egress: Egress
let lookedUp: string[] = []
let requests: IncomingMessage[] = []

/** Knows only the proxy: the name of the target is for the proxy to resolve. */
const lookup: Lookup = async (host) => {
  lookedUp.push(host)
  return [{ address: '127.0.0.1', family: 4 }]
}

beforeAll(async () => {
  target = await serveTls(identity, (request, response) => {
    requests.push(request)
    response.end('through')
  })
  proxy = await startProxy(
    () => target.port,
    ({ url, headers }) => headers['proxy-authorization'] === expected || !url?.includes('graph'),
  )
})
afterAll(() => Promise.all([target.close(), proxy.close()]))
beforeEach(() => {
  egress = createEgress(lookup)
  lookedUp = []
  requests = []
  proxy.connects.length = 0
})
afterEach(() => egress.close())

const through = (userinfo: string, more: Partial<WebProxy> = {}): WebProxy => ({
  ...proxy.webProxy(userinfo),
  ...more,
})

function get(webProxy: WebProxy, host = 'graph.test') {
  const url = new URL(`https://${host}:${target.port}/x`)
  const destination = { origins: [url.origin], ca: ca.certificatePem }
  return egress.exchange({ destination, proxy: webProxy, method: 'GET', url, headers: {} })
}

it('G4: goes through the proxy, whose password the target never sees', async () => {
  const answer = await get(through('joe:p%40ss%3Aword@'))
  expect(answer.body.toString()).toBe('through')
  expect(proxy.connects[0]?.url).toBe(`graph.test:${target.port}`)
  expect(lookedUp).toEqual(['proxy.test'])
  expect(JSON.stringify(requests[0]?.headers)).not.toContain('roxy')
})

it('says so when the proxy wants other credentials', async () => {
  await expect(get(through('joe:wrong@'))).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('did not get through the proxy'),
  })
  await expect(get(through(''))).rejects.toMatchObject({ code: 'unavailable' })
  expect(proxy.connects[1]?.headers['proxy-authorization']).toBeUndefined()
  expect(requests).toHaveLength(0)
})

it('shares no connection between two users of one proxy', async () => {
  await get(through('joe:p%40ss%3Aword@'))
  await expect(get(through('joe:wrong@'))).rejects.toMatchObject({ code: 'unavailable' })
})

it('G4: checks the address of the proxy like any other', async () => {
  await expect(get(through('joe:p%40ss%3Aword@', { allowedAddresses: [] }))).rejects.toMatchObject({
    code: 'address-refused',
  })
  expect(proxy.connects).toHaveLength(0)
})

it('G4, G6: still asks for the right certificate behind the proxy', async () => {
  await expect(get(through(''), 'other.test')).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('another name'),
  })
  expect(requests).toHaveLength(0)
})

it('G4: ignores proxies of the environment', async () => {
  process.env.HTTPS_PROXY = 'http://127.0.0.1:9'
  process.env.NODE_USE_ENV_PROXY = '1'
  try {
    const url = new URL(`https://graph.test:${target.port}/`)
    const answer = await egress.exchange({
      destination: {
        origins: [url.origin],
        ca: ca.certificatePem,
        allowedAddresses: ['127.0.0.0/8'],
      },
      method: 'GET',
      url,
      headers: {},
    })
    expect(answer.status).toBe(200)
  } finally {
    delete process.env.HTTPS_PROXY
    delete process.env.NODE_USE_ENV_PROXY
  }
})
