import type { Clock } from '../../core/clock.ts'
import { limits } from '../../core/limits.ts'

/** How many calls may be out at once: grows by trying, shrinks on refusal or slowness. */
export interface Window {
  size(): number
  /** One call more went out, with so many now in flight. */
  began(inFlight: number): void
  /** One call ended. */
  judge(call: Judged): void
}

interface Judged {
  kind: string
  began: number
  latencyMs: number
  throttled: boolean
  /** Answered, and not by a fault. */
  healthy: boolean
  /** How much of its limit the service says is used. */
  usedShare: number | undefined
}

/** As TCP begins since RFC 6928: with four the first second of a large import was half idle. */
const sizeStart = 10
const sizeMin = 1
/** Latency beyond this multiple of the fastest seen counts as the service slowing us down. */
const slowFactor = 4
/** A floor under "fastest", so that 2 ms against 9 ms on a local network is not called slow. */
const slowFloorMs = 250

/**
 * Doubles per window of good answers until the first refusal or rise of latency, which halves it;
 * adds one per window from then on, as TCP does (slow start, then AIMD: RFC 5681, section 3.1). By
 * one from the beginning a list of a hundred pages was over before sixteen were in flight. On a
 * tenant of 100,000 users latency rose from 0.1 s to 1 s well before the first 429. The percentage
 * header Graph documents was never seen there, so latency is the early sign; where the header comes
 * it says that four fifths are used, and the window stays or shrinks. One slow answer is no sign:
 * where one in fifty came 1.5 s late, and each halved the window, it stayed at half of what it
 * could be. Slow ones that outweigh the quick ones by half a window are.
 */
export function createWindow(clock: Clock, sizeMax: number): Window {
  const fastestMs = new Map<string, number>()
  let size = Math.min(sizeStart, sizeMax)
  let good = 0
  /** By how many the slow answers outweigh the quick ones. */
  let slow = 0
  let filled = false
  let starting = true
  let shrunkAt = Number.NEGATIVE_INFINITY

  /** Compared with its own kind: a page of 999 takes longer than one object. */
  function isSlow(kind: string, latencyMs: number): boolean {
    if (fastestMs.size >= limits.laneKindsMax) fastestMs.clear()
    const fastest = Math.min(fastestMs.get(kind) ?? latencyMs, latencyMs)
    fastestMs.set(kind, fastest)
    return latencyMs > slowFactor * Math.max(fastest, slowFloorMs)
  }

  return {
    size: () => Math.floor(size),
    began(inFlight) {
      if (inFlight >= Math.floor(size)) filled = true
    },
    judge({ kind, began, latencyMs, throttled, healthy, usedShare = 0 }) {
      // A clock that was put back makes no news old.
      shrunkAt = Math.min(shrunkAt, clock.now())
      // Calls that were out already when it last shrank say nothing new.
      const isNews = began > shrunkAt
      const isLate = isSlow(kind, latencyMs)
      if (!isLate) slow = Math.max(slow - 1, 0)
      else if (isNews) slow += 1
      if (throttled || usedShare >= 1 || slow >= size / 2) {
        good = 0
        if (!isNews) return
        shrunkAt = clock.now()
        starting = false
        slow = 0
        size = Math.max(size / 2, sizeMin)
        return
      }
      // A window that was not filled proves nothing about a larger one.
      if (isLate || !healthy || !filled || usedShare > 0) return
      good += 1
      if (!starting && good < size) return
      good = 0
      filled = false
      size = Math.min(Math.floor(size) + 1, sizeMax)
    },
  }
}
