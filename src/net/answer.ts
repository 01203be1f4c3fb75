import type { Readable } from 'node:stream'
import { brotliDecompressSync, constants, gunzipSync, inflateSync } from 'node:zlib'
import { AppError } from '../core/errors.ts'
import type { Reader } from './readingRoom.ts'

/** What came back, whatever its status: a redirect is an answer too, never followed. */
export interface Answer {
  status: number
  /** Names in lower case; repeated ones joined by a comma. */
  headers: Readonly<Record<string, string>>
  /** After decompression. */
  body: Buffer
}

/** Of the unpacked length behind what gzip packed. */
const lengthBytes = 4

type RawHeaders = Readonly<Record<string, string | string[] | undefined>>

export function flattenHeaders(raw: RawHeaders): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(raw)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return headers
}

/**
 * Reads a body as it was sent and unpacks it when it is whole: while Microsoft and the network take
 * their time it is held packed, a seventh of it. Unpacked while it arrived, a page lay in two dozen
 * pieces and was copied into one, which together were most of what waited to be collected. Stops at
 * `bytesMax`: a small answer that unpacks to gigabytes costs no more memory than the bound. Throws
 * `too-large`.
 */
export async function readBody(
  source: Readable,
  encoding: string,
  bytesMax: number,
  host: string,
  reader: Reader,
): Promise<Buffer> {
  const sentAs = encoding.trim().toLowerCase()
  if (sentAs === '' || sentAs === 'identity') return collect(source, bytesMax, host, reader)
  const unpackWhole = unpackers.get(sentAs)
  if (unpackWhole === undefined) {
    // Nobody reads on, so nobody would hear that it ended early.
    source.on('error', () => {}).destroy()
    throw new AppError('unavailable', `${host} answered in an encoding that was not asked for.`)
  }
  const packed = await collect(source, bytesMax, host, reader)
  const expected = Math.min(statedBytes(packed, sentAs), bytesMax)
  await reader.hold(expected)
  try {
    // With a byte to spare zlib sees that it has come to the end, and asks for no second piece.
    return unpackWhole(packed, {
      chunkSize: Math.max(expected + 1, constants.Z_DEFAULT_CHUNK),
      maxOutputLength: bytesMax,
    })
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(host, bytesMax)
    throw error
  }
}

/**
 * In one go and not in the pool: a page takes 5 ms, and is parsed before the next one comes; what
 * waited meanwhile was kept by the collector for longer than it was needed.
 */
const unpackers: ReadonlyMap<string, typeof gunzipSync> = new Map([
  ['gzip', gunzipSync],
  ['x-gzip', gunzipSync],
  ['deflate', inflateSync],
  ['br', brotliDecompressSync],
])

/**
 * gzip says at its end how long it is unpacked (RFC 1952, 2.3.1): a guess, for anyone can lie, and
 * 0 where there is none.
 */
function statedBytes(packed: Buffer, encoding: string): number {
  const known = encoding.endsWith('gzip') && packed.length >= lengthBytes
  return known ? packed.readUInt32LE(packed.length - lengthBytes) : 0
}

async function collect(
  source: Readable,
  bytesMax: number,
  host: string,
  reader: Reader,
): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  // Leaving the loop early destroys the stream, and with it the socket behind it.
  for await (const chunk of source) {
    bytes += chunk.length
    if (bytes > bytesMax) throw tooLarge(host, bytesMax)
    chunks.push(chunk)
    await reader.hold(chunk.length)
  }
  return Buffer.concat(chunks, bytes)
}

export function tooLarge(host: string, bytesMax: number): AppError {
  return new AppError(
    'too-large',
    `${host} answered with more than ${bytesMax} bytes; reading stopped there and nothing of it was used.`,
  )
}
