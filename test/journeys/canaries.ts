import { randomBytes } from 'node:crypto'

/** A secret made for one run, so that wherever it is found it has leaked. */
export interface Canary {
  name: string
  text: string
}

const letters = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789'

/**
 * 32 characters. In the middle stand some that are written otherwise in JSON, URLs, SQL and HTML;
 * 14 plain ones at either end stay as they are in all of these.
 */
export function makeCanary(name: string, special = '+"\'%'): Canary {
  const plain = (count: number) =>
    [...randomBytes(count)].map((byte) => letters[byte % letters.length]).join('')
  return { name, text: `${plain(14)}${special}${plain(14)}` }
}

export interface Find {
  canary: string
  form: string
  sink: string
}

type Form = readonly [form: string, needle: string]

/** How a text may have been written down: whole, in part, encoded. */
export function formsOf(text: string): Form[] {
  const bytes = Buffer.from(text)
  const hex = bytes.toString('hex')
  const json = JSON.stringify(text).slice(1, -1)
  const forms: Form[] = [
    ['plain', text],
    ['first 12', text.slice(0, 12)],
    ['last 12', text.slice(-12)],
    ['hex', hex],
    ['capital hex', hex.toUpperCase()],
    ['JSON', json],
    ['JSON in JSON', JSON.stringify(json).slice(1, -1)],
    ['URL', encodeURIComponent(text)],
    ['form', new URLSearchParams([['', text]]).toString().slice(1)],
    ['every byte percent-encoded', hex.replace(/../g, '%$&')],
    ['UTF-16', [...text].join('\0')],
    ['backwards', [...text].reverse().join('')],
  ]
  return [...forms, ...base64Forms(bytes)]
}

/** Base64 of a longer text that holds these bytes: it depends on where in it they begin. */
function base64Forms(bytes: Buffer): Form[] {
  return [0, 1, 2].flatMap((shift): Form[] => {
    const whole = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64')
    const begin = Math.ceil((shift * 8) / 6)
    // The last letter may hold bits of what comes behind.
    const end = Math.floor(((shift + bytes.length) * 8) / 6)
    const core = whole.slice(begin, end)
    const url = core.replaceAll('+', '-').replaceAll('/', '_')
    return [
      [`base64 at ${shift}`, core],
      [`base64url at ${shift}`, url],
    ]
  })
}

/** Where any form of a canary stands in what was gathered. */
export function search(
  sinks: ReadonlyMap<string, string | Buffer>,
  canaries: readonly Canary[],
  isWanted: (form: string) => boolean = () => true,
): Find[] {
  const wanted = canaries.map(({ name, text }) => ({
    ...{ name, forms: formsOf(text).filter(([form]) => isWanted(form)) },
  }))
  const found: Find[] = []
  for (const [sink, content] of sinks) {
    for (const { name, forms } of wanted) {
      for (const [form, needle] of forms) {
        if (content.includes(needle)) found.push({ canary: name, form, sink })
      }
    }
  }
  return found
}
