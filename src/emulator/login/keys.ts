import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'

/** The key pair behind access tokens. */
export interface TokenKeys {
  privateKey: KeyObject
  publicKey: KeyObject
  /** Names the key in a token's header and in the published key set. */
  keyId: string
}

export function tokenKeys(privateKey: KeyObject): TokenKeys {
  const publicKey = createPublicKey(privateKey)
  const der = publicKey.export({ type: 'spki', format: 'der' })
  const keyId = createHash('sha1').update(der).digest('base64url')
  return { privateKey, publicKey, keyId }
}

/** What Graph reads of its tokens (they are version 1 tokens; a client must not look inside). */
export interface Claims {
  aud: string
  tid: string
  appid: string
  oid: string
  roles: string[]
  wids: string[]
  iat: number
  exp: number
}

export function signToken(keys: TokenKeys, claims: Claims & Record<string, unknown>): string {
  const header = { typ: 'JWT', alg: 'RS256', x5t: keys.keyId, kid: keys.keyId }
  const signed = `${part(header)}.${part(claims)}`
  return `${signed}.${sign('sha256', Buffer.from(signed), keys.privateKey).toString('base64url')}`
}

/** The claims of a token this emulator signed, or undefined. Says nothing about its time. */
export function verifyToken(keys: TokenKeys, token: string): Claims | undefined {
  const [header, payload, signature, rest] = token.split('.')
  if (
    header === undefined ||
    payload === undefined ||
    signature === undefined ||
    rest !== undefined
  ) {
    return undefined
  }
  const signed = Buffer.from(`${header}.${payload}`)
  const good = verify('sha256', signed, keys.publicKey, Buffer.from(signature, 'base64url'))
  if (!good) return undefined
  // Signed by ourselves a moment ago, so it is what signToken made.
  return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as Claims
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
