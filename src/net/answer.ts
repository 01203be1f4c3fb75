import { pipeline, type Readable, type Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
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

/** Bytes: with Node's own 16 kB a page of a thousand users is eighty turns of the loop. */
const chunkSize = 128 * 1024

type RawHeaders = Readonly<Record<string, string | string[] | undefined>>

export function flattenHeaders(raw: RawHeaders): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(raw)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return headers
}

/**
 * Reads a body while it arrives, unpacked, and stops at `bytesMax`: a small answer that unpacks to
 * gigabytes costs no more memory than the bound. Throws `too-large`.
 */
export async function readBody(
  source: Readable,
  encoding: string,
  bytesMax: number,
  host: string,
  reader: Reader,
): Promise<Buffer> {
  const stream = unpacked(source, encoding, host)
  const chunks: Buffer[] = []
  let bytes = 0
  // Leaving the loop early destroys the stream, and with it the socket behind it.
  for await (const chunk of stream) {
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

function unpacked(source: Readable, encoding: string, host: string): Readable {
  const unpack = unpackers(encoding, source, host)
  if (unpack === undefined) return source
  // The callback only keeps a failure from being thrown twice: the reader of `unpack` gets it.
  return pipeline(source, unpack, () => {})
}

function unpackers(encoding: string, source: Readable, host: string): Transform | undefined {
  switch (encoding.trim().toLowerCase()) {
    case '':
    case 'identity':
      return undefined
    case 'gzip':
    case 'x-gzip':
      return createGunzip({ chunkSize })
    case 'deflate':
      return createInflate({ chunkSize })
    case 'br':
      return createBrotliDecompress({ chunkSize })
    default:
      source.destroy()
      throw new AppError('unavailable', `${host} answered in an encoding that was not asked for.`)
  }
}
