import { limits } from '../../core/limits.ts'

/** One thing that happened to a user or group, for delta. */
export interface DirectoryChange {
  type: 'user' | 'group'
  id: string
  /** `changed`: new values, a new object or one restored; the others are what `@removed` says. */
  what: 'changed' | 'deleted' | 'purged'
  /** The properties that changed; absent when it is all of them, as with a new object. */
  properties?: readonly string[]
  /** The relation that changed, if it was one. */
  link?: LinkChange
}

export interface LinkChange {
  relation: 'members' | 'owners' | 'manager'
  otherId: string
  otherType: 'user' | 'group'
  added: boolean
}

/** What happened, in order. `first` is the position of the oldest one still kept. */
export interface ChangeLog {
  first: number
  entries: DirectoryChange[]
  /** Hears of each change as it happens. */
  listen?: (change: DirectoryChange) => void
}

export function newChangeLog(): ChangeLog {
  return { first: 0, entries: [] }
}

/** The position behind the newest change: where a delta taken now begins. */
export function changePosition(log: ChangeLog): number {
  return log.first + log.entries.length
}

export function addChange(log: ChangeLog, change: DirectoryChange): void {
  log.entries.push(change)
  log.listen?.(change)
  if (log.entries.length > limits.emulatorChangesMax) {
    const dropped = Math.floor(limits.emulatorChangesMax / 2)
    log.entries.splice(0, dropped)
    log.first += dropped
  }
}

/** The changes from `position` on, or undefined when the oldest of them are no longer kept. */
export function changesSince(log: ChangeLog, position: number): DirectoryChange[] | undefined {
  return position < log.first ? undefined : log.entries.slice(position - log.first)
}
