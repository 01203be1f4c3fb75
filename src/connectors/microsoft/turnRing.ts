import type { Priority } from '../../core/wire.ts'

/** Something with calls that wait, such as the lane of a tenant. */
export interface Starter {
  /** Starts its first call, if that may still start now; offers itself again for the next one. */
  startOne(): boolean
}

/** Room for calls in flight, given to whoever waits for it in turn, one call each. */
export interface TurnRing {
  offer(starter: Starter, priority: Priority): void
  /** A call that was started has ended. */
  ended(): void
}

/**
 * `inFlightMax` calls at once, of which so many are kept for people: a sync of fifty tenants whose
 * answers are slow must not leave somebody at a screen without a connection.
 */
export function createTurnRing(inFlightMax: number, keptForPeople: number): TurnRing {
  // A Set keeps its order and holds each starter once: a line in which nobody stands twice.
  const lines: Record<Priority, Set<Starter>> = { interactive: new Set(), sync: new Set() }
  let inFlight = 0
  let advancing = false

  function serve(line: Set<Starter>, room: number): void {
    for (const starter of line) {
      if (inFlight >= room) return
      line.delete(starter)
      // Counted before: what starts may end at once.
      inFlight += 1
      if (!starter.startOne()) inFlight -= 1
    }
  }

  /** Starters offer themselves again from within: they wait for their turn in the same loop. */
  function advance(): void {
    if (advancing) return
    advancing = true
    serve(lines.interactive, inFlightMax)
    serve(lines.sync, inFlightMax - keptForPeople)
    advancing = false
  }

  return {
    offer(starter, priority) {
      lines[priority].add(starter)
      advance()
    },
    ended() {
      inFlight -= 1
      advance()
    },
  }
}
