import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient } from '../../src/client/client.ts'
import { api } from '../../src/contract/api.ts'
import { limits } from '../../src/core/limits.ts'
import { Sealed } from '../../src/core/secret.ts'
import { control } from '../engine/control.ts'
import { systemClock } from '../store/testing.ts'
import { startTestPatchbay, type TestPatchbay } from './patchbay.ts'

const launcher = fileURLToPath(new URL('../../bin/patchbay.js', import.meta.url))

interface Served {
  url: string
  child: ChildProcess
}

describe('a process that is told to stop', () => {
  /** Its own API and workers are not used: it lends database, token and emulated Microsoft. */
  let world: TestPatchbay
  beforeAll(async () => {
    world = await startTestPatchbay({ role: 'api' })
  })
  afterAll(() => world.close())

  async function serve(role: string): Promise<Served> {
    const env = { ...process.env, DATABASE_URL: world.databaseUrl.reveal() }
    const args = [launcher, 'serve', '--role', role, '--port', '0', '--data', world.dataDir]
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
    for await (const line of createInterface({ input: child.stderr })) {
      const told = JSON.parse(line)
      if (told.msg === 'patchbay is ready') {
        child.stderr.resume()
        return { url: told.url, child }
      }
    }
    throw new Error('it ended before it was ready')
  }

  async function stop({ child }: Served): Promise<{ code: unknown; ms: number }> {
    const began = performance.now()
    child.kill('SIGTERM')
    const [code] = await once(child, 'exit')
    return { code, ms: performance.now() - began }
  }

  it('A14: hands its sync back in time, and another ends it', async () => {
    const { tenantId = '', clientId = '', clientSecret = '' } = world.emulator.tenants[0] ?? {}
    const microsoft = control(world.emulator, tenantId)
    const token = new Sealed(world.token)
    const client = createClient(api, { baseUrl: world.url, token, fetch, clock: systemClock })
    await client.node.create({ body: { parentId: 1, kind: 'customer', name: 'Contoso' } })
    const graph = { cloud: 'emulator', tenantId, clientId, clientSecret }
    const tenant = await client.tenant.create({ body: { nodeId: 2, name: 'Contoso', graph } })
    await microsoft.fault('hang', { path: '/users*' })
    const first = await serve('worker')
    expect(first.url).toMatch(/^http/)
    const { id } = await client.sync.start({ params: { tenantId: tenant.id }, body: {} })
    const stateOf = async () => (await client.sync.show({ params: { syncId: id } })).state
    const calls = async () =>
      (await microsoft.calls()).filter(({ path }) => path.includes('/users')).length
    await expect.poll(calls, { timeout: 15_000 }).toBeGreaterThan(0)

    const ended = await stop(first)
    expect(ended.code).toBe(0)
    expect(ended.ms).toBeLessThan(limits.stopMs)
    expect(await stateOf()).toBe('running')

    await microsoft.clearFaults()
    const second = await serve('worker')
    await expect.poll(stateOf, { timeout: 15_000 }).toBe('succeeded')
    expect(await stop(second)).toMatchObject({ code: 0 })
    await microsoft.close()
  })

  it('ends its event streams, and refuses what comes after', async () => {
    const served = await serve('api')
    const headers = { authorization: `Bearer ${world.token}` }
    const stream = await fetch(`${served.url}/v1/events`, { headers })
    const ended = stop(served)
    expect(await stream.text()).toContain('retry:')
    expect(await ended).toMatchObject({ code: 0 })
    await expect(fetch(`${served.url}/health/live`)).rejects.toThrow()
  })

  // Fails when the database is let go before those who asked have their answers.
  it('A14: under load answers what it was asked, lets nobody in, and ends in time', async () => {
    const served = await serve('api')
    const headers = { authorization: `Bearer ${world.token}`, 'content-type': 'application/json' }
    const ask = async (number: number) => {
      const body = { parentId: 1, kind: 'customer', name: `Asked ${number}` }
      const writes = { method: 'POST', body: JSON.stringify(body) }
      const about = { headers, ...(number % 3 === 0 && writes) }
      return await fetch(`${served.url}/v1/nodes`, about).then(
        async (answer) => ({ status: answer.status, text: await answer.text() }),
        () => ({ status: 'closed' as const, text: '' }),
      )
    }
    // Its first use puts a token on record, which would wait as well.
    expect(await ask(1)).toMatchObject({ status: 200 })
    const admin = new pg.Client({ connectionString: world.databaseUrl.reveal() })
    await admin.connect()
    await admin.query('begin; lock table patchbay.node in access exclusive mode')
    const waiting = async () => {
      const { rowCount } = await admin.query(
        `select from pg_locks where relation = 'patchbay.node'::regclass and not granted`,
      )
      return rowCount
    }
    const asked = Array.from({ length: 3 * limits.poolMax }, (_, number) => ask(number))
    await expect.poll(waiting, { timeout: 10_000 }).toBe(limits.poolMax)

    const ended = stop(served)
    const knock = () => fetch(`${served.url}/health/live`).then(String, () => 'nobody there')
    await expect.poll(knock, { timeout: 5_000, interval: 20 }).toBe('nobody there')
    await admin.query('rollback')
    await admin.end()
    const answers = await Promise.all(asked)
    // And does not wait for those who would keep their connections.
    const inTime = expect.toSatisfy((ms: number) => ms < limits.drainMs)
    expect(await ended).toMatchObject({ code: 0, ms: inTime })
    const answered = answers.filter(({ status }) => status !== 'closed')
    expect(answered.filter(({ status }) => status !== 200 && status !== 201)).toEqual([])
    expect(answered.length).toBeGreaterThanOrEqual(limits.poolMax)
  })

  it('as a worker answers for its health and for nothing else', async () => {
    const served = await serve('worker')
    const statusOf = async (path: string) => (await fetch(`${served.url}${path}`)).status
    expect(await statusOf('/health/ready')).toBe(200)
    expect(await statusOf('/v1/nodes')).toBe(404)
    await stop(served)
  })
})
