import type { ServerEvent } from '../client/events.ts'
import { AppError } from '../core/errors.ts'
import { limits } from '../core/limits.ts'
import type { Cli } from './cli.ts'

export interface WaitFlags {
  wait?: boolean
  timeout?: number
}

export interface Followed<T> {
  /** What a person calls it: `sync 3`. */
  name: string
  events: (signal: AbortSignal) => AsyncIterable<ServerEvent>
  read: () => Promise<T>
  ended: (value: T) => boolean
  line: (value: T) => string
}

/**
 * Shows how something goes until it has ended. Events only say that it is worth looking again;
 * what is shown is always the state itself, so a late or missing event does no harm.
 */
export async function follow<T>(cli: Cli, what: Followed<T>, seconds?: number): Promise<T> {
  const over = new AbortController()
  const late = seconds === undefined ? over.signal : AbortSignal.timeout(seconds * 1_000)
  const signal = AbortSignal.any([over.signal, late])
  const bell = doorbell(what.events(signal))
  const progress = createProgress(cli)
  try {
    for (;;) {
      const value = await readThrough(cli, what, signal)
      progress.tell(what.line(value))
      if (what.ended(value)) return value
      if (late.aborted) throw gaveUp(what.name)
      await Promise.race([bell.rung(), cli.clock.sleep(limits.eventHeartbeatMs, signal)]).catch(
        (error: unknown) => {
          if (!signal.aborted) throw error
        },
      )
      // Pages may come many times a second; nobody reads that fast.
      await cli.clock.sleep(limits.eventPollMs)
    }
  } finally {
    over.abort()
    progress.end()
  }
}

/**
 * A server that is restarted, or whose database is away, answers soon again, and the work goes on
 * meanwhile: only an outage longer than `outageMs` ends the waiting for it.
 */
async function readThrough<T>(cli: Cli, what: Followed<T>, signal: AbortSignal): Promise<T> {
  const began = cli.clock.now()
  for (;;) {
    try {
      return await what.read()
    } catch (error) {
      const passes = error instanceof AppError && error.code === 'unavailable'
      if (!passes || signal.aborted || cli.clock.now() - began > limits.outageMs) throw error
    }
    await cli.clock.sleep(limits.outageLookMs, signal).catch(() => undefined)
  }
}

function gaveUp(name: string): AppError {
  return new AppError('timed-out', `Gave up waiting for ${name}; it goes on by itself.`)
}

/** Rings once for however many events came since it was last asked; fails as the stream fails. */
function doorbell(events: AsyncIterable<ServerEvent>): { rung: () => Promise<void> } {
  let pending = false
  let wake = () => {}
  const pump = (async () => {
    for await (const _event of events) {
      pending = true
      wake()
    }
  })()
  // Its failure is for whoever waits next; until then it is no unhandled one.
  pump.catch(() => undefined)
  return {
    rung: async () => {
      if (!pending) await Promise.race([pump, new Promise<void>((resolve) => (wake = resolve))])
      pending = false
    },
  }
}

/** One line that changes on a screen; elsewhere a line when it has changed, not too often. */
function createProgress(cli: Cli): { tell: (line: string) => void; end: () => void } {
  const { terminal, clock } = cli
  let shown = ''
  let shownAt = Number.NEGATIVE_INFINITY
  return {
    tell: (line) => {
      if (line === shown) return
      if (terminal.errIsScreen) {
        terminal.err(`\r\u001b[K${line.slice(0, terminal.columns - 1)}`)
      } else if (clock.now() - shownAt >= limits.progressLineMs) {
        terminal.err(`${line}\n`)
        shownAt = clock.now()
      } else return
      shown = line
    },
    end: () => {
      if (terminal.errIsScreen && shown !== '') terminal.err('\n')
    },
  }
}
