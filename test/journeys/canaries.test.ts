import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { makeCanary, search } from './canaries.ts'

const signs = ['+', '"', "'", '%', '&', '<']
/** Written otherwise at every second character, so that no piece of it stays as it is. */
const spiked = {
  name: 'spiked',
  text: [...randomBytes(8).toString('hex')].map((plain, at) => plain + signs[at % 6]).join(''),
}
const xml = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
const wide = (text: string) => Buffer.from(text, 'utf16le')

/** What others write a text with; not the search's own forms. */
const writers: [string, (text: string) => string | Buffer][] = [
  ['as it is', (text) => `a ${text} b`],
  ['base64', (text) => btoa(`user:${text}`)],
  ['base64url', (text) => Buffer.from(`?>${text}`).toString('base64url')],
  ['base64 of UTF-16LE', (text) => wide(`$x = ${text}`).toString('base64')],
  ['UTF-16LE', wide],
  ['UTF-16BE', (text) => wide(text).swap16()],
  ['hex', (text) => Buffer.from(text).toString('hex')],
  ['capital hex', (text) => Buffer.from(text).toString('hex').toUpperCase()],
  ['an address', (text) => `https://a.example/?b=${encodeURIComponent(text)}`],
  ['a form', (text) => String(new URLSearchParams({ a: text }))],
  ['JSON', (text) => JSON.stringify({ a: text })],
  ['JSON within JSON', (text) => JSON.stringify({ a: JSON.stringify({ b: text }) })],
  ['XML', (text) => `<a b="${xml(text).replaceAll('"', '&quot;').replaceAll("'", '&apos;')}"/>`],
  ['XML text', (text) => `<a>${xml(text)}</a>`],
  ['HTML', (text) => `<p>${xml(text).replaceAll('"', '&quot;').replaceAll("'", '&#39;')}</p>`],
  [
    'JSON of PowerShell',
    (text) =>
      JSON.stringify(text)
        .replaceAll('&', '\\u0026')
        .replaceAll('<', '\\u003c')
        .replaceAll("'", '\\u0027'),
  ],
  ['reverse', (text) => [...text].reverse().join('')],
  ['its first 12 characters', (text) => `${text.slice(0, 12)}...`],
  ['its last 12 characters', (text) => `...${text.slice(-12)}`],
]

describe('E1: the search', () => {
  it.each(writers)('finds a secret written as %s', (_name, write) => {
    const sinks = new Map([['somewhere', write(spiked.text)]])
    expect(search(sinks, [spiked])[0]).toMatchObject({ canary: 'spiked', sink: 'somewhere' })
    expect(search(sinks, [makeCanary('another')])).toEqual([])
  })

  it.each([0, 1, 2, 3])('finds what lies %i bytes deep in something encoded', (depth) => {
    const one = makeCanary('one')
    for (const encoding of ['utf8', 'utf16le'] as const) {
      const text = Buffer.from(`${'x'.repeat(depth)}${one.text}y`, encoding).toString('base64')
      expect(search(new Map([['somewhere', text]]), [one])).not.toEqual([])
    }
  })
})
