import type { NoteConnection } from '../../engine/engine.ts'
import { emit } from '../../store/events.ts'
import { stateAfter } from '../tenants/steps.ts'
import { changeConnection } from './queries.ts'

/**
 * Keeps the state of a tenant's connection as work finds it, in words that hold the remedy. Only a
 * change is written, and told as an event: alerts hang on it.
 */
export const noteConnection: NoteConnection = async (tx, { tenantId, nodePath }, wire, error) => {
  const state = error === undefined ? 'healthy' : stateAfter(error)
  if (state === undefined) return
  const message = error?.message ?? 'The last sync read it.'
  if (!(await changeConnection(tx, tenantId, wire, state, message))) return
  const subject = `tenant:${tenantId}`
  const data = { wire, state, message }
  await emit(tx, { nodePath, tenantId, subject, kind: 'connection.changed', data })
}
