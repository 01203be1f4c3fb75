import { badInput } from '../core/errors.ts'
import type { Json, JsonObject } from '../core/json.ts'

/**
 * `name=text` is text, `name=` clears (null), `name:=json` is any other value: a number, a list.
 * Of a name that comes twice the last one would win silently, so it is refused.
 */
export function parseAssignments(texts: readonly string[]): JsonObject {
  const values: JsonObject = {}
  for (const text of texts) {
    const { name, value } = parseAssignment(text)
    if (Object.hasOwn(values, name)) throw badInput(name, 'is given twice')
    Object.defineProperty(values, name, { value, enumerable: true })
  }
  return values
}

function parseAssignment(text: string): { name: string; value: Json } {
  const match = /^([^=:\s][^=:]*)(:?=)(.*)$/su.exec(text)
  const [, name = '', sign, rest = ''] = match ?? []
  if (!match) throw badInput(text.slice(0, 64), 'is not name=text, name:=json or name= to clear')
  if (sign === '=') return { name, value: rest === '' ? null : rest }
  try {
    const value: Json = JSON.parse(rest)
    return { name, value }
  } catch {
    throw badInput(name, 'holds no JSON behind :=')
  }
}
