import { isDeepStrictEqual } from 'node:util'
import type { Actor } from '../core/actor.ts'
import type { Clock } from '../core/clock.ts'
import { limits } from '../core/limits.ts'
import type { Credential } from '../http/admission.ts'
import type { WatchedAccess } from '../http/server.ts'
import type { Database } from '../store/database.ts'
import { keepListening } from '../store/listening.ts'
import { findActor } from './access.ts'

/** What triggers of migration 0020 tell when rights or sign-ins may have changed. */
const channel = 'patchbay_access'

/** Ends what stays open for somebody once they may no longer, or may something else. */
export interface AccessWatch {
  watch(actor: Actor, credential: Credential): WatchedAccess
  close(): Promise<void>
}

interface Open {
  actor: Actor
  credential: Credential
  end: AbortController
}

/**
 * One connection listens for all that is open in this process; each notice, and every so often the
 * time, has everybody looked at again. While the connection is away that happens four times a
 * second, so that a lost notice keeps nobody in.
 */
export function createAccessWatch(where: { db: Database; clock: Clock }): AccessWatch {
  const { db, clock } = where
  const stopping = new AbortController()
  const open = new Set<Open>()
  let wanted = false
  let looking: Promise<void> | undefined

  async function lookAgain(): Promise<void> {
    while (wanted) {
      wanted = false
      for (const each of open) {
        const now = await findActor(where, each.credential)
        if (!isDeepStrictEqual(now, each.actor)) each.end.abort()
      }
    }
  }

  function look(): void {
    wanted = open.size > 0
    // A database that is away cannot say that somebody may stay.
    looking ??= lookAgain()
      .catch(() => {
        for (const { end } of open) end.abort()
      })
      .finally(() => {
        looking = undefined
        if (wanted) look()
      })
  }

  const listening = keepListening(db, clock, stopping.signal, {
    ...{ name: 'access', channel, lost: look },
    async use(client) {
      const gone = new AbortController()
      const over = AbortSignal.any([stopping.signal, gone.signal])
      client.on('notification', look)
      client.on('end', () => gone.abort())
      while (!over.aborted) {
        // First, for whatever was told while there was no connection.
        look()
        await client.query('select')
        await clock.sleep(limits.accessCheckMs, over).catch(() => {})
      }
    },
  })
  return {
    watch(actor, credential) {
      const each = { actor, credential, end: new AbortController() }
      open.add(each)
      // What changed between the sign-in check and this moment was told to nobody.
      look()
      return { ended: each.end.signal, close: () => void open.delete(each) }
    },
    async close() {
      stopping.abort()
      await listening
      await looking
    },
  }
}
