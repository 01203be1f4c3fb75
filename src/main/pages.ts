import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { Pages } from '../server/dependencies.ts'

/** The pages a browser gets, read once: they come with the program. */
export async function readPages(): Promise<Pages> {
  const read = (name: string) =>
    readFile(fileURLToPath(new URL(`pages/${name}`, import.meta.url)), 'utf8')
  return {
    signIn: {
      html: await read('signIn.html'),
      script: await read('signIn.js'),
      style: await read('signIn.css'),
    },
    consent: await read('consent.html'),
  }
}
