import type { Static } from 'typebox'
import type { Started, Step, Transaction, TransactionDetail } from '../../contract/transactions.ts'
import type { Change } from '../../core/json.ts'
import { showFailure, showTime } from '../operation/show.ts'
import { stepKinds } from './kinds.ts'
import type { StepRow, TransactionRow } from './queries.ts'

export type TransactionAnswer = Static<typeof Transaction>
export type DetailAnswer = Static<typeof TransactionDetail>
export type StartedAnswer = Static<typeof Started>

export function showTransaction(row: TransactionRow): TransactionAnswer {
  return {
    id: row.id,
    tenantId: row.tenantId,
    kind: row.kind,
    title: row.title,
    state: row.state,
    requestedBy: row.actor.name,
    requestedAt: row.requestedAt.toISOString(),
    startedAt: showTime(row.startedAt),
    endedAt: showTime(row.endedAt),
    undoes: row.undoes,
    replays: row.replays,
    error: showFailure(row.error),
    steps: { total: row.stepsTotal, done: row.stepsDone },
  }
}

export function showDetail(row: TransactionRow, steps: readonly StepRow[]): DetailAnswer {
  return {
    ...showTransaction(row),
    stepList: steps.map(showStep),
    left: steps.flatMap(showLeft),
  }
}

function showStep(step: StepRow): Static<typeof Step> {
  return {
    seq: step.seq,
    kind: step.kind,
    title: step.title,
    state: step.state,
    differences: differencesOf(step),
    attempts: step.attempts,
    startedAt: showTime(step.startedAt),
    endedAt: showTime(step.endedAt),
    error: showFailure(step.error),
  }
}

function differencesOf({ kind, input, before, after }: StepRow): Change[] {
  return stepKinds[kind]?.differences(input, before, after) ?? []
}

/** What a step that could not be taken back leaves at Microsoft, and the call that mends it. */
function showLeft(step: StepRow): DetailAnswer['left'] {
  const call = step.error?.left
  if (step.state !== 'stuck' || typeof call !== 'string') return []
  return [{ seq: step.seq, what: `${step.title}: ${step.error?.message}`, call }]
}
