import { seededRandom } from '../src/emulator/random.ts'

/** What means something in one language or another, and letters that are easily mistaken. */
const pieces = [
  ...["'", "''", '"', '\\', '`', '$', '$1', '%', '_', '%27', ';', '--', '/*', '*/', ' or 1=1 '],
  ...['(', ')', ',', ':', '/', '..', '?', '#', '&', '=', '+', '-', '@', '\r\n', '\n', '\t'],
  ...['a', 'Z', 'ß', 'İ', 'é', '中', '😀', '’', '‘', '＇', '\u2028', '\u202e', ' ', '0', 'null'],
]

/** Texts made of such pieces, the same for the same seed. */
export function hostileTexts(seed: number): () => string {
  const random = seededRandom(seed, 'texts')
  const pick = () => pieces[Math.floor(random() * pieces.length)] ?? ''
  return () => Array.from({ length: Math.floor(random() * 6) }, pick).join('')
}
