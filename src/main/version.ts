import { readFile } from 'node:fs/promises'
import { isJsonObject } from '../core/json.ts'

/** The folder Patchbay is installed in. */
export const installation = new URL('../../', import.meta.url)

export async function readVersion(): Promise<string> {
  const about: unknown = JSON.parse(await readFile(new URL('package.json', installation), 'utf8'))
  return isJsonObject(about) ? String(about.version) : 'unknown'
}
