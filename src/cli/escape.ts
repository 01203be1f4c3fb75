/**
 * What comes from Microsoft's directory is typed by strangers. Shown raw, a name could move the
 * cursor, recolour or rewrite what stands above (control characters, C1 included), or run right to
 * left over its neighbours (bidirectional marks, CVE-2021-42574). Each is shown by its number.
 */
const unsafe = /[\p{Cc}\p{Cs}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/gu

export function escapeText(text: string): string {
  return text.replaceAll(unsafe, (character) => {
    const code = character.codePointAt(0) ?? 0
    return code < 0x100 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`
  })
}

/** The same in JSON, which stays the same value: JSON.stringify leaves some of them raw. */
export function escapeJson(json: string): string {
  return json.replaceAll(unsafe, (character) =>
    character === '\n' ? character : `\\u${hex(character.codePointAt(0) ?? 0, 4)}`,
  )
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0')
}
