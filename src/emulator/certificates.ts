import { createPrivateKey, generateKeyPair, type KeyObject, X509Certificate } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import forge from 'node-forge'
import { hostNames } from './hosts.ts'

/** The emulator's own authority, the certificate it answers with, and the key that signs tokens. */
export interface Certificates {
  caFile: string
  caPem: string
  serverPem: string
  serverKeyPem: string
  tokenKey: KeyObject
}

interface Signed {
  certificate: forge.pki.Certificate
  pem: string
  keyPem: string
}

const day = 86_400_000
const lifeDays = 700
const renewDays = 30
const files = {
  ca: 'ca.pem',
  caKey: 'ca-key.pem',
  server: 'server.pem',
  serverKey: 'server-key.pem',
  tokenKey: 'token-key.pem',
}

/** Reads what an earlier start left in `dataDir`, and makes what is missing or about to end. */
export async function loadCertificates(dataDir: string, now: number): Promise<Certificates> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const path = (name: keyof typeof files) => join(dataDir, files[name])
  const texts = await Promise.all(
    (['ca', 'server', 'serverKey', 'tokenKey'] as const).map((name) => readIfThere(path(name))),
  )
  const [caPem, serverPem, serverKeyPem, tokenKeyPem] = texts
  if (
    caPem &&
    serverPem &&
    serverKeyPem &&
    tokenKeyPem &&
    lasts(caPem, now) &&
    lasts(serverPem, now) &&
    names(serverPem)
  ) {
    const tokenKey = createPrivateKey(tokenKeyPem)
    return { caFile: path('ca'), caPem, serverPem, serverKeyPem, tokenKey }
  }
  const ca = await issue('Patchbay emulated tenant authority', undefined, now)
  const server = await issue('localhost', ca, now)
  const newTokenKeyPem = await newKeyPem()
  await writeFile(path('ca'), ca.pem, { mode: 0o644 })
  await writeFile(path('caKey'), ca.keyPem, { mode: 0o600 })
  await writeFile(path('server'), server.pem, { mode: 0o644 })
  await writeFile(path('serverKey'), server.keyPem, { mode: 0o600 })
  await writeFile(path('tokenKey'), newTokenKeyPem, { mode: 0o600 })
  return {
    caFile: path('ca'),
    caPem: ca.pem,
    serverPem: server.pem,
    serverKeyPem: server.keyPem,
    tokenKey: createPrivateKey(newTokenKeyPem),
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined
    throw thrown
  }
}

function lasts(pem: string, now: number): boolean {
  const { notBefore, notAfter } = forge.pki.certificateFromPem(pem).validity
  return notBefore.getTime() <= now && notAfter.getTime() > now + renewDays * day
}

/** An earlier version may have known fewer names. */
function names(pem: string): boolean {
  const certificate = new X509Certificate(pem)
  return hostNames.every((name) => certificate.checkHost(name) !== undefined)
}

/** A certificate for `commonName`, signed by `issuer`; without one it is an authority itself. */
async function issue(commonName: string, issuer: Signed | undefined, now: number): Promise<Signed> {
  const keyPem = await newKeyPem()
  const privateKey = forge.pki.privateKeyFromPem(keyPem)
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.setRsaPublicKey(privateKey.n, privateKey.e)
  certificate.serialNumber = `01${forge.util.bytesToHex(forge.random.getBytesSync(15))}`
  certificate.validity.notBefore = new Date(now - day)
  certificate.validity.notAfter = new Date(now + lifeDays * day)
  const subject = [{ name: 'commonName', value: commonName }]
  certificate.setSubject(subject)
  certificate.setIssuer(issuer?.certificate.subject.attributes ?? subject)
  certificate.setExtensions(issuer === undefined ? authorityExtensions() : serverExtensions())
  const signingKeyPem = issuer?.keyPem ?? keyPem
  certificate.sign(forge.pki.privateKeyFromPem(signingKeyPem), forge.md.sha256.create())
  return { certificate, pem: forge.pki.certificateToPem(certificate), keyPem }
}

function authorityExtensions(): object[] {
  return [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    { name: 'subjectKeyIdentifier' },
  ]
}

function serverExtensions(): object[] {
  const dnsName = 2
  const ipAddress = 7
  return [
    { name: 'basicConstraints', cA: false },
    { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true },
    {
      name: 'subjectAltName',
      altNames: [
        ...hostNames.map((value) => ({ type: dnsName, value })),
        { type: ipAddress, ip: '127.0.0.1' },
      ],
    },
  ]
}

async function newKeyPem(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    // PKCS#1, the form that node-forge reads.
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  })
  return privateKey
}
