import { type Call, describeCall } from '../../core/call.ts'
import { AppError } from '../../core/errors.ts'
import type { Json, JsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import type { Model } from '../../core/model.ts'
import type { Sealed } from '../../core/secret.ts'
import type { WriteAttempt } from '../../core/writing.ts'
import { type AuditEntry, writeAudit } from '../../store/audit.ts'
import { emit } from '../../store/events.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { type Engine, requireModel, type TenantWires } from '../engine.ts'
import { namedSteps, withKeys } from './chains.ts'
import type { GroupCommit } from './groupCommit.ts'
import {
  holdTransaction,
  isHeld,
  type Step,
  type StepState,
  saveStep,
  type Transaction,
} from './queries.ts'
import { mayHaveHappened, settled } from './settle.ts'
import type { ReadContext, StepContext, StepKind, StepResult } from './step.ts'

/** A transaction being worked on: what every step of it needs. */
export interface Work {
  engine: Engine
  transaction: Transaction
  steps: readonly Step[]
  models: readonly Model[]
  wires: TenantWires
  signal: AbortSignal
  /** Commits that a step begins, and what became of it, with those of the steps beside it. */
  begin: GroupCommit<Beginning>
  finish: GroupCommit<Finish>
}

export interface Beginning {
  step: Step
  before: JsonObject
}

export interface Finish {
  step: Step
  state: 'done' | 'undone'
  result: StepResult
}

/** Where a transaction's passwords lie in the vault until it ends. */
export const secretsOf = (transactionId: number) => `transaction:${transactionId}`
export const passwordField = (seq: number) => `step.${seq}.password`

export function kindOf({ engine }: { engine: Pick<Engine, 'stepKinds'> }, kind: string): StepKind {
  const found = engine.stepKinds[kind]
  if (found === undefined) throw new AppError('internal', `There is no kind of step ${kind}.`)
  return found
}

/** A step's input with the keys of objects that steps before it have made. */
export function inputOf({ steps }: Pick<Work, 'steps'>, step: Step): JsonObject {
  const input = withKeys(step.input, (seq) => steps.find((one) => one.seq === seq)?.after?.key)
  if (input !== undefined) return input
  throw new AppError('internal', `Step ${step.seq} needs an object that no step before it made.`)
}

/**
 * `mayHaveSent` tells whether a call of the step may have been carried out. `follows`: a step
 * before it in its chain has just changed what it is about, or made it.
 */
export function openStep(
  work: Work,
  step: Step,
  { forward, follows }: { forward: boolean; follows: boolean },
): { context: StepContext; mayHaveSent: () => boolean } {
  const { transaction, wires, signal } = work
  let sent = forward && step.state !== 'waiting'
  const made = namedSteps(step.input).length > 0
  const patienceMs = made ? limits.appearMs : follows ? limits.settleMs : 0
  const context: StepContext = {
    ...readContext(work),
    known: forward ? step.after : null,
    resumed: sent,
    patienceMs,
    mustSend: !forward || transaction.undoes !== null,
    send: (model, call, ms = patienceMs) =>
      patiently(context, ms, async () => {
        let attempts = 0
        const confirm = async (attempt: WriteAttempt) => {
          await announceWrite(work, step, attempt)
          attempts++
        }
        try {
          const answer = await wires.wire(model.wire).send(call, signal, confirm)
          sent = true
          return answer
        } catch (error) {
          // What was tried more than once may have been carried out before it was refused.
          sent ||= attempts > 1 || !(error instanceof AppError) || mayHaveHappened(error)
          throw error
        }
      }),
    async keep(known) {
      if (!forward) return
      await commit(work, (tx) =>
        saveStep(tx, transaction.id, step.seq, { state: step.state, after: known }),
      )
      step.after = known
    },
    password: () => openPassword(work, step),
  }
  return { context, mayHaveSent: () => sent }
}

/** What reading alone needs: the same for doing and for a dry run. */
export function readContext({
  engine: { clock },
  models,
  wires,
  signal,
}: Pick<Work, 'models' | 'wires' | 'signal'> & { engine: Pick<Engine, 'clock'> }): ReadContext {
  return {
    clock,
    signal,
    model: (id) => requireModel(models, id),
    wire: (model) => wires.wire(model.wire),
  }
}

/** Sends again what names an object that the answering replica does not know yet. */
async function patiently<T>(context: StepContext, ms: number, send: () => Promise<T>): Promise<T> {
  let unknown: unknown
  const answered = await settled(context, ms, async () => {
    try {
      return { answer: await send() }
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'microsoft-not-found') throw error
      unknown = error
      return undefined
    }
  })
  if (answered === undefined) throw unknown
  return answered.answer
}

