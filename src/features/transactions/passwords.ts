import { randomInt } from 'node:crypto'
import { Sealed } from '../../core/secret.ts'

/**
 * Four kinds of characters, since a tenant asks for three of them, and none that look alike: it is
 * read from a screen and typed. 24 of them are worth 138 bits.
 */
const kinds = ['abcdefghijkmnpqrstuvwxyz', 'ABCDEFGHJKLMNPQRSTUVWXYZ', '23456789', '-_.!']
const charsTotal = 24

/** The password given, or one made here. */
export function sealPassword(given: string | undefined): { sealed: Sealed; made: boolean } {
  if (given !== undefined) return { sealed: new Sealed(given), made: false }
  return { sealed: new Sealed(makePassword()), made: true }
}

/** Drawn anew until it has every kind: mending one by hand would cost some of its chance. */
function makePassword(): string {
  const all = kinds.join('')
  for (;;) {
    const text = Array.from({ length: charsTotal }, () => all[randomInt(all.length)]).join('')
    if (kinds.every((kind) => [...text].some((char) => kind.includes(char)))) return text
  }
}
