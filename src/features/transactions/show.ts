import type { Static } from 'typebox'
import type { Started, Step, Transaction, TransactionDetail } from '../../contract/transactions.ts'
import type { Actor } from '../../core/actor.ts'
import type { Change, JsonObject } from '../../core/json.ts'
import { withheld } from '../access/withheld.ts'
import { showFailure, showTime } from '../operation/show.ts'
import { modelsOfStep } from './authority.ts'
import { stepKinds } from './kinds.ts'
import type { StepRow, TransactionRow } from './queries.ts'

export type TransactionAnswer = Static<typeof Transaction>
export type DetailAnswer = Static<typeof TransactionDetail>
export type StartedAnswer = Static<typeof Started>

/** Titles and errors name objects, so they are shown to whoever may read such. */
export function showTransaction(actor: Actor, row: TransactionRow): TransactionAnswer {
  const models = new Set(row.stepsAbout.flatMap(modelsOfStep))
  const left = withheld(actor, [...models], row.nodePath)
  return {
    id: row.id,
    tenantId: row.tenantId,
    kind: row.kind,
    title: left ?? row.title,
    state: row.state,
    requestedBy: row.actor.name,
    requestedAt: row.requestedAt.toISOString(),
    startedAt: showTime(row.startedAt),
    endedAt: showTime(row.endedAt),
    undoes: row.undoes,
    replays: row.replays,
    error: showError(row.error, left),
    steps: { total: row.stepsTotal, done: row.stepsDone },
  }
}

function showError(error: JsonObject | null, left: string | undefined) {
  const shown = showFailure(error)
  return shown && left !== undefined ? { ...shown, message: left } : shown
}

export function showDetail(
  actor: Actor,
  row: TransactionRow,
  steps: readonly StepRow[],
): DetailAnswer {
  const hidden = (step: StepRow) => withheld(actor, modelsOfStep(step), row.nodePath)
  return {
    ...showTransaction(actor, row),
    stepList: steps.map((step) => showStep(step, hidden(step))),
    left: steps.flatMap((step) => showLeft(step, hidden(step))),
  }
}

function showStep(step: StepRow, hidden: string | undefined): Static<typeof Step> {
  return {
    seq: step.seq,
    kind: step.kind,
    title: hidden ?? step.title,
    state: step.state,
    differences: hidden === undefined ? differencesOf(step) : [],
    attempts: step.attempts,
    startedAt: showTime(step.startedAt),
    endedAt: showTime(step.endedAt),
    error: showError(step.error, hidden),
  }
}

function differencesOf({ kind, input, before, after }: StepRow): Change[] {
  return stepKinds[kind]?.differences(input, before, after) ?? []
}

/** What a step that could not be taken back leaves at Microsoft, and the call that mends it. */
function showLeft(step: StepRow, hidden: string | undefined): DetailAnswer['left'] {
  const call = step.error?.left
  if (step.state !== 'stuck' || typeof call !== 'string') return []
  if (hidden !== undefined) return [{ seq: step.seq, what: hidden, call: hidden }]
  return [{ seq: step.seq, what: `${step.title}: ${step.error?.message}`, call }]
}
