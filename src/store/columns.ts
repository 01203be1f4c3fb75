import { hash } from 'node:crypto'
import type { Json } from '../core/json.ts'
import { limits } from '../core/limits.ts'

/**
 * A value as `resource.cols` holds it, so that text comparison is the comparison people mean:
 * without case, numbers by size, none as ''. A long one is cut and ends in its hash: it still
 * equals only itself, and sorts and is sought by its beginning.
 */
export function columnText(value: Json | undefined): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'number') return numberKey(value)
  return cut(foldCase(plainText(value)))
}

export function foldCase(text: string): string {
  return text.toLowerCase()
}

function plainText(value: Exclude<Json, null | number>): string {
  if (typeof value === 'string') return value
  const isList = Array.isArray(value) && value.every((item) => typeof item === 'string')
  return isList ? value.join(', ') : JSON.stringify(value)
}

/** A UTF-16 unit takes three bytes at most. */
const shortChars = Math.floor(limits.columnBytes / 3)
const hashChars = 22

function cut(text: string): string {
  if (text.length <= shortChars || Buffer.byteLength(text) <= limits.columnBytes) return text
  const beginning = Buffer.from(text).subarray(0, limits.columnBytes - hashChars - 4)
  // The replacement of a character that was cut in two.
  const whole = beginning.toString().replace(/\ufffd$/, '')
  return `${whole}\u0001${hash('sha256', text, 'base64url').slice(0, hashChars)}`
}

/** The bits of a double, made to sort as text like the numbers: 16 hexadecimal digits. */
function numberKey(value: number): string {
  const bits = new DataView(new ArrayBuffer(8))
  bits.setFloat64(0, value)
  const raw = bits.getBigUint64(0)
  const sign = 1n << 63n
  const key = (raw & sign) === 0n ? raw | sign : BigInt.asUintN(64, ~raw)
  return key.toString(16).padStart(16, '0')
}
