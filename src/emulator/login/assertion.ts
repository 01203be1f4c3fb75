import { constants, createPublicKey, verify } from 'node:crypto'
import { isJsonObject, type JsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import type { ClientCertificate, Tenant } from '../directory/types.ts'
import { refusal, TokenRefusal } from './errors.ts'

/**
 * Checks a signed assertion (RFC 7523). As lenient as the real endpoint is seen to be: thumbprints
 * with padding, dates with fractions and a missing `nbf` all come from Microsoft's own libraries.
 */
export function checkAssertion(tenant: Tenant, assertion: string, now: number): void {
  const { app } = tenant
  const [headerText = '', payloadText = '', signatureText = ''] = assertion.split('.')
  const header = readPart(headerText)
  const payload = readPart(payloadText)
  if (header === undefined || payload === undefined) throw malformed()
  if (header.alg !== 'PS256' && header.alg !== 'RS256') {
    throw new TokenRefusal(
      401,
      'invalid_client',
      700027,
      'Invalid JWT token. Unsupported asymmetric signing algorithm.',
    )
  }
  const certificate = app.certificates.find((candidate) => isNamed(candidate, header))
  const signed = Buffer.from(`${headerText}.${payloadText}`)
  const signature = Buffer.from(signatureText, 'base64url')
  if (certificate === undefined || !isSigned(certificate, header.alg, signed, signature)) {
    throw refusal('cert unknown / bad signature', { appId: app.clientId })
  }
  if (certificate.endsAt <= now || certificate.startsAt > now + limits.emulatorClockSkewMs) {
    throw new TokenRefusal(
      401,
      'invalid_client',
      700027,
      `Client assertion contains an invalid signature. [Reason - The key used is expired., Found key '${certificate.keyId}']`,
    )
  }
  checkTimes(payload, now)
  if (payload.iss !== app.clientId || payload.sub !== app.clientId) throw malformed()
  if (!isAudience(tenant, payload.aud)) {
    throw new TokenRefusal(
      401,
      'invalid_client',
      700023,
      'Client assertion audience claim does not match Realm issuer. Review the documentation at https://docs.microsoft.com/azure/active-directory/develop/active-directory-certificate-credentials.',
    )
  }
}

/** Of the certificate that an assertion names; nothing of it is checked. */
export function namedThumbprint(assertion: string): string | undefined {
  const header = readPart(assertion.split('.')[0] ?? '')
  const thumbprint = header?.['x5t#S256'] ?? header?.x5t
  return thumbprint === undefined ? undefined : bare(thumbprint)
}

function malformed(): TokenRefusal {
  return new TokenRefusal(401, 'invalid_client', 50027, 'JWT token is invalid or malformed.')
}

function readPart(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

const bare = (value: unknown) => String(value).replace(/=+$/, '')

function isNamed(certificate: ClientCertificate, header: JsonObject): boolean {
  return (
    bare(header['x5t#S256']) === certificate.thumbprint256 ||
    bare(header.x5t) === certificate.thumbprint1
  )
}

function isSigned(
  certificate: ClientCertificate,
  algorithm: 'PS256' | 'RS256',
  signed: Buffer,
  signature: Buffer,
): boolean {
  const key = createPublicKey(certificate.pem)
  if (key.asymmetricKeyType !== 'rsa') return false
  const padding =
    algorithm === 'PS256' ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING
  const saltLength = constants.RSA_PSS_SALTLEN_DIGEST
  return verify('sha256', signed, { key, padding, saltLength }, signature)
}

function checkTimes(payload: JsonObject, now: number): void {
  const ends = Number(payload.exp) * 1000
  const begins = payload.nbf === undefined ? 0 : Number(payload.nbf) * 1000
  if (ends + limits.emulatorClockSkewMs > now && begins - limits.emulatorClockSkewMs < now) return
  const text = (ms: number) => (Number.isFinite(ms) ? new Date(ms).toISOString() : 'none')
  throw new TokenRefusal(
    401,
    'invalid_client',
    700024,
    `Client assertion is not within its valid time range. Current time: ${text(now)}, expiry time of assertion ${text(ends)}.`,
  )
}

/** The token endpoint in its old and new form, or the issuer, under any host name of the login. */
function isAudience(tenant: Tenant, audience: unknown): boolean {
  if (typeof audience !== 'string' || !URL.canParse(audience)) return false
  const [, name = '', ...rest] = new URL(audience).pathname.split('/')
  const known = [tenant.id, ...tenant.domains].includes(name.toLowerCase())
  return known && ['oauth2/v2.0/token', 'oauth2/token', 'v2.0', ''].includes(rest.join('/'))
}
