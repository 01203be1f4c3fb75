import type { IncomingMessage } from 'node:http'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { WebProxy } from '../../src/net/destination.ts'
import type { Lookup } from '../../src/net/dispatcher.ts'
import { createEgress, type Egress } from '../../src/net/egress.ts'
import { parseEndpoint } from '../../src/net/endpoint.ts'
import { type Squid, startSquid, withoutSquid } from './squid.ts'
import { createIdentity, serveTls, type TestServer } from './tlsServer.ts'

const ca = createIdentity('Test CA', { authority: true })
const identity = createIdentity('graph.test', { issuer: ca, names: ['graph.test'] })
const account = { user: 'joe', password: 'p@ss:word"$(id)' }
const hosts = ['graph.test', 'other.test']
const title = withoutSquid === undefined ? 'a real proxy' : `a real proxy: ${withoutSquid}`
const environment = ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY', 'no_proxy', 'NODE_USE_ENV_PROXY']

let target: TestServer
let open: Squid
let closed: Squid
let egress: Egress
let requests: IncomingMessage[] = []
let lookedUp: string[] = []

/** Knows the proxy alone: the name of the target is for the proxy to resolve. */
const lookup: Lookup = async (host) => {
  lookedUp.push(host)
  if (host !== 'proxy.test') throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
  return [{ address: '127.0.0.1', family: 4 }]
}

function proxyAt({ port }: Squid, userinfo = ''): WebProxy {
  const text = `http://${userinfo}proxy.test:${port}`
  return {
    endpoint: parseEndpoint('proxy', 'proxy', text),
    allowedAddresses: ['127.0.0.0/8'],
  }
}

const signedIn = `joe:${encodeURIComponent(account.password)}@`

function get(proxy: WebProxy, host = 'graph.test', listed = [host]) {
  const url = new URL(`https://${host}:${target.port}/x`)
  const origins = listed.map((name) => `https://${name}:${target.port}`)
  const destination = { origins, ca: ca.certificatePem }
  const headers = { authorization: 'Bearer canary' }
  return egress.exchange({ destination, proxy, method: 'GET', url, headers })
}

beforeAll(async () => {
  if (withoutSquid !== undefined) return
  target = await serveTls(identity, (request, response) => {
    requests.push(request)
    response.end('through')
  })
  open = await startSquid(hosts)
  closed = await startSquid(hosts, account)
  egress = createEgress(lookup)
})
afterAll(async () => {
  if (withoutSquid !== undefined) return
  await egress.close()
  await Promise.all([target.close(), open.close(), closed.close()])
})
afterEach(() => {
  for (const name of environment) delete process.env[name]
  requests = []
  lookedUp = []
})

describe.skipIf(withoutSquid !== undefined)(`signing in to ${title}`, () => {
  test('G4: without sign-in leads to the target, which learns nothing of it', async () => {
    const answer = await get(proxyAt(open))
    expect(answer.body.toString()).toBe('through')
    expect(lookedUp).toEqual(['proxy.test'])
    expect((await open.log(1)).at(-1)).toContain(`CONNECT graph.test:${target.port}`)
    expect(Object.keys(requests[0]?.headers ?? {}).sort()).toEqual([
      'authorization',
      'connection',
      'host',
    ])
  })

  test('G4, F6: with sign-in gets its password, and the target never does', async () => {
    expect((await get(proxyAt(closed, signedIn))).status).toBe(200)
    expect((await closed.log(1)).at(-1)).toMatch(/TCP_TUNNEL\/200 .* joe /)
    const [request] = requests
    const heard = JSON.stringify([request?.rawHeaders, request?.url])
    const { user, password } = account
    const words = [password, encodeURIComponent(password)]
    words.push(Buffer.from(`${user}:${password}`).toString('base64'))
    for (const word of words) expect(heard).not.toContain(word)
  })

  test.each(['', 'joe:wrong@', 'eve:p%40ss%3Aword@'])(
    'G4: lets nobody through with %j, and says so in one sentence',
    async (userinfo) => {
      await expect(get(proxyAt(closed, userinfo))).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('did not get through the proxy'),
      })
      expect(requests).toHaveLength(0)
    },
  )
})

describe.skipIf(withoutSquid !== undefined)(`what goes through ${title}`, () => {
  test('G4: is asked for no target that the destination does not list', async () => {
    const before = (await open.log(1)).length
    await expect(get(proxyAt(open), 'other.test', ['graph.test'])).rejects.toMatchObject({
      code: 'address-refused',
    })
    expect(await open.log(before)).toHaveLength(before)
    expect(lookedUp).toEqual([])
  })

  test('G4, G6: does not stand in for the target: a wrong name is refused', async () => {
    await expect(get(proxyAt(open), 'other.test')).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('another name'),
    })
    expect(requests).toHaveLength(0)
  })

  test('G4: refuses what it does not know, in the same words as one that is not there', async () => {
    const messages = new Set<string>()
    const dead = { ...proxyAt(open), endpoint: parseEndpoint('proxy', 'p', 'http://proxy.test:9') }
    for (const proxy of [proxyAt(open), dead]) {
      const error: unknown = await get(proxy, 'unknown.test').catch((thrown: unknown) => thrown)
      messages.add(String(error))
    }
    expect(messages.size).toBe(1)
  })

  test('G4: is used although the environment says otherwise', async () => {
    process.env.NO_PROXY = '*'
    process.env.no_proxy = 'graph.test'
    process.env.HTTPS_PROXY = 'http://127.0.0.1:9'
    process.env.NODE_USE_ENV_PROXY = '1'
    const before = (await open.log(1)).length
    await get({ ...proxyAt(open), ca: ca.certificatePem })
    await open.log(before + 1)
    expect(lookedUp).toEqual(['proxy.test'])
  })

  test('G4: at an address that its bounds leave out is not asked', async () => {
    const before = (await open.log(1)).length
    const within = [{ public: true, ranges: ['10.0.0.0/8'] }]
    await expect(get({ ...proxyAt(open), within })).rejects.toMatchObject({
      code: 'address-refused',
    })
    expect(await open.log(before)).toHaveLength(before)
  })
})
