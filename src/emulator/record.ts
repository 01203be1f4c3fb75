import { limits } from '../core/limits.ts'
import type { BatchPart } from './exchange.ts'
import type { Service } from './hosts.ts'

/** One call as it came in and went out. */
export interface CallRecord {
  /** Milliseconds since 1970 on the emulator's clock. */
  at: number
  service: Service
  method: string
  /** With its query, as sent. */
  path: string
  /** 0 when nothing was answered. */
  status: number
  tenantId: string | undefined
  appId: string | undefined
  /** Of a sign-in by certificate: the one its assertion names, base64url, right or wrong. */
  thumbprint: string | undefined
  requestId: string | undefined
  clientRequestId: string | undefined
  /** Whether it changes something, by what it is; and whether it did. */
  write: boolean
  applied: boolean
  /** The fault that befell it. */
  fault: string | undefined
  /** An item of a batch. */
  batched: boolean
  /** The batch it was an item of, by the request id of that one's record. */
  batch: BatchPart | undefined
  milliseconds: number
  bytes: number
  rows: number
}

export interface TenantStats {
  calls: number
  writes: number
  tokenRequests: number
  bytes: number
}

export interface CallBook {
  calls: CallRecord[]
  /** How many older ones are no longer kept. */
  dropped: number
  stats: Map<string, TenantStats>
}

export function newCallBook(): CallBook {
  return { calls: [], dropped: 0, stats: new Map() }
}

export function recordCall(book: CallBook, call: CallRecord): void {
  book.calls.push(call)
  if (book.calls.length > limits.emulatorCallsMax) {
    const half = Math.floor(limits.emulatorCallsMax / 2)
    book.calls.splice(0, half)
    book.dropped += half
  }
  const key = call.tenantId ?? 'none'
  const stats = book.stats.get(key) ?? { calls: 0, writes: 0, tokenRequests: 0, bytes: 0 }
  stats.calls += 1
  stats.writes += Number(call.write)
  stats.tokenRequests += Number(call.service === 'login' && /\/token$/.test(pathOf(call)))
  stats.bytes += call.bytes
  book.stats.set(key, stats)
}

function pathOf(call: CallRecord): string {
  return call.path.split('?')[0] ?? ''
}
