import type { ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { Clock } from '../../core/clock.ts'
import type { FaultSpec, WireFault } from './types.ts'

/** These happen instead of the call; the others once it was made. */
export function isBeforeCall(wire: WireFault): boolean {
  return ['reset-before-headers', 'hang', 'huge-body', 'gzip-bomb'].includes(wire)
}

const hugeBytes = 300 * 1024 * 1024
const chunkBytes = 64 * 1024

export interface FaultyAnswer {
  wire: WireFault
  spec: FaultSpec
  response: ServerResponse
  /** What would have been sent. */
  status: number
  headers: Record<string, string>
  body: Buffer
  clock: Clock
}

/** Sends an answer the way the fault says. */
export async function sendFaulty(answer: FaultyAnswer): Promise<void> {
  const { wire, spec, response, status, headers, body, clock } = answer
  switch (wire) {
    case 'hang':
      // Ends when the client gives up or the emulator closes.
      return
    case 'reset-before-headers':
    case 'unknown-outcome':
      response.destroy()
      return
    case 'reset-after-headers':
      response.writeHead(status, headers)
      response.flushHeaders()
      await clock.sleep(20)
      response.destroy()
      return
    case 'cut-body':
      response.writeHead(status, headers)
      response.write(body.subarray(0, Math.floor(body.length / 2)))
      await clock.sleep(20)
      response.destroy()
      return
    case 'drip':
      await drip(answer)
      return
    case 'huge-body':
    case 'gzip-bomb':
      await pour(response, wire === 'gzip-bomb', sizeOf(spec))
  }
}

function sizeOf(spec: FaultSpec): number {
  return typeof spec.value === 'number' ? spec.value : hugeBytes
}

/** One byte a second, for as long as the client waits. */
async function drip({ response, status, headers, body, clock }: FaultyAnswer): Promise<void> {
  response.writeHead(status, headers)
  for (let index = 0; index < body.length && !response.destroyed; index++) {
    response.write(body.subarray(index, index + 1))
    await clock.sleep(1000)
  }
  response.end()
}

/** JSON that never comes to an end worth having: one string of `size` letters. */
async function pour(response: ServerResponse, packed: boolean, size: number): Promise<void> {
  response.writeHead(200, {
    'content-type': 'application/json',
    ...(packed ? { 'content-encoding': 'gzip' } : {}),
  })
  const chunk = Buffer.alloc(chunkBytes, 'a')
  async function* letters() {
    yield '{"value":["'
    for (let sent = 0; sent < size; sent += chunkBytes) yield chunk
    yield '"]}'
  }
  // The client is expected to hang up in the middle.
  const done = packed
    ? pipeline(letters, createGzip({ level: 9 }), response)
    : pipeline(letters, response)
  await done.catch(() => response.destroy())
}
