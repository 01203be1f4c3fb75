import { limits } from '../core/limits.ts'
import { route } from './route.ts'
import { AnyJson, Closed, Id, Nullable, PageOf, pageQuery, Text, Time } from './schemas.ts'
import { Failure } from './syncs.ts'
import { Type } from './type.ts'

const type = 'data/Transaction'
const params = Closed({ transactionId: Id })

export const Changes = Closed({
  model: Text({ minLength: 1, maxLength: 128 }),
  objects: Type.Array(
    Closed({
      ref: Text({ minLength: 1, maxLength: 512 }),
      set: Type.Record(Type.String({ maxLength: 128 }), Type.Unknown(), {
        minProperties: 1,
        maxProperties: 100,
      }),
    }),
    { minItems: 1, maxItems: limits.transactionStepsMax },
  ),
})

const Difference = Closed({ property: Type.String(), before: AnyJson, after: AnyJson })

export const Plan = Closed({
  tenantId: Id,
  model: Type.String(),
  objects: Type.Array(
    Closed({
      key: Type.String(),
      name: Type.String(),
      call: Nullable(Type.String()),
      differences: Type.Array(Difference),
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
export const TransactionDetail = Closed({
  ...head,
  stepList: Type.Array(Step),
  left: Type.Array(Closed({ seq: Type.Integer(), what: Type.String(), call: Type.String() })),
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
    summary: 'Change properties of objects at Microsoft, in steps that can be undone',
    permission: { operation: 'Execute', type },
    params: Closed({ tenantId: Id }),
    headers: idempotency,
    body: Changes,
    answer: TransactionDetail,
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
    answer: TransactionDetail,
    status: 202,
  }),
}
