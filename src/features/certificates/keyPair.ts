import { X509Certificate } from 'node:crypto'
import type { Sealed } from '../../core/secret.ts'

/** A certificate with its private key, before it is stored. */
export interface KeyPair {
  privateKeyPem: Sealed
  certificatePem: string
  subject: string
  /** Upper-case hexadecimal digits, as Entra shows them. */
  thumbprint: string
  thumbprintSha256: string
  notBefore: Date
  notAfter: Date
}

export function describePair(privateKeyPem: Sealed, certificatePem: string): KeyPair {
  const certificate = new X509Certificate(certificatePem)
  return {
    privateKeyPem,
    certificatePem,
    subject: certificate.subject.split('\n').join(', '),
    thumbprint: certificate.fingerprint.replaceAll(':', ''),
    thumbprintSha256: certificate.fingerprint256.replaceAll(':', ''),
    notBefore: certificate.validFromDate,
    notAfter: certificate.validToDate,
  }
}
