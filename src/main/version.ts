import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { isJsonObject } from '../core/json.ts'

/** The folder Patchbay is installed in. */
export const installation = new URL('../../', import.meta.url)

/** The program a person starts; also for the parts of a demo. */
export const launcher = fileURLToPath(new URL('bin/patchbay.js', installation))

export async function readVersion(): Promise<string> {
  const about: unknown = JSON.parse(await readFile(new URL('package.json', installation), 'utf8'))
  return isJsonObject(about) ? String(about.version) : 'unknown'
}
