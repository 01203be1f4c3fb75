import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { expect } from 'vitest'
import { createClient } from '../../src/client/client.ts'
import { api } from '../../src/contract/api.ts'
import type { JsonObject } from '../../src/core/json.ts'
import { Sealed } from '../../src/core/secret.ts'
import { control } from '../engine/control.ts'
import { freePort } from '../freePort.ts'
import { startTestPatchbay } from '../server/patchbay.ts'
import { systemClock } from '../store/testing.ts'

export type NotificationsWorld = Awaited<ReturnType<typeof openNotificationsWorld>>

/** A Patchbay that its emulated Microsoft can reach, and the way to its database behind it. */
export async function openNotificationsWorld() {
  const port = await freePort()
  const patchbay = await startTestPatchbay({
    ...{ port, settings: { publicUrl: `http://127.0.0.1:${port}` } },
    notifications: { loopbackHttp: true, delayMs: 10, retryFirstMs: 50 },
  })
  const token = new Sealed(patchbay.token)
  const client = createClient(api, { baseUrl: patchbay.url, token, fetch, clock: systemClock })
  const database = new pg.Client({
    ...{ connectionString: patchbay.databaseUrl.reveal(), options: '-c search_path=patchbay' },
  })
  await database.connect()
  const [tenant] = patchbay.emulator.tenants
  const { tenantId: id, clientId, clientSecret } = tenant ?? expect.fail('no tenant')
  const microsoft = control(patchbay.emulator, id)

  /** What Microsoft was sent to write since a time, and what the audit has of it. */
  async function writes(since: number) {
    const calls = await microsoft.calls(`&writes=true&since=${since}`)
    const { rows: recorded } = await database.query<{ at: number; detail: JsonObject }>(
      `select (extract(epoch from at) * 1000)::float8 as at, detail from audit
        where action = 'microsoft.write' and at >= to_timestamp($1 / 1000.0) order by id`,
      [since],
    )
    return { sent: calls.filter(({ service }) => service !== 'login'), recorded }
  }

  return {
    ...{ patchbay, client, database, microsoft, writes },
    /** Makes a record of the emulated tenant, by its one application. */
    async attach(nodeId: number, name: string): Promise<number> {
      const graph = { cloud: 'emulator', tenantId: id, clientId, clientSecret }
      const body = { nodeId, name, graph, sync: { notifications: true } }
      return (await client.tenant.create({ body })).id
    },
    /** What Microsoft was ever sent to write and was not on record before. */
    async unrecorded() {
      const { sent, recorded } = await writes(0)
      const recordedAt = new Map(recorded.map(({ at, detail }) => [detail.requestId, at]))
      return sent.filter(({ at, clientRequestId }) => {
        return (recordedAt.get(clientRequestId) ?? Number.POSITIVE_INFINITY) > at + 1
      })
    },
    async close() {
      await microsoft.close()
      await database.end()
      await patchbay.close()
    },
  }
}

export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
): Promise<T> {
  for (let attempt = 0; attempt < 400; attempt += 1) {
    const found = await look()
    if (found) return found
    await wait(50)
  }
  return expect.fail(`${what}: not within 20 s`)
}

/**
 * A thousand requests of each kind, ten at a time and by turns, so that what slows one slows the
 * other; the times in which 99 of 100 were answered.
 */
export async function flood(kinds: (readonly [() => Promise<Response>, status: number])[]) {
  const times = kinds.map((): number[] => [])
  const lane = async () => {
    for (let number = 0; number < 100 * kinds.length; number += 1) {
      const kind = number % kinds.length
      const [ask, status] = kinds[kind] ?? expect.fail('there is nothing to ask')
      const began = performance.now()
      const answer = await ask()
      await answer.text()
      times[kind]?.push(performance.now() - began)
      expect(answer.status).toBe(status)
    }
  }
  await Promise.all(Array.from({ length: 10 }, lane))
  return times.map((list) => list.sort((a, b) => a - b)[Math.floor(list.length * 0.99)])
}
