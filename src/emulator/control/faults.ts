import type { Json } from '../../core/json.ts'
import type { Request } from '../exchange.ts'
import { addFault } from '../faults/book.ts'
import { faultKinds } from '../faults/kinds.ts'
import type { Fault, FaultSpec } from '../faults/types.ts'
import type { State } from '../state.ts'
import { ControlRefusal, isNumber, isText, pickGiven, readInput } from './input.ts'

const isAnything = () => true
const isTextOrNull = (value: Json) => value === null || isText(value)

export function postFault(state: State, request: Request): unknown {
  const given = pickGiven<FaultSpec>(readInput(request), {
    name: isText,
    tenantId: isText,
    path: isText,
    method: isText,
    skip: isNumber,
    count: isNumber,
    probability: isNumber,
    seed: isNumber,
    value: isAnything,
    status: isNumber,
    retryAfter: isTextOrNull,
  })
  const { name } = given
  const fault =
    name === undefined ? undefined : addFault(state.faults, { ...given, name }, state.random)
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