async function openPassword({ engine, transaction }: Work, { seq }: Step): Promise<Sealed> {
  const ref = { owner: secretsOf(transaction.id), field: passwordField(seq) }
  const password = await inScope(engine.db, transaction.nodePath, (tx) => engine.vault.get(tx, ref))
  if (password !== undefined) return password
  throw new AppError('not-found', `The password of step ${seq} is not kept any more.`)
}

/** Every attempt has an entry of its own: what leaves for Microsoft is on record before it does. */
async function announceWrite(work: Work, step: Step, attempt: WriteAttempt): Promise<void> {
  const { engine, transaction } = work
  await inScope(engine.db, transaction.nodePath, async (tx) => {
    if (!(await isHeld(tx, transaction))) throw takenOver(transaction)
    await auditStep(tx, transaction, 'microsoft.write', step, { ...attempt })
  })
}

/** One commit of this transaction's work, refused when another worker has taken it over. */
export async function commit(
  { engine, transaction }: Pick<Work, 'engine' | 'transaction'>,
  work: (tx: Tx, held: { cancelAsked: boolean }) => Promise<void>,
): Promise<void> {
  await inScope(engine.db, transaction.nodePath, async (tx) => {
    const held = await holdTransaction(tx, transaction)
    if (held === undefined) throw takenOver(transaction)
    await work(tx, held)
  })
}

function takenOver({ id }: Transaction): AppError {
  return new AppError(
    'fenced',
    `Another worker has taken over transaction ${id}; it goes on there.`,
  )
}

/** Writes where a step stands, and that it failed, if it did. */
export async function noteStep(
  work: Pick<Work, 'engine' | 'transaction'>,
  step: Step,
  state: StepState,
  error: AppError,
  left?: string,
): Promise<void> {
  const failure: JsonObject = { ...asJson(error), ...(left !== undefined && { left }) }
  await commit(work, (tx) => saveStep(tx, work.transaction.id, step.seq, { state, error: failure }))
  step.state = state
  step.error = failure
}

export async function auditStep(
  tx: Tx,
  transaction: Transaction,
  action: AuditEntry['action'],
  step: Step,
  detail: JsonObject,
): Promise<void> {
  const { model = null, key = null } = step.input
  await writeAudit(tx, {
    nodePath: transaction.nodePath,
    actor: transaction.actor,
    action,
    tenantId: transaction.tenantId,
    subject: `transaction:${transaction.id}`,
    detail: { step: step.seq, kind: step.kind, model, key, ...detail },
  })
}

export async function tell(
  tx: Tx,
  transaction: Transaction,
  kind: string,
  data: JsonObject,
): Promise<void> {
  const { nodePath, tenantId, id } = transaction
  await emit(tx, { nodePath, tenantId, subject: `transaction:${id}`, kind, data })
}

export function asJson(error: AppError): { [member: string]: Json } {
  return { code: error.code, message: error.message }
}

/** What a person would have to send by hand. Values stand in it; secrets read `[secret]`. */
export function callText(call: Call): string {
  const line = describeCall(call)
  return call.body === undefined ? line : `${line} ${JSON.stringify(call.body)}`
}
