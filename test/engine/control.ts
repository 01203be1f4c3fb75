import { Agent, request } from 'undici'
import type { JsonObject } from '../../src/core/json.ts'
import type { Emulator } from '../../src/emulator/options.ts'

export interface Snapshot {
  users: JsonObject[]
  groups: JsonObject[]
  links: string[]
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

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

/** The request id of a test that writes itself, as any other application might. */
export const somebodyElse = 'somebody-else'

/** By emulator: what it was sent to write, and the tests had cleared from its record since. */
const clearedWrites = new WeakMap<object, RecordedCall[]>()

/** Asks things of one emulated tenant over the control API. */
export function control(emulator: Emulator, tenantId: string) {
  const dispatcher = new Agent({ connect: { ca: emulator.caPem } })
  async function ask<T>(method: Method, path: string, body?: object): Promise<T> {
    // Takes no compressed answer: to pack and unpack a snapshot took longer than to make it.
    const { statusCode: status, body: answer } = await request(`${emulator.url}/_control/${path}`, {
      method,
      dispatcher,
      ...(body && {
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      }),
    })
    const text = await answer.text()
    if (status >= 400) throw new Error(`control ${method} ${path}: ${status} ${text}`)
    // The control API is ours; its answers are what the caller names.
    return (text === '' ? undefined : JSON.parse(text)) as T
  }
  const cleared = clearedWrites.get(emulator) ?? []
  clearedWrites.set(emulator, cleared)
  /** Of every tenant, by Patchbay; signing in aside. */
  async function writesNow(): Promise<RecordedCall[]> {
    const writes = await ask<RecordedCall[]>('GET', 'calls?writes=true')
    return writes.filter(
      ({ service, clientRequestId }) => service !== 'login' && clientRequestId !== somebodyElse,
    )
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
    clearCalls: async () => {
      cleared.push(...(await writesNow()))
      await ask('DELETE', 'calls')
    },
    /** All that was ever written, by the ids it came with, also what was cleared. */
    writesSent: async () =>
      [...cleared, ...(await writesNow())].map(({ clientRequestId: id, at }) => ({ id, at })),
    violations: () => ask<unknown[]>('GET', 'violations'),
    close: () => dispatcher.close(),
  }
}
