import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { graphRates } from '../../src/connectors/graph/rates.ts'
import { createGraphTransport } from '../../src/connectors/graph/transport.ts'
import type { Application, Credentials } from '../../src/connectors/microsoft/application.ts'
import type { CallRecord } from '../../src/connectors/microsoft/callLog.ts'
import type { Cloud } from '../../src/connectors/microsoft/clouds.ts'
import { createLanes } from '../../src/connectors/microsoft/lanes.ts'
import { createTokenClient } from '../../src/connectors/microsoft/tokens.ts'
import type { Clock } from '../../src/core/clock.ts'
import { Sealed } from '../../src/core/secret.ts'
import type { Priority } from '../../src/core/wire.ts'
import { createEgress } from '../../src/net/egress.ts'
import { createIdentity, serveTls } from './tlsServer.ts'

export const tenantId = '11111111-2222-3333-4444-555555555555'
export const clientId = '66666666-7777-8888-9999-000000000000'

export interface TestClock extends Clock {
  /** Milliseconds added to real time. */
  move(ms: number): void
  slept: number[]
}

/** Real time plus what was slept or moved: waits take no time, and are written down. */
export function createTestClock(): TestClock {
  let offset = 0
  const slept: number[] = []
  return {
    slept,
    now: () => Date.now() + offset,
    move: (ms) => {
      offset += ms
    },
    sleep: async (ms, signal) => {
      signal?.throwIfAborted()
      slept.push(ms)
      await new Promise((resolve) => setImmediate(resolve))
      signal?.throwIfAborted()
      offset += ms
    },
  }
}

export interface Received {
  host: string
  method: string
  url: string
  headers: IncomingMessage['headers']
  body: string
}

export type Reply = (response: ServerResponse, received: Received) => void

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Reply {
  return (response) =>
    response
      .writeHead(status, { 'content-type': 'application/json;charset=utf-8', ...headers })
      .end(JSON.stringify(body))
}

/** Grants token-1, token-2 and so on. */
function createGrant(): Reply {
  let tokens = 0
  return (response, request) => {
    tokens += 1
    const body = { token_type: 'Bearer', expires_in: 3_599, access_token: `token-${tokens}` }
    json(200, body)(response, request)
  }
}

interface Replies {
  login: Reply
  graph: Reply
}

/** Hands each request, once its body is there, to the reply of its host. */
function dispatch(replies: Replies, received: Received[]): RequestListener {
  return (request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk
    })
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      const host = headers.host?.split(':')[0] ?? ''
      const one = { host, method, url, headers, body }
      received.push(one)
      const reply = host === 'login.test' ? replies.login : replies.graph
      reply(response, one)
    })
  }
}

function testCloud(port: number, ca: string): Cloud {
  const graph = `https://graph.test:${port}`
  return {
    name: 'test',
    login: `https://login.test:${port}`,
    graph,
    scope: `${graph}/.default`,
    ca,
    allowedAddresses: ['127.0.0.0/8'],
  }
}

/** A sign-in service and a Graph that answer as told, each request written down. */
export async function startMicrosoft() {
  const ca = createIdentity('Test CA', { authority: true })
  const names = ['login.test', 'graph.test', 'evil.test']
  const identity = createIdentity('login.test', { issuer: ca, names })
  const received: Received[] = []
  const logged: CallRecord[] = []
  const clock = createTestClock()
  const grant = createGrant()
  const replies: Replies = { login: grant, graph: json(200, {}) }
  const server = await serveTls(identity, dispatch(replies, received))
  const { port } = server
  const egress = createEgress(async () => [{ address: '127.0.0.1', family: 4 }])
  const cloud = testCloud(port, ca.certificatePem)

  function application(
    credentials: Credentials = { clientSecret: new Sealed('s3cret') },
    credentialVersion = '1',
  ): Application {
    return { cloud, tenantId, clientId, credentialVersion, credentials: async () => credentials }
  }

  const base = {
    exchange: egress.exchange,
    clock,
    random: () => 0.5,
    log: (record: CallRecord) => {
      logged.push(record)
    },
  }

  return {
    cloud,
    clock,
    replies,
    grant,
    received,
    logged,
    egress,
    application,
    tokenClient: () => createTokenClient(base),
    transport(app = application(), priority: Priority = 'sync') {
      const lanes = createLanes(clock, { rates: () => graphRates })
      return createGraphTransport(
        { ...base, tokens: createTokenClient(base), lanes },
        app,
        priority,
      )
    },
    sent: (host: 'login.test' | 'graph.test' | 'evil.test') =>
      received.filter((one) => one.host === host),
    reset() {
      received.length = 0
      logged.length = 0
      clock.slept.length = 0
      replies.login = grant
      replies.graph = json(200, {})
    },
    async close() {
      await egress.close()
      await server.close()
    },
  }
}

export type Microsoft = Awaited<ReturnType<typeof startMicrosoft>>
