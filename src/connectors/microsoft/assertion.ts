import {
  constants,
  createHash,
  createPrivateKey,
  randomUUID,
  sign,
  X509Certificate,
} from 'node:crypto'
import { AppError } from '../../core/errors.ts'
import type { CertificateCredential } from './application.ts'

const validSeconds = 600

/**
 * A signed statement that stands in for the client secret: PS256 with the SHA-256 thumbprint, as
 * learn.microsoft.com/entra/identity-platform/certificate-credentials describes. `now` in
 * milliseconds. Throws credentials-rejected when key and certificate cannot serve.
 */
export function signAssertion(
  certificate: CertificateCredential,
  clientId: string,
  audience: string,
  now: number,
): string {
  const { key, thumbprint } = open(certificate)
  const issued = Math.floor(now / 1_000)
  const header = { alg: 'PS256', typ: 'JWT', 'x5t#S256': thumbprint }
  const claims = {
    aud: audience,
    iss: clientId,
    sub: clientId,
    jti: randomUUID(),
    iat: issued,
    nbf: issued,
    exp: issued + validSeconds,
  }
  const signed = `${encode(header)}.${encode(claims)}`
  const signature = sign('sha256', Buffer.from(signed), {
    key,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  })
  return `${signed}.${signature.toString('base64url')}`
}

function open({ privateKeyPem, certificatePem }: CertificateCredential) {
  try {
    const key = createPrivateKey(privateKeyPem.reveal())
    const certificate = new X509Certificate(certificatePem)
    // Entra ID refuses EC keys (AADSTS700027); a foreign pair would fail there too, less clearly.
    if (key.asymmetricKeyType === 'rsa' && certificate.checkPrivateKey(key)) {
      return { key, thumbprint: createHash('sha256').update(certificate.raw).digest('base64url') }
    }
  } catch {
    // The cause is left out: OpenSSL's messages may quote what they read.
  }
  throw new AppError(
    'credentials-rejected',
    'The certificate of the application cannot be used: it needs an RSA key that belongs to it. Nothing was sent; store a matching pair.',
  )
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
