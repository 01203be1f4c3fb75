import { AppError } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import type { Priority } from '../../core/wire.ts'
import type { Cost } from './allowance.ts'

interface WaitingCall {
  cost: Cost
  kind: string
  priority: Priority
}

/** One call that waits. Whoever starts or fails it takes it out of the queue first. */
export interface Waiter<T> extends WaitingCall {
  start: (turn: T) => void
  fail: (error: AppError) => void
}

/** Calls in the order they come, those a person waits for before those of a sync. */
export interface TurnQueue<T> {
  size(): number
  first(): Waiter<T> | undefined
  /** The first that changes nothing. */
  firstRead(): Waiter<T> | undefined
  remove(waiter: Waiter<T>): void
  failAll(error: AppError): void
  /** Resolves when started. Throws `cancelled`, `unavailable` when too many wait, or as told. */
  wait(call: WaitingCall, signal: AbortSignal | undefined): Promise<T>
}

export function createTurnQueue<T>(): TurnQueue<T> {
  const queues: Record<Priority, Waiter<T>[]> = { interactive: [], sync: [] }
  const size = () => queues.interactive.length + queues.sync.length

  function remove(waiter: Waiter<T>): boolean {
    for (const queue of Object.values(queues)) {
      const place = queue.indexOf(waiter)
      if (place >= 0) return queue.splice(place, 1).length > 0
    }
    return false
  }

  return {
    size,
    first: () => queues.interactive[0] ?? queues.sync[0],
    firstRead: () => queues.interactive.find(isRead) ?? queues.sync.find(isRead),
    remove,
    failAll(error) {
      for (const queue of Object.values(queues)) {
        for (const waiter of queue.splice(0)) waiter.fail(error)
      }
    },
    async wait(call, signal) {
      if (size() >= limits.laneWaitersMax) throw tooMany()
      if (signal?.aborted) throw cancelled()
      const { promise, resolve, reject } = Promise.withResolvers<T>()
      const waiter = { ...call, start: resolve, fail: reject }
      const giveUp = () => {
        if (remove(waiter)) reject(cancelled())
      }
      signal?.addEventListener('abort', giveUp, { once: true })
      queues[call.priority].push(waiter)
      return await promise.finally(() => signal?.removeEventListener('abort', giveUp))
    },
  }
}

export function isRead({ cost }: Pick<WaitingCall, 'cost'>): boolean {
  return cost.writes === 0
}

function tooMany(): AppError {
  return new AppError(
    'unavailable',
    'Too many calls to Microsoft wait for their turn in this tenant. Nothing was sent; try again later.',
  )
}

function cancelled(): AppError {
  return new AppError('cancelled', 'Waiting for a turn to call Microsoft was given up.')
}
