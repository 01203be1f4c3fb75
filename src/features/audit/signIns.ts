import type { Actor } from '../../core/actor.ts'
import { limits } from '../../core/limits.ts'
import { writeAudit } from '../../store/audit.ts'
import { inScope } from '../../store/scope.ts'
import { homeOf } from '../hierarchy/root.ts'
import type { Store } from '../operation/store.ts'
import { createSeldom } from './seldom.ts'

/** Who comes with what nobody has, or does not show who they are. */
const stranger: Actor = { id: 'stranger', name: 'unknown', kind: 'system', grants: [] }

const minuteMs = 60_000

export interface SignIns {
  /** Puts the use of a token on record and answers whose it is: the argument. */
  note(actor: Actor | undefined): Promise<Actor | undefined>
  /** Somebody was not let in: as this person, or as nobody there is. */
  noteRefused(person: { id: number; nodePath: string } | undefined): Promise<void>
}

/**
 * A token is used with every request, so its use is on record once in a while; a token that nobody
 * has each time, up to a bound that strangers cannot fill the audit beyond. What is not written one
 * by one is counted in the next entry.
 */
export function createSignIns({ db, clock }: Pick<Store, 'db' | 'clock'>): SignIns {
  const seldom = createSeldom(clock, limits.auditSignInMs)
  const strangers = { minute: 0, noted: 0, untold: 0 }

  async function noteStranger(): Promise<void> {
    const minute = Math.floor(clock.now() / minuteMs)
    if (minute !== strangers.minute) Object.assign(strangers, { minute, noted: 0 })
    if (strangers.noted >= limits.auditStrangersPerMinute) {
      strangers.untold += 1
      return
    }
    strangers.noted += 1
    const detail = { untold: strangers.untold }
    await write(stranger, 'sign-in.refused', detail)
    strangers.untold -= detail.untold
  }

  async function write(actor: Actor, action: string, detail: { untold?: number }): Promise<void> {
    const nodePath = homeOf(actor)
    const entry = { nodePath, actor, action, subject: actor.id, detail }
    await inScope(db, nodePath, (tx) => writeAudit(tx, entry))
  }

  return {
    async noteRefused(person) {
      if (person === undefined) return await noteStranger()
      const { id, nodePath } = person
      const what = { actor: stranger, action: 'sign-in.refused', subject: `person:${id}` }
      await inScope(db, nodePath, (tx) => writeAudit(tx, { ...what, nodePath, detail: {} }))
    },
    async note(actor) {
      if (actor === undefined) {
        await noteStranger()
        return undefined
      }
      await seldom(actor.id, () => write(actor, 'sign-in.token', {}))
      return actor
    },
  }
}
