const badInJson = /\\u(?:0000|d[89ab][0-9a-f]{2}|d[c-f][0-9a-f]{2})/i
const replacement = '\u{fffd}'

/**
 * Text as PostgreSQL can hold it: NUL and lone halves of surrogate pairs, which it refuses, become
 * U+FFFD, so that one such character from outside does not make a whole page of objects fail.
 */
export function storableText(text: string): string {
  const whole = text.isWellFormed() ? text : text.toWellFormed()
  return whole.includes('\0') ? whole.replaceAll('\0', replacement) : whole
}

/** JSON text for a jsonb column; the same characters are replaced, in names of members too. */
export function toJsonb(value: object | string | number | boolean | null): string {
  const text = JSON.stringify(value)
  return badInJson.test(text) ? JSON.stringify(cleaned(JSON.parse(text))) : text
}

function cleaned(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value)
  if (Array.isArray(value)) return value.map(cleaned)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [storableText(name), cleaned(member)]),
  )
}
