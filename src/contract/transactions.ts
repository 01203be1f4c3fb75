import { limits } from '../core/limits.ts'
import { route } from './route.ts'
import { AnyJson, Closed, Id, Nullable, PageOf, pageQuery, Text, Time } from './schemas.ts'
import { Failure } from './syncs.ts'
import { Type } from './type.ts'

const type = 'data/Transaction'
const params = Closed({ transactionId: Id })

/** An object by its key, its name or the value of a column; or the one that a step before makes. */
const Ref = Type.Union([
  Text({ minLength: 1, maxLength: 512 }),
  Closed({ step: Type.Integer({ minimum: 1, maximum: limits.transactionStepsMax }) }),
])

export const stepNames = [
  'update',
  'create',
  'delete',
  'restore',
  'link',
  'unlink',
  'licence',
  'password',
] as const

const Name = Text({ minLength: 1, maxLength: 128 })

/**
 * One step. Which members it takes follows from `do`: `set` for update and create, `link` and `to`
 * for link and unlink, `add` and `remove` for licence, `password` for create and password.
 */
const StepRequest = Closed({
  do: Type.Enum(stepNames),
  model: Type.Optional(Name),
  ref: Type.Optional(Ref),
  set: Type.Optional(
    Type.Record(Type.String({ maxLength: 128 }), Type.Unknown(), {
      minProperties: 1,
      maxProperties: 100,
    }),
  ),
  link: Type.Optional(Name),
  to: Type.Optional(Ref),
  add: Type.Optional(
    Type.Array(
      Closed({ product: Name, without: Type.Optional(Type.Array(Name, { maxItems: 100 })) }),
      { maxItems: 50 },
    ),
  ),
  remove: Type.Optional(Type.Array(Name, { maxItems: 50 })),
  password: Type.Optional(
    Type.String({
      minLength: 8,
      maxLength: 256,
      pattern: '^[^\\u0000-\\u001f\\u007f]*$',
      stored: 'secret',
    }),
  ),
  mustChange: Type.Optional(Type.Boolean({ default: true })),
})

const steps = Type.Array(StepRequest, { minItems: 1, maxItems: limits.transactionStepsMax })

export const Changes = Closed({ steps, confirm: Type.Optional(Type.Boolean()) })

const Difference = Closed({ property: Type.String(), before: AnyJson, after: AnyJson })

/**
 * `problem` says why a step would fail as things are, `irreversible` why there would be no way
 * back. Without a call there is nothing to do, or a step before it has to be done first.
 */
export const Plan = Closed({
  tenantId: Id,
  steps: Type.Array(
    Closed({
      seq: Type.Integer(),
      kind: Type.String(),
      title: Type.String(),
      call: Nullable(Type.String()),
      differences: Type.Array(Difference),
      problem: Nullable(Type.String()),
      irreversible: Nullable(Type.String()),
    }),
  ),
})

export const Step = Closed({
  seq: Type.Integer(),
  kind: Type.String(),
  title: Type.String(),
  state: Type.String(),
  differences: Type.Array(Difference),
  attempts: Type.Integer(),
  startedAt: Nullable(Time),
  endedAt: Nullable(Time),
  error: Nullable(Failure),
})

const head = {
  id: Id,
  tenantId: Id,
  kind: Type.String(),
  title: Type.String(),
  state: Type.String(),
  requestedBy: Type.String(),
  requestedAt: Time,
  startedAt: Nullable(Time),
  endedAt: Nullable(Time),
  undoes: Nullable(Id),
  replays: Nullable(Id),
  error: Nullable(Failure),
  steps: Type.Object({ total: Type.Integer(), done: Type.Integer() }),
}

export const Transaction = Closed(head)

/**
 * `left` is filled when the transaction is stuck: what still differs at Microsoft, and the
 * call that mends it.
 */
const detail = {
  ...head,
  stepList: Type.Array(Step),
  left: Type.Array(Closed({ seq: Type.Integer(), what: Type.String(), call: Type.String() })),
}

export const TransactionDetail = Closed(detail)

/** `passwords` are those made for steps that came without one: shown here and never again. */
export const Started = Closed({
  ...detail,
  passwords: Type.Array(Closed({ seq: Type.Integer(), password: Type.String() })),
})

const idempotency = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: limits.idempotencyKeyChars,
      pattern: '^[\\x21-\\x7e]+$',
    }),
  ),
})

export const transactionRoutes = {
  plan: route({
    name: 'transaction.plan',
    method: 'POST',
    path: '/v1/tenants/{tenantId}/transactions/plan',
    summary: 'Dry run: read the objects and show the calls and the difference; nothing is changed',
    permission: { operation: 'Read', type },
    params: Closed({ tenantId: Id }),
    body: Changes,
    answer: Plan,
    status: 200,
  }),
  start: route({
    name: 'transaction.start',
    method: 'POST',
    path: '/v1/tenants/{tenantId}/transactions',
    summary: 'Change objects at Microsoft, in steps that can be undone',
    permission: { operation: 'Execute', type },
    params: Closed({ tenantId: Id }),
    headers: idempotency,
    body: Changes,
    answer: Started,
    status: 202,
  }),
  list: route({
    name: 'transaction.list',
    method: 'GET',
    path: '/v1/transactions',
    summary: 'Transactions, newest first',
    permission: { operation: 'Read', type },
    query: Closed({ ...pageQuery, tenantId: Type.Optional(Id) }),
    answer: PageOf(Transaction),
    status: 200,
  }),
  show: route({
    name: 'transaction.show',
    method: 'GET',
    path: '/v1/transactions/{transactionId}',
    summary: 'One transaction with its steps and, when stuck, what is left at Microsoft',
    permission: { operation: 'Read', type },
    params,
    answer: TransactionDetail,
    status: 200,
  }),
  cancel: route({
    name: 'transaction.cancel',
    method: 'POST',
    path: '/v1/transactions/{transactionId}/cancel',
    summary: 'Stop before the next step and undo those that are done',
    permission: { operation: 'Execute', type },
    params,
    answer: TransactionDetail,
    status: 202,
  }),
  undo: route({
    name: 'transaction.undo',
    method: 'POST',
    path: '/v1/transactions/{transactionId}/undo',
    summary: 'Put back what a succeeded transaction changed, as a transaction of its own',
    permission: { operation: 'Execute', type },
    params,
    headers: idempotency,
    answer: TransactionDetail,
    status: 202,
  }),
  replay: route({
    name: 'transaction.replay',
    method: 'POST',
    path: '/v1/transactions/{transactionId}/replay',
    summary: 'Ask for the same change again, as a transaction of its own',
    permission: { operation: 'Execute', type },
    params,
    headers: idempotency,
    body: Closed({ confirm: Type.Optional(Type.Boolean()) }),
    answer: TransactionDetail,
    status: 202,
  }),
}
