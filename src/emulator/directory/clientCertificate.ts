import { createHash, X509Certificate } from 'node:crypto'
import type { ClientCertificate } from './types.ts'

/** A certificate an application may sign in with, from its PEM text; undefined when it is none. */
export function readCertificate(pem: string, keyId: string): ClientCertificate | undefined {
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(pem)
  } catch {
    return undefined
  }
  const digest = (algorithm: string) =>
    createHash(algorithm).update(certificate.raw).digest('base64url')
  return {
    keyId,
    pem: certificate.toString(),
    thumbprint1: digest('sha1'),
    thumbprint256: digest('sha256'),
    subject: certificate.subject,
    startsAt: Date.parse(certificate.validFrom),
    endsAt: Date.parse(certificate.validTo),
  }
}
