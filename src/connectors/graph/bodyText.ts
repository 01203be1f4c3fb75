import type { CallBody } from '../../core/call.ts'
import { Sealed } from '../../core/secret.ts'

/** The body as it goes over the wire: the one place where a secret in it is opened. */
export function bodyText(body: CallBody): string {
  return JSON.stringify(opened(body))
}

function opened(value: CallBody): unknown {
  if (value instanceof Sealed) return value.reveal()
  if (Array.isArray(value)) return value.map(opened)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, opened(member)]))
}
