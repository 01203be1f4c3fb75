import { generateKeyPairSync } from 'node:crypto'
import forge from 'node-forge'

const dayMs = 24 * 60 * 60_000

/** A certificate as an administrator brings it along, with its key. */
export function makeCertificate(): { privateKey: string; certificatePem: string } {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  const key = forge.pki.privateKeyFromPem(privateKey)
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.setRsaPublicKey(key.n, key.e)
  certificate.serialNumber = '41'
  certificate.validity.notBefore = new Date(Date.now() - dayMs)
  certificate.validity.notAfter = new Date(Date.now() + 30 * dayMs)
  const subject = [{ name: 'commonName', value: 'brought' }]
  certificate.setSubject(subject)
  certificate.setIssuer(subject)
  certificate.sign(key, forge.md.sha256.create())
  return { privateKey, certificatePem: forge.pki.certificateToPem(certificate) }
}

/** The same as the file Windows exports. */
export function pfxOf(privateKey: string, certificatePem: string, password: string): Buffer {
  const key = forge.pki.privateKeyFromPem(privateKey)
  const certificate = forge.pki.certificateFromPem(certificatePem)
  const options = { algorithm: 'aes256', count: 2_048 } as const
  const file = forge.pkcs12.toPkcs12Asn1(key, [certificate], password, options)
  return Buffer.from(forge.asn1.toDer(file).getBytes(), 'latin1')
}
