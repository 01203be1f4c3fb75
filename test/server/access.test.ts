import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Sealed } from '../../src/core/secret.ts'
import { writeSecretFile } from '../../src/main/dataDir.ts'
import { ensureAdministrator, findActor, findActorAgain } from '../../src/server/access.ts'
import { type FreshDatabase, freshDatabase, systemClock } from '../store/testing.ts'
import { startTestPatchbay, type TestPatchbay } from './patchbay.ts'

describe('the first start', () => {
  let fresh: FreshDatabase
  beforeAll(async () => {
    fresh = await freshDatabase()
  })
  afterAll(() => fresh.close())
  const store = () => ({ db: fresh.db, clock: systemClock })

  it('that cannot keep the token makes none', async () => {
    const full = new Error('disk full')
    const start = ensureAdministrator(fresh.db, 'Fabrikam', () => Promise.reject(full))
    await expect(start).rejects.toThrow('disk full')
    const { rows } = await fresh.db.pool.query('select from access_token')
    expect(rows).toHaveLength(0)
  })

  it('of several processes at once makes one provider and one token', async () => {
    const kept: Sealed[] = []
    const keep = async (token: Sealed) => {
      kept.push(token)
      // Long enough for the others to look before this one is done.
      await wait(200)
    }
    const starts = [1, 2, 3, 4].map(() => ensureAdministrator(fresh.db, 'Fabrikam', keep))
    await Promise.all(starts)
    await ensureAdministrator(fresh.db, 'Another name', keep)
    expect(kept).toHaveLength(1)
    const [token] = kept
    if (!token) throw new Error('no token')
    const actor = await findActor(store(), { kind: 'token', secret: token })
    expect(actor).toMatchObject({ name: 'Administrator', kind: 'token', grants: [{ scope: '1.' }] })
    const { rows } = await fresh.db.pool.query<{ hash: Buffer }>('select hash from access_token')
    const hash = createHash('sha256').update(token.reveal()).digest()
    expect(rows.map((row) => row.hash)).toEqual([hash])
  })

  it('an ended token is nobody', async () => {
    const hash = createHash('sha256').update('ended').digest()
    await fresh.db.pool.query(
      `insert into access_token (name, scope, hash, expires_at) values ('x', '1.', $1, now() - interval '1 second')`,
      [hash],
    )
    expect(await findActor(store(), { kind: 'token', secret: new Sealed('ended') })).toBeUndefined()
    expect(
      await findActor(store(), { kind: 'token', secret: new Sealed('never was') }),
    ).toBeUndefined()
  })

  it('who did something earlier has the rights their token has now', async () => {
    const { rows } = await fresh.db.pool.query<{ id: number }>(
      `insert into access_token (name, scope, hash) values ('Ada', '1.2.', '\\x01') returning id`,
    )
    const id = `token:${rows[0]?.id}`
    const found = await findActorAgain(store(), id)
    expect(found).toMatchObject({ name: 'Ada', grants: [{ scope: '1.2.' }] })
    await fresh.db.pool.query(`update access_token set expires_at = created_at where name = 'Ada'`)
    expect(await findActorAgain(store(), id)).toBeUndefined()
    expect(await findActorAgain(store(), 'person:1')).toBeUndefined()
  })
})

describe('a running server', () => {
  let patchbay: TestPatchbay
  beforeAll(async () => {
    patchbay = await startTestPatchbay()
  })
  afterAll(() => patchbay.close())

  async function get(path: string, token?: string) {
    const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {}
    const answer = await fetch(`${patchbay.url}${path}`, { headers })
    return { status: answer.status, text: await answer.text() }
  }

  it('wrote its token where only its user reads it', async () => {
    const { mode } = await stat(patchbay.tokenFile)
    expect(mode & 0o777).toBe(0o600)
    const beside = join(patchbay.dataDir, 'again')
    await writeSecretFile(beside, new Sealed('a'))
    await writeSecretFile(beside, new Sealed('b'))
    expect(await readFile(beside, 'utf8')).toBe('b\n')
  })

  it('answers for its health without a token, and for everything else only with one', async () => {
    expect(await get('/health/live')).toMatchObject({ status: 200 })
    expect(await get('/health/ready')).toMatchObject({ status: 200, text: '{"status":"ready"}' })
    for (const path of ['/v1/me', '/v1/nodes', '/v1/events', '/metrics', '/v1/audit']) {
      expect(await get(path), path).toMatchObject({ status: 401 })
    }
    expect(await get('/v1/me', patchbay.token)).toMatchObject({ status: 200 })
  })

  it('counts requests by route, not by who or what was asked for', async () => {
    await get('/v1/nodes/123456789', patchbay.token)
    const { text } = await get('/metrics', patchbay.token)
    expect(text).toContain('route="/v1/nodes/:nodeId",status="404"')
    expect(text).toContain('patchbay_nodejs_eventloop_lag')
    expect(text).not.toContain('123456789')
  })

  it('logs one line per request, without the address', async () => {
    await get('/v1/tenants/1/resources/device/msgraph/MSOLUser/anna%40example.com', patchbay.token)
    await expect.poll(() => JSON.stringify(patchbay.log)).toContain('resources/device/:application')
    expect(JSON.stringify(patchbay.log)).not.toContain('anna')
  })
})
