/** Of RSA keys, whatever they are for. */
export const rsaBitsMin = 2048

export interface PemBlock {
  block: string
  /** `CERTIFICATE`, `PRIVATE KEY` ... */
  label: string
}

const pattern = /-----BEGIN ([A-Z0-9 ]{1,40})-----[A-Za-z0-9+/=\s]*-----END \1-----/g

/** What lies in a text in PEM, and what is left of the text without it. */
export function readPem(text: string): { blocks: PemBlock[]; rest: string } {
  const blocks = [...text.matchAll(pattern)].map(([block, label = '']) => ({ block, label }))
  return { blocks, rest: text.replace(pattern, '').trim() }
}
