import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmdirSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { differences } from '../journeys/truth.ts'
import { ended, firstPeople, slowDown, startMove, startSync } from '../journeys/work.ts'
import { openWorld, until, type World } from '../journeys/world.ts'

/** A disk of its own needs a mount, which root may do, and not in every container. */
function mayMount(): boolean {
  const dir = mkdtempSync(join(tmpdir(), 'patchbay-mount-'))
  try {
    mount(dir)
    unmount(dir)
    return true
  } catch {
    console.info('A full disk was not tried: this machine allows no mount.')
    return false
  } finally {
    rmdirSync(dir)
  }
}

function mount(dir: string): void {
  const options = ['-t', 'tmpfs', '-o', 'size=300m,mode=755', 'tmpfs', dir]
  execFileSync('mount', options, { stdio: 'ignore' })
}

function unmount(dir: string): void {
  execFileSync('umount', ['-l', dir], { stdio: 'ignore' })
}

/** The row of the audit may be the first that finds no space. */
const refusals = ['unavailable', 'audit-refused']
const mounts = mayMount()
let world: World
let disk: string
let tenantId: number

beforeAll(async () => {
  if (!mounts) return
  world = await openWorld(60)
  disk = join(world.dataDir, 'postgres')
  mkdirSync(disk)
  mount(disk)
  await world.serve()
  tenantId = await world.attach('Contoso')
  await ended(world, 'sync', await startSync(world, tenantId), 60_000)
}, 120_000)
afterAll(async () => {
  if (!mounts) return
  await world.close().catch(() => undefined)
  unmount(disk)
  await rm(world.dataDir, { recursive: true, force: true })
})

async function fill(): Promise<string> {
  const path = join(disk, 'filler')
  const file = await open(path, 'w')
  const block = Buffer.alloc(64 * 1024)
  try {
    for (;;) await file.write(block)
  } catch {
    return path
  } finally {
    await file.close()
  }
}

// Fails when 53100 is no `unavailable`, when a call to Microsoft goes before its audit, or when
// nobody starts the database again.
it.runIf(mounts)(
  'a full disk is said, sends nothing unrecorded, and work goes on when there is space',
  async () => {
    const keys = await firstPeople(world, tenantId, 20)
    await slowDown(world, 100)
    await world.microsoft.clearCalls()
    const id = await startMove(world, tenantId, keys, 'Night Watch')
    const filler = await fill()
    const statuses = new Set<number>()
    // What is written first still fits into pages that are there.
    await until('a refusal for want of space', 60_000, async () => {
      const name = `Customer ${statuses.size} ${'x'.repeat(60)} ${performance.now()}`
      const body = { parentId: 1, kind: 'customer', name }
      const answer = await world.ask('POST', '/v1/nodes', body)
      statuses.add(answer.status)
      if (answer.status === 503) expect(refusals).toContain(answer.body.code)
      return answer.status === 503
    })
    expect([...statuses].filter((status) => status >= 500)).toEqual([503])

    await rm(filler)
    await slowDown(world, 0)
    const freed = performance.now()
    await until('writes again', 30_000, async () => {
      const body = { parentId: 1, kind: 'customer', name: `After ${performance.now()}` }
      return (await world.ask('POST', '/v1/nodes', body)).status === 201
    })
    console.info(`recovered in ${Math.round(performance.now() - freed)} ms`)
    expect(await ended(world, 'transaction', id, 60_000)).toMatchObject({ state: 'succeeded' })
    expect(await differences(world)).toEqual([])
    const written = (await world.microsoft.calls('&writes=true')).filter(({ applied }) => applied)
    expect(written.map(({ path }) => path).length).toBe(20)
    const [audited] = await world.query<{ steps: number }>(
      `select count(distinct detail ->> 'step')::int as steps from audit
        where action = 'transaction.step' and subject = $1`,
      [`transaction:${id}`],
    )
    expect(audited).toEqual({ steps: 20 })
  },
  180_000,
)
