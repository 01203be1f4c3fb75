import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import type { Clock } from '../../core/clock.ts'
import { AppError, badInput } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { Sealed } from '../../core/secret.ts'
import { describePair, type KeyPair } from './keyPair.ts'
import { readPem, rsaBitsMin } from './pem.ts'
import { openPfx } from './pfx.ts'

interface Import {
  pem?: string | undefined
  pfx?: string | undefined
  password?: string | undefined
}

const bitsMax = 8192
const dayMs = 24 * 60 * 60_000

/**
 * Takes a certificate with its private key from PEM or PFX. Refuses, naming the field, what Entra
 * ID would refuse (another key than RSA, expired) and what nobody should use (short keys, SHA-1,
 * more than two years, a PFX without a password).
 */
export async function importCertificate(clock: Clock, input: Import): Promise<KeyPair> {
  const { pem, pfx, password } = input
  if ((pem === undefined) === (pfx === undefined)) {
    throw badInput('body.pem', 'or body.pfx is needed, one of them and not both.')
  }
  if (pem !== undefined) return readPair(clock, 'body.pem', pem)
  if (password === undefined || password === '') {
    throw badInput(
      'body.password',
      'is needed: a PFX without one gives its key to whoever finds the file. Export it anew with a password.',
    )
  }
  return readPair(clock, 'body.pfx', await openPfx(pfx ?? '', password))
}

function readPair(clock: Clock, field: string, text: string): KeyPair {
  const { blocks } = readPem(text)
  const keys = blocks.filter(({ label }) => label.endsWith('PRIVATE KEY'))
  const chain = blocks.filter(({ label }) => label === 'CERTIFICATE')
  if (keys.some(({ label }) => label.startsWith('ENCRYPTED')) || text.includes('Proc-Type:')) {
    throw badInput(
      field,
      'holds an encrypted key; give it unencrypted, or as PFX with its password.',
    )
  }
  const [keyBlock] = keys
  if (keyBlock === undefined) throw badInput(field, 'holds no private key.')
  if (keys.length > 1) throw badInput(field, 'holds more than one private key.')
  if (chain.length === 0) throw badInput(field, 'holds no certificate.')
  if (chain.length > limits.certificateChainMax) {
    throw badInput(field, `holds more than ${limits.certificateChainMax} certificates.`)
  }
  const key = readKey(field, keyBlock.block)
  const certificate = chain
    .map(({ block }) => readCertificate(field, block))
    .find((candidate) => candidate.checkPrivateKey(key))
  if (certificate === undefined) {
    throw badInput(field, 'holds a private key that belongs to none of its certificates.')
  }
  checkCertificate(clock, field, certificate)
  const keyPem = key.export({ type: 'pkcs8', format: 'pem' }).toString()
  return describePair(new Sealed(keyPem), certificate.toString())
}

function readKey(field: string, block: string): KeyObject {
  const key = orUnreadable(field, 'private key', () => createPrivateKey(block))
  if (key.asymmetricKeyType !== 'rsa') {
    throw badInput(
      field,
      'holds a key that is not RSA; Entra ID refuses others for signing in (AADSTS700027).',
    )
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
  if (bits < rsaBitsMin) {
    throw badInput(field, `holds a key of ${bits} bits; at least ${rsaBitsMin} are needed.`)
  }
  if (bits > bitsMax) {
    throw badInput(field, `holds a key of ${bits} bits; at most ${bitsMax} are used.`)
  }
  return key
}

function readCertificate(field: string, block: string): X509Certificate {
  return orUnreadable(field, 'certificate', () => new X509Certificate(block))
}

function checkCertificate(clock: Clock, field: string, certificate: X509Certificate): void {
  const algorithm = certificate.signatureAlgorithm ?? 'an unknown algorithm'
  if (!/sha-?(256|384|512)/i.test(algorithm)) {
    throw badInput(
      field,
      `holds a certificate signed with ${algorithm}; SHA-256 or longer is needed.`,
    )
  }
  if (certificate.validToDate.getTime() <= clock.now()) {
    const day = certificate.validToDate.toISOString().slice(0, 10)
    throw badInput(field, `holds a certificate that expired on ${day}.`)
  }
  const validMs = certificate.validToDate.getTime() - certificate.validFromDate.getTime()
  if (validMs > limits.certificateDaysMax * dayMs) {
    const days = Math.floor(validMs / dayMs)
    throw badInput(
      field,
      `holds a certificate that is valid for ${days} days; at most two years are taken.`,
    )
  }
}

/** The cause is left out: OpenSSL's messages may quote what they read. */
function orUnreadable<T>(field: string, what: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof AppError) throw error
    throw badInput(field, `holds a ${what} that cannot be read.`)
  }
}
