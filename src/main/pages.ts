import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Pages } from '../server/dependencies.ts'

/** The pages a browser gets, read once: they come with the program. */
export async function readPages(): Promise<Pages> {
  const read = (name: string) =>
    readFile(fileURLToPath(new URL(`pages/${name}`, import.meta.url)), 'utf8')
  const [html, script, style] = await Promise.all(
    ['signIn.html', 'signIn.js', 'signIn.css'].map(read),
  )
  return { signIn: { html: html ?? '', script: script ?? '', style: style ?? '' } }
}
