import { randomBytes } from 'node:crypto'

/** A secret made for one run, so that wherever it is found it has leaked. */
export interface Canary {
  name: string
  text: string
}

const letters = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789'

/**
 * 32 characters. In the middle stand some that are written otherwise in JSON, URLs, SQL and XML;
 * at least 12 plain ones at either end stay as they are in all of these.
 */
export function makeCanary(name: string, special = '+"\'%&<'): Canary {
  const plain = (count: number) =>
    [...randomBytes(count)].map((byte) => letters[byte % letters.length]).join('')
  const side = (32 - special.length) / 2
  return { name, text: `${plain(side)}${special}${plain(side)}` }
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
  const wide = Buffer.from(text, 'utf16le')
  const hex = bytes.toString('hex')
  const json = JSON.stringify(text).slice(1, -1)
  const url = encodeURIComponent(text)
  const forms: Form[] = [
    ['plain', text],
    ['first 12', text.slice(0, 12)],
    ['last 12', text.slice(-12)],
    ['hex', hex],
    ['capital hex', hex.toUpperCase()],
    ['JSON', json],
    ['JSON in JSON', JSON.stringify(json).slice(1, -1)],
    // As Windows PowerShell writes it.
    ['JSON by numbers', json.replace(/[&<>']/g, numbered)],
    ['XML text', text.replace(/[&<>]/g, named)],
    ['XML', text.replace(/[&<>"']/g, named)],
    ['HTML', text.replace(/[&<>"]/g, named).replaceAll("'", '&#39;')],
    ['URL', url],
    ['URL in small letters', url.replace(/%../g, (sign) => sign.toLowerCase())],
    ['form', new URLSearchParams([['', text]]).toString().slice(1)],
    ['every byte percent-encoded', hex.replace(/../g, '%$&')],
    ['UTF-16', [...text].join('\0')],
    ['backwards', [...text].reverse().join('')],
    ...base64Forms(bytes, ''),
    // What PowerShell's -EncodedCommand takes.
    ...base64Forms(wide, ' of UTF-16'),
  ]
  // A text without marks is written alike in several.
  return forms.filter(([, needle], at) => forms.findIndex(([, other]) => other === needle) === at)
}

const entities: Readonly<Record<string, string>> = {
  ...{ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' },
}
const named = (mark: string) => entities[mark] ?? mark
const numbered = (mark: string) => `\\u00${mark.charCodeAt(0).toString(16)}`

/** Base64 of a longer text that holds these bytes: it depends on where in it they begin. */
function base64Forms(bytes: Buffer, what: string): Form[] {
  return [0, 1, 2].flatMap((shift): Form[] => {
    const whole = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64')
    const begin = Math.ceil((shift * 8) / 6)
    // The last letter may hold bits of what comes behind.
    const end = Math.floor(((shift + bytes.length) * 8) / 6)
    const core = whole.slice(begin, end)
    const url = core.replaceAll('+', '-').replaceAll('/', '_')
    return [
      [`base64${what} at ${shift}`, core],
      [`base64url${what} at ${shift}`, url],
    ]
  })
}

interface Needle {
  canary: string
  form: string
  bytes: Buffer
}

/**
 * Where any form of a canary stands in what was gathered. Thousands of needles in hundreds of
 * megabytes: every place is looked at once, and only compared with what begins as it does.
 */
export function search(
  sinks: ReadonlyMap<string, string | Buffer>,
  canaries: readonly Canary[],
  isWanted: (form: string) => boolean = () => true,
): Find[] {
  const needles = canaries.flatMap(({ name, text }) =>
    formsOf(text)
      .filter(([form]) => isWanted(form))
      .map(([form, needle]): Needle => ({ canary: name, form, bytes: Buffer.from(needle) })),
  )
  const byStart = Map.groupBy(needles, ({ bytes }) => bytes.readUIntBE(0, 3))
  const isStart = new Uint8Array(0x100_0000)
  for (const start of byStart.keys()) isStart[start] = 1
  return [...sinks].flatMap(([sink, content]) => {
    const text = typeof content === 'string' ? Buffer.from(content) : content
    const found = new Set<Needle>()
    let start = 0
    for (let end = 0; end < text.length; end++) {
      start = ((start << 8) | (text[end] ?? 0)) & 0xff_ffff
      if (isStart[start] === 0) continue
      for (const needle of byStart.get(start) ?? []) {
        if (standsAt(text, end - 2, needle.bytes)) found.add(needle)
      }
    }
    return [...found].map(({ canary, form }) => ({ canary, form, sink }))
  })
}

function standsAt(text: Buffer, at: number, needle: Buffer): boolean {
  const end = at + needle.length
  return at >= 0 && end <= text.length && needle.compare(text, at, end) === 0
}
