import type { Static } from 'typebox'
import type { Plan, Started, TransactionDetail } from '../contract/transactions.ts'
import { escapeText } from './escape.ts'
import { fields, table, valueText } from './print.ts'

type Detail = Static<typeof TransactionDetail>
type Differences = Static<typeof Plan>['steps'][number]['differences']

/** A transaction with its steps and, when it is stuck, what is left to do by hand. */
export function transactionText(transaction: Detail): string {
  const head = fields([
    ['transaction', transaction.id],
    ['tenant', transaction.tenantId],
    ['what', transaction.title],
    ['state', transaction.state],
    ['asked for', `${transaction.requestedAt} by ${transaction.requestedBy}`],
    ['ended', transaction.endedAt],
    ...(transaction.undoes === null ? [] : [['undoes', transaction.undoes] as const]),
    ...(transaction.replays === null ? [] : [['replays', transaction.replays] as const]),
    ...(transaction.error ? [['error', transaction.error.message] as const] : []),
  ])
  const steps = transaction.stepList.flatMap((step) => [
    `${step.seq}. ${escapeText(step.title)}: ${step.state}\n`,
    ...stepLines(step),
    ...(step.error ? [`   ${escapeText(step.error.message)}\n`] : []),
  ])
  const left = transaction.left.map(({ seq, what, call }) => [seq, what, call])
  const remains =
    left.length > 0 ? `\nleft at Microsoft\n${table(['step', 'what', 'call'], left)}` : ''
  return `${head}\n${steps.join('')}${remains}`
}

export function planText(plan: Static<typeof Plan>): string {
  return plan.steps
    .flatMap(({ title, call, differences, problem, irreversible }) => [
      `${escapeText(title)}\n`,
      ...(call === null ? [] : [`   ${escapeText(call)}\n`]),
      ...(call === null && differences.length === 0 && problem === null
        ? ['   nothing to change\n']
        : differenceLines(differences)),
      ...(problem === null ? [] : [`   it would fail: ${escapeText(problem)}\n`]),
      ...(irreversible === null ? [] : [`   no way back: ${escapeText(irreversible)}\n`]),
    ])
    .join('')
}

/** Passwords that were made: the one time they are shown. */
export function passwordText(passwords: Static<typeof Started>['passwords']): string {
  if (passwords.length === 0) return ''
  const lines = passwords.map(({ seq, password }) => `${seq}. ${escapeText(password)}\n`)
  return `\npasswords, shown this once\n${lines.join('')}`
}

function stepLines({ state, differences }: Detail['stepList'][number]): string[] {
  // What was there before is read when the step begins.
  if (state === 'waiting' || state === 'skipped') {
    return differences.map(({ property, after }) => {
      return `   ${escapeText(`${property}: to be ${valueText(after) || '(empty)'}`)}\n`
    })
  }
  if (state === 'done' && differences.length === 0) return ['   it was so already\n']
  return differenceLines(differences)
}

function differenceLines(differences: Differences): string[] {
  return differences.map(({ property, before, after }) => {
    const was = valueText(before) || '(empty)'
    const is = valueText(after) || '(empty)'
    return `   ${escapeText(`${property}: ${was} -> ${is}`)}\n`
  })
}

export function transactionLine({ id, state, steps, title }: Detail): string {
  return escapeText(`transaction ${id} ${state} | ${steps.done} of ${steps.total} steps | ${title}`)
}
