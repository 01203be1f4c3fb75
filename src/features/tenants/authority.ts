import { X509Certificate } from 'node:crypto'
import { limits } from '../../core/limits.ts'
import { readPem, rsaBitsMin } from '../certificates/pem.ts'

/**
 * What is wrong with the certification authorities of a tenant, in words; undefined: nothing. The
 * rules are those for certificates that sign in, as far as they apply to one that only vouches.
 */
export function authorityProblem(pem: string, nowMs: number): string | undefined {
  if (pem.includes('PRIVATE KEY')) return 'holds a private key; give the certificate alone.'
  const { blocks, rest } = readPem(pem)
  if (blocks.length === 0) return 'holds no certificate in PEM.'
  if (rest !== '' || blocks.some(({ label }) => label !== 'CERTIFICATE')) {
    return 'may hold certificates in PEM and nothing beside them.'
  }
  if (blocks.length > limits.certificateChainMax) {
    return `holds more than ${limits.certificateChainMax} certificates.`
  }
  for (const { block } of blocks) {
    const problem = certificateProblem(block, nowMs)
    if (problem !== undefined) return problem
  }
  return undefined
}

function certificateProblem(block: string, nowMs: number): string | undefined {
  const certificate = readCertificate(block)
  if (certificate === undefined) return 'holds a certificate that cannot be read.'
  const { signatureAlgorithm = 'an unknown algorithm', publicKey, validToDate } = certificate
  if (!certificate.ca) return 'holds a certificate that is not of a certification authority.'
  if (!/sha-?(256|384|512)|ed25519|ed448/i.test(signatureAlgorithm)) {
    return `holds a certificate signed with ${signatureAlgorithm}; SHA-256 or longer is needed.`
  }
  const bits = publicKey.asymmetricKeyDetails?.modulusLength
  if (bits !== undefined && bits < rsaBitsMin) {
    return `holds a key of ${bits} bits; at least ${rsaBitsMin} are needed.`
  }
  if (validToDate.getTime() <= nowMs) {
    return `holds a certificate that expired on ${validToDate.toISOString().slice(0, 10)}.`
  }
  return undefined
}

function readCertificate(block: string): X509Certificate | undefined {
  try {
    return new X509Certificate(block)
  } catch {
    return undefined
  }
}
