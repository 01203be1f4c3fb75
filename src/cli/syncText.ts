import type { Static } from 'typebox'
import type { Sync } from '../contract/syncs.ts'
import { escapeText } from './escape.ts'
import { fields, table } from './print.ts'

type SyncAnswer = Static<typeof Sync>
type ModelCounts = SyncAnswer['models'][number]

const columns = ['added', 'updated', 'removed', 'unchanged', 'rejected', 'requests'] as const

/** A sync at its end, or as it stands: each model with its counts. */
export function syncText(sync: SyncAnswer): string {
  const head = fields([
    ['sync', sync.id],
    ['tenant', sync.tenantId],
    ['state', sync.state],
    ['asked for', `${sync.requestedAt} by ${sync.requestedBy}`],
    ['began', sync.startedAt],
    ['ended', sync.endedAt],
    ...(sync.error ? [['error', sync.error.message] as const] : []),
  ])
  const rows = sync.models.map((model) => [
    model.model,
    model.phase,
    ...columns.map((column) => model[column]),
    model.error?.message,
  ])
  return `${head}\n${table(['model', 'phase', ...columns, 'error'], rows)}`
}

/** How it goes, on one line: how far, what is being read, and the counts so far. */
export function syncLine(sync: SyncAnswer): string {
  const done = sync.models.filter(({ phase }) => ['done', 'held', 'failed'].includes(phase))
  const current = sync.models.find((model) => !done.includes(model) && model.phase !== 'queued')
  const doing = current ? ` | ${counts(current)}` : ''
  const text = `sync ${sync.id} ${sync.state} | ${done.length} of ${sync.models.length} models`
  return escapeText(
    `${text}${doing} | all +${sum(sync, 'added')} ~${sum(sync, 'updated')} -${sum(sync, 'removed')}`,
  )
}

function counts(model: ModelCounts): string {
  const name = model.model.split('/').at(-1)
  const { phase, added, updated, removed, unchanged, rejected } = model
  return `${name} ${phase} +${added} ~${updated} -${removed} =${unchanged} !${rejected}`
}

function sum(sync: SyncAnswer, column: (typeof columns)[number]): number {
  return sync.models.reduce((total, model) => total + model[column], 0)
}
