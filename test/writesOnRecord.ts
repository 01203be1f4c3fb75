import pg from 'pg'
import type { Sealed } from '../src/core/secret.ts'
import type { Emulator } from '../src/emulator/options.ts'
import { control } from './engine/control.ts'

export interface Recorded {
  id: string
  /** Milliseconds since 1970. */
  at: number
}

export interface WritesOnRecord {
  sent: number
  /** Sent, and not on record. */
  unrecorded: string[]
  /** On record, and not sent: a worker died in between, or the call did not come through. */
  unsent: string[]
  /** On record only after it came in. */
  late: string[]
}

/** What the audit has of calls that change something, by request id. */
export const recordedWrites = `
  select detail ->> 'requestId' as id, (extract(epoch from at) * 1000)::float8 as at
    from patchbay.audit where action = 'microsoft.write'`

export function compareWrites(
  sent: readonly Recorded[],
  recorded: readonly Recorded[],
): WritesOnRecord {
  const recordedAt = new Map(recorded.map(({ id, at }) => [id, at]))
  const ids = sent.map(({ id }) => id)
  const came = new Set(ids)
  return {
    sent: sent.length,
    // An entry is for one attempt: what came twice by one id is on record once.
    unrecorded: ids.filter((id, index) => !recordedAt.has(id) || ids.indexOf(id) < index),
    unsent: recorded.map(({ id }) => id).filter((id) => !came.has(id)),
    late: sent.filter(({ id, at }) => (recordedAt.get(id) ?? 0) > at + 1).map(({ id }) => id),
  }
}

/** What a world did to its own calls, which its writes are compared by at the end. */
export interface Deeds {
  /** It killed or stopped what was about to send: what is on record may never have left. */
  cut?: boolean
}

/** Throws where a world's writes are not as they are on record. */
export function requireOnRecord(
  { unrecorded, unsent, late }: WritesOnRecord,
  { cut = false }: Deeds = {},
): void {
  const wrong = [...unrecorded, ...late]
  if (wrong.length > 0) throw new Error(`not on record before it was sent: ${wrong}`)
  if (!cut && unsent.length > 0) throw new Error(`on record, and never sent: ${unsent}`)
}

/** The same at the end of a world whose emulator and database this process has before it. */
export async function requireAllOnRecord(
  emulator: Emulator,
  database: Sealed,
  deeds: Deeds = {},
): Promise<void> {
  const microsoft = control(emulator, emulator.tenants[0]?.tenantId ?? '')
  const owner = new pg.Client({ connectionString: database.reveal() })
  try {
    await owner.connect()
    const { rows } = await owner.query<Recorded>(recordedWrites)
    requireOnRecord(compareWrites(await microsoft.writesSent(), rows), deeds)
  } finally {
    await Promise.all([owner.end(), microsoft.close()])
  }
}
