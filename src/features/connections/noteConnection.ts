import type { ErrorCode } from '../../core/errors.ts'
import type { NoteConnection } from '../../engine/engine.ts'
import { emit } from '../../store/events.ts'
import type { ConnectionTable } from '../../store/tables/hierarchy.ts'
import { changeConnection } from './queries.ts'

type State = ConnectionTable['state']

/** What an error says of the way to a service; others are about one object or about us. */
const stateOf: Partial<Record<ErrorCode, State>> = {
  'credentials-rejected': 'credentials-rejected',
  'consent-missing': 'consent-missing',
  'microsoft-throttled': 'throttled',
  'microsoft-unavailable': 'unreachable',
  'timed-out': 'unreachable',
  'address-refused': 'unreachable',
}

/**
 * Keeps the state of a tenant's connection as work finds it, in words that hold the remedy. Only a
 * change is written, and told as an event: alerts hang on it.
 */
export const noteConnection: NoteConnection = async (tx, { tenantId, nodePath }, wire, error) => {
  const state = error === undefined ? 'healthy' : stateOf[error.code]
  if (state === undefined) return
  const message = error?.message ?? 'The last sync read it.'
  if (!(await changeConnection(tx, tenantId, wire, state, message))) return
  const subject = `tenant:${tenantId}`
  const data = { wire, state, message }
  await emit(tx, { nodePath, tenantId, subject, kind: 'connection.changed', data })
}
