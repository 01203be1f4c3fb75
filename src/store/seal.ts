import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'
import { AppError } from '../core/errors.ts'

/** The first byte of everything sealed, should the format ever change. */
const formatVersion = 1
const nonceBytes = 12
const tagBytes = 16
const overheadBytes = 1 + nonceBytes + tagBytes

/**
 * AES-256-GCM: version, random 96-bit nonce, ciphertext, tag. `place` says where the result lies
 * and is authenticated with it, so that it opens nowhere else. Random nonces are safe up to 2^32
 * under one key (NIST SP 800-38D); a data key seals the few secrets of one owner.
 */
export function seal(key: KeyObject, place: readonly string[], clear: Buffer): Buffer {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(lengthPrefixed(place))
  const body = Buffer.concat([cipher.update(clear), cipher.final()])
  return Buffer.concat([Buffer.of(formatVersion), nonce, body, cipher.getAuthTag()])
}

/** The reverse; `internal`, without saying why, when any byte or the place is not as it was. */
export function unseal(key: KeyObject, place: readonly string[], sealed: Buffer): Buffer {
  try {
    if (sealed.length < overheadBytes || sealed[0] !== formatVersion) throw new RangeError()
    const nonce = sealed.subarray(1, 1 + nonceBytes)
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
    decipher.setAAD(lengthPrefixed(place)).setAuthTag(sealed.subarray(-tagBytes))
    const body = sealed.subarray(1 + nonceBytes, -tagBytes)
    return Buffer.concat([decipher.update(body), decipher.final()])
  } catch {
    throw new AppError(
      'internal',
      'A stored secret does not open: it, or the key it belongs to, is not what was stored. Give the secret anew; if you did not restore or edit the database, treat this as tampering.',
    )
  }
}

/** Each part after its length, so that `a|bc` and `ab|c` differ. */
function lengthPrefixed(parts: readonly string[]): Buffer {
  const pieces = parts.flatMap((part) => {
    const text = Buffer.from(part)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(text.length)
    return [length, text]
  })
  return Buffer.concat(pieces)
}
