import type { Random } from '../../core/clock.ts'
import { randomGuid, seededRandom } from '../random.ts'
import { faultKinds } from './kinds.ts'
import type { Fault, FaultCall, FaultSpec } from './types.ts'

/** The faults that are set, in the order in which they are tried. */
export interface FaultBook {
  faults: Fault[]
}

/** Undefined when there is no fault of that name. */
export function addFault(book: FaultBook, spec: FaultSpec, random: Random): Fault | undefined {
  const kind = faultKinds[spec.name]
  if (kind === undefined) return undefined
  const fault: Fault = {
    id: randomGuid(random),
    spec,
    kind,
    path: spec.path === undefined ? undefined : new RegExp(spec.path),
    random: seededRandom(spec.seed ?? 0, `fault/${spec.name}`),
    seen: 0,
    fired: 0,
  }
  book.faults.push(fault)
  return fault
}

/** The first fault that befalls this call now, if any. */
export function chooseFault(book: FaultBook, call: FaultCall): Fault | undefined {
  return firstOf(book, (fault) => concerns(fault, call))
}

/** The first fault that befalls a notification about the object at `path`, if any. */
export function chooseNotificationFault(
  book: FaultBook,
  tenantId: string,
  path: string,
): Fault | undefined {
  return firstOf(
    book,
    ({ kind, spec, path: wanted }) =>
      kind.notification === true &&
      (spec.tenantId === undefined || spec.tenantId === tenantId) &&
      (wanted === undefined || wanted.test(path)),
  )
}

function firstOf(book: FaultBook, matches: (fault: Fault) => boolean): Fault | undefined {
  for (const fault of book.faults) {
    if (!matches(fault)) continue
    fault.seen += 1
    const { skip = 0, count, probability } = fault.spec
    if (fault.seen <= skip || (count !== undefined && fault.fired >= count)) continue
    if (probability !== undefined && fault.random() >= probability) continue
    fault.fired += 1
    return fault
  }
  return undefined
}

function concerns(fault: Fault, call: FaultCall): boolean {
  const { spec, kind, path } = fault
  if (kind.notification === true) return false
  const { request, tenantId, batched } = call
  if (batched && kind.wire !== undefined) return false
  if (spec.tenantId !== undefined && spec.tenantId !== tenantId) return false
  if (spec.method !== undefined && spec.method !== request.method) return false
  if (path !== undefined && !path.test(`${request.path}?${request.queryText}`)) return false
  return kind.befalls?.(call) ?? true
}
