import { Agent, fetch } from 'undici'
import type { Emulator } from '../../src/emulator/options.ts'

/** Asks things of an emulated tenant over the control API. */
export function control(emulator: Emulator, tenantId: string) {
  const dispatcher = new Agent({ connect: { ca: emulator.caPem } })
  async function ask(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await fetch(`${emulator.url}/_control/${path}`, {
      method,
      dispatcher,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`control ${method} ${path}: ${answer.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }
  return { ask, tenantId }
}
