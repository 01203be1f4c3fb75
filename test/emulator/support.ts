import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { type Agent, Agent as HttpsAgent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import forge from 'node-forge'
import type { Clock } from '../../src/core/clock.ts'
import type { Emulator, EmulatorOptions, TenantAccess } from '../../src/emulator/options.ts'
import { startEmulator } from '../../src/emulator/start.ts'
import { giveCertificates } from './certificates.ts'

const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    await setTimeout(ms, undefined, signal === undefined ? {} : { signal })
  },
}

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  text: string
  /** The body as JSON; whoever reads a member that is not there fails on it. */
  json: ReturnType<typeof JSON.parse>
}

export interface Started extends Emulator {
  /** The first tenant. */
  tenant: TenantAccess
  call(method: string, path: string, options?: CallOptions): Promise<Answer>
  token(tenant?: TenantAccess): Promise<string>
  /** A call of Graph with a token of the first tenant. */
  graph(method: string, path: string, body?: unknown, headers?: Headers): Promise<Answer>
  control(method: string, path: string, body?: unknown): Promise<Answer>
}

type Headers = Record<string, string>

export interface CallOptions {
  headers?: Headers
  body?: string
}

/** An emulator in a folder of its own, with a client of Node's own https; both end by close(). */
export async function start(options: Partial<EmulatorOptions> = {}): Promise<Started> {
  const dataDir = await mkdtemp(join(tmpdir(), 'patchbay-emulator-'))
  await giveCertificates(dataDir)
  const emulator = await startEmulator({
    dataDir,
    clock: systemClock,
    tenants: [{ users: 120, seed: 1 }],
    control: true,
    ...options,
  })
  const [tenant] = emulator.tenants
  if (tenant === undefined) throw new Error('These tests need a tenant.')
  const agent = new HttpsAgent({ ca: emulator.caPem, keepAlive: true })
  const call = (method: string, path: string, given: CallOptions = {}) =>
    send(agent, new URL(path, emulator.url), method, given)
  const token = async (of = tenant) => {
    const answer = await call('POST', `/${of.tenantId}/oauth2/v2.0/token`, { body: secretForm(of) })
    return String(answer.json.access_token)
  }
  const json = (body: unknown): CallOptions =>
    body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  return {
    ...emulator,
    tenant,
    call,
    token,
    graph: async (method, path, body, headers = {}) => {
      const given = json(body)
      const authorization = `Bearer ${await token()}`
      return call(method, path.startsWith('http') ? path : `/v1.0${path}`, {
        ...given,
        headers: { authorization, ...given.headers, ...headers },
      })
    },
    control: (method, path, body) => call(method, `/_control${path}`, json(body)),
    close: async () => {
      agent.destroy()
      await emulator.close()
      await rm(dataDir, { recursive: true })
    },
  }
}

export function secretForm(tenant: TenantAccess, changed: Record<string, string> = {}): string {
  return new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: tenant.clientId,
    client_secret: tenant.clientSecret,
    scope: 'https://graph.microsoft.com/.default',
    ...changed,
  }).toString()
}

function send(agent: Agent, url: URL, method: string, given: CallOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'accept-encoding': 'gzip', ...given.headers }
    const outgoing = request(url, { agent, method, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const raw = Buffer.concat(chunks)
        const packed = response.headers['content-encoding'] === 'gzip'
        const text = (packed ? gunzipSync(raw) : raw).toString('utf8')
        const isJson = /json/.test(response.headers['content-type'] ?? '') && text !== ''
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          json: isJson ? JSON.parse(text) : undefined,
        })
      })
    })
    outgoing.on('error', reject)
    outgoing.end(given.body)
  })
}

/** The items of a list and all its pages. */
export async function everyPage(
  emulator: Started,
  path: string,
): Promise<{ pages: number; items: Record<string, ReturnType<typeof JSON.parse>>[] }> {
  const items = []
  let pages = 0
  for (let next: string | undefined = path; next !== undefined; pages++) {
    const answer: Answer = await emulator.graph('GET', next)
    if (answer.status !== 200) throw new Error(answer.text)
    items.push(...answer.json.value)
    next = answer.json['@odata.nextLink']
  }
  return { pages, items }
}

/** A certificate made on the spot, and its key. */
export function selfSigned() {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  })
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey)
  certificate.validity.notBefore = new Date(Date.now() - 60_000)
  certificate.validity.notAfter = new Date(Date.now() + 86_400_000)
  certificate.setSubject([{ name: 'commonName', value: 'test' }])
  certificate.setIssuer([{ name: 'commonName', value: 'test' }])
  certificate.sign(forge.pki.privateKeyFromPem(privateKey), forge.md.sha256.create())
  return { privateKey, pem: forge.pki.certificateToPem(certificate) }
}
