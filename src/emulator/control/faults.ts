import Type from 'typebox'
import type { Request } from '../exchange.ts'
import { addFault } from '../faults/book.ts'
import { faultKinds } from '../faults/kinds.ts'
import type { Fault } from '../faults/types.ts'
import type { State } from '../state.ts'
import { ControlRefusal, readAs, readInput } from './input.ts'

/** A FaultSpec, see there. */
const FaultInput = Type.Object(
  {
    name: Type.String(),
    tenantId: Type.Optional(Type.String()),
    path: Type.Optional(Type.String()),
    method: Type.Optional(Type.String()),
    skip: Type.Optional(Type.Number()),
    count: Type.Optional(Type.Number()),
    probability: Type.Optional(Type.Number()),
    seed: Type.Optional(Type.Number()),
    value: Type.Optional(Type.Unknown()),
    status: Type.Optional(Type.Number()),
    retryAfter: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  },
  { additionalProperties: false },
)

export function postFault(state: State, request: Request): unknown {
  const fault = addFault(state.faults, readAs(FaultInput, readInput(request)), state.random)
  if (fault === undefined) {
    const known = Object.keys(faultKinds).join(', ')
    throw new ControlRefusal(400, `There is no fault of that name. There are: ${known}.`)
  }
  return shown(fault)
}

export function listFaults(state: State): unknown {
  return state.faults.faults.map(shown)
}

/** All of them, or the one with the id or all with the name. */
export function clearFaults(state: State, which: string | undefined): unknown {
  const before = state.faults.faults
  state.faults.faults = before.filter(
    (fault) => which !== undefined && fault.id !== which && fault.spec.name !== which,
  )
  return { cleared: before.length - state.faults.faults.length }
}

function shown({ id, spec, seen, fired }: Fault) {
  return { id, ...spec, seen, fired }
}
