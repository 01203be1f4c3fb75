import { Agent, fetch } from 'undici'
import type { JsonObject } from '../../src/core/json.ts'
import type { Emulator } from '../../src/emulator/options.ts'

export interface Snapshot {
  users: JsonObject[]
  groups: JsonObject[]
  links: string[]
}

export interface RecordedCall {
  /** When it came in, in milliseconds since 1970. */
  at: number
  method: string
  path: string
  status: number
  service: string
  /** What the caller named the call; its audit has the same. */
  clientRequestId: string
  write: boolean
  applied: boolean
  batched: boolean
  rows: number
}

/** Asks things of one emulated tenant over the control API. */
export function control(emulator: Emulator, tenantId: string) {
  const dispatcher = new Agent({ connect: { ca: emulator.caPem } })
  async function ask<T>(method: string, path: string, body?: object): Promise<T> {
    const answer = await fetch(`${emulator.url}/_control/${path}`, {
      method,
      dispatcher,
      ...(body && {
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`control ${method} ${path}: ${answer.status} ${text}`)
    // The control API is ours; its answers are what the caller names.
    return (text === '' ? undefined : JSON.parse(text)) as T
  }
  return {
    ask,
    mutate: async (action: string, input: object = {}): Promise<string[]> => {
      const body = { action, seed: 1, ...input }
      return (await ask<{ ids: string[] }>('POST', `tenants/${tenantId}/mutate`, body)).ids
    },
    snapshot: () => ask<Snapshot>('GET', `tenants/${tenantId}/snapshot`),
    fault: (name: string, spec: object = {}) => ask('POST', 'faults', { name, tenantId, ...spec }),
    clearFaults: () => ask('DELETE', 'faults'),
    calls: (query = '') => ask<RecordedCall[]>('GET', `calls?tenant=${tenantId}${query}`),
    clearCalls: () => ask('DELETE', 'calls'),
    violations: () => ask<unknown[]>('GET', 'violations'),
    close: () => dispatcher.close(),
  }
}
