import { generateKeyPair, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import forge from 'node-forge'
import type { Clock } from '../../core/clock.ts'
import { Sealed } from '../../core/secret.ts'
import { describePair, type KeyPair } from './keyPair.ts'

interface Wishes {
  commonName: string
  organization?: string | undefined
  country?: string | undefined
  validDays?: number | undefined
  keyBits?: number | undefined
}

const dayMs = 24 * 60 * 60_000
/** Begins a little earlier, for machines whose clock is behind. */
const earlyMs = 5 * 60_000
const validDaysDefault = 365
const keyBitsDefault = 3072

const makeKeyPair = promisify(generateKeyPair)

/**
 * An RSA key (Entra ID accepts no other for assertions: AADSTS700027) and a certificate signed by
 * itself with SHA-256. The key is made by OpenSSL beside this thread; forge writes the certificate
 * and signs it here, which takes 130 ms at 4096 bits.
 */
export async function generateCertificate(clock: Clock, wishes: Wishes): Promise<KeyPair> {
  const { privateKey, publicKey } = await makeKeyPair('rsa', {
    modulusLength: wishes.keyBits ?? keyBitsDefault,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey)
  certificate.serialNumber = randomSerial()
  // Certificates count in seconds.
  const notBefore = Math.floor((clock.now() - earlyMs) / 1_000) * 1_000
  certificate.validity.notBefore = new Date(notBefore)
  certificate.validity.notAfter = new Date(
    notBefore + (wishes.validDays ?? validDaysDefault) * dayMs,
  )
  const subject = subjectOf(wishes)
  certificate.setSubject(subject)
  certificate.setIssuer(subject)
  certificate.setExtensions([
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
    { name: 'extKeyUsage', clientAuth: true },
    { name: 'subjectKeyIdentifier' },
  ])
  certificate.sign(forge.pki.privateKeyFromPem(privateKey), forge.md.sha256.create())
  return describePair(new Sealed(privateKey), forge.pki.certificateToPem(certificate))
}

function subjectOf({ commonName, organization, country }: Wishes): forge.pki.CertificateField[] {
  // forge reads a type where its declarations say class; both are numbers.
  const utf8 = Number(forge.asn1.Type.UTF8)
  const fields: forge.pki.CertificateField[] = [
    { name: 'commonName', value: commonName, valueTagClass: utf8 },
  ]
  if (organization !== undefined) {
    fields.push({ name: 'organizationName', value: organization, valueTagClass: utf8 })
  }
  // RFC 5280: two letters, as a PrintableString, which is forge's own choice.
  if (country !== undefined) fields.push({ name: 'countryName', value: country })
  return fields
}

/** 127 random bits: positive, never zero, and the first byte not 0 (RFC 5280, 4.1.2.2). */
function randomSerial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString('hex')
}
