import type { Static } from 'typebox'
import type { Changes } from '../../src/contract/transactions.ts'
import type { Call } from '../../src/core/call.ts'
import type { JsonObject } from '../../src/core/json.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { advanceTransaction } from '../../src/engine/transaction/advanceTransaction.ts'
import {
  readTransaction,
  startTransaction,
  undoTransaction,
} from '../../src/features/transactions/transactions.ts'
import { enqueueJob } from '../../src/store/jobs/job.ts'
import { withWires } from '../engine/wires.ts'
import { administrator, type World } from '../engine/world.ts'

type Asked = Static<typeof Changes>['steps'][number]

export type Transactions = ReturnType<typeof transactionsIn>

/** Transactions of a world, each done as a worker would do it. */
export function transactionsIn(world: World) {
  let sent: Call[] = []
  const parts = () => ({ engine: world.engine, jobs: { enqueue: enqueueJob } })

  async function carryOut(id: number) {
    sent = []
    await advanceTransaction(
      overheard(world.engine, (call) => sent.push(call)),
      world.job(id),
    )
    return readTransaction(administrator, world.db, id)
  }

  async function start(steps: Asked[]) {
    const body = { steps, confirm: true }
    const { id } = await startTransaction(administrator, parts(), world.tenantId, body, undefined)
    return carryOut(id)
  }

  return {
    start,
    update: (model: string, ref: string, set: JsonObject) =>
      start([{ do: 'update', model, ref, set }]),
    async undo(earlier: number) {
      const { id } = await undoTransaction(administrator, parts(), earlier, undefined)
      return carryOut(id)
    },
    /** What the last one sent, as data, before a connector made it requests. */
    sent: () => sent,
  }
}

/** The engine as it is, with a listener between it and the wire. */
function overheard(engine: Engine, hear: (call: Call) => void): Engine {
  return withWires(engine, (wire) => ({
    send: (call, ...rest) => {
      hear(call)
      return wire.send(call, ...rest)
    },
  }))
}
