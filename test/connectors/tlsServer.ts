import { generateKeyPairSync, randomInt } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { createServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import forge from 'node-forge'

export interface Identity {
  keyPem: string
  certificatePem: string
}

export interface CertificateOptions {
  names?: readonly string[]
  issuer?: Identity
  notAfter?: Date
  notBefore?: Date
  authority?: boolean
  bits?: number
  digest?: 'sha1'
}

/** A certificate for tests: a CA, a server by one, or one that signs itself. */
export function createIdentity(commonName: string, options: CertificateOptions = {}): Identity {
  const pair = generateKeyPairSync('rsa', {
    modulusLength: options.bits ?? 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  })
  const certificate = forge.pki.createCertificate()
  const subject = [{ name: 'commonName', value: commonName }]
  const { issuer, names = [], authority = false } = options
  certificate.publicKey = forge.pki.publicKeyFromPem(pair.publicKey)
  certificate.serialNumber = `01${randomInt(2 ** 40)
    .toString(16)
    .padStart(10, '0')}`
  certificate.validity.notBefore = options.notBefore ?? new Date(Date.now() - 3_600_000)
  certificate.validity.notAfter = options.notAfter ?? new Date(Date.now() + 86_400_000)
  certificate.setSubject(subject)
  certificate.setIssuer(
    issuer === undefined
      ? subject
      : forge.pki.certificateFromPem(issuer.certificatePem).subject.attributes,
  )
  certificate.setExtensions([
    { name: 'basicConstraints', cA: authority },
    ...(names.length === 0
      ? []
      : [{ name: 'subjectAltName', altNames: names.map((name) => altName(name)) }]),
  ])
  const signer = forge.pki.privateKeyFromPem(issuer?.keyPem ?? pair.privateKey)
  const digest = options.digest === 'sha1' ? forge.md.sha1.create() : forge.md.sha256.create()
  certificate.sign(signer, digest)
  return { keyPem: pair.privateKey, certificatePem: forge.pki.certificateToPem(certificate) }
}

function altName(name: string): { type: number; value?: string; ip?: string } {
  return /^[\d.]+$|:/.test(name) ? { type: 7, ip: name } : { type: 2, value: name }
}

export interface TestServer {
  port: number
  /** Connections accepted so far. */
  connections(): number
  close(): Promise<void>
}

/** An https server on a free port of 127.0.0.1. */
export async function serveTls(
  identity: Identity,
  handler: RequestListener,
  options: ServerOptions = {},
): Promise<TestServer> {
  const server = createServer(
    { key: identity.keyPem, cert: identity.certificatePem, ...options },
    handler,
  )
  let connections = 0
  server.on('connection', () => {
    connections += 1
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // The type covers pipes as well; a TCP server has an AddressInfo.
  const { port } = server.address() as AddressInfo
  return {
    port,
    connections: () => connections,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
