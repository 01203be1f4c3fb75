import { readFile } from 'node:fs/promises'
import { Pool } from 'undici'
import { systemClock } from '../../src/main/clock.ts'
import { adminTokenFile } from '../../src/main/dataDir.ts'
import { median, percentile, type Report } from '../report.ts'
import { type BenchWorld, openWorld } from '../world.ts'

const customers = 8
const sitesEach = 8
const writers = 16
const secondsEach = 4
const rounds = 3
/** The load at which latencies are compared, in writes a second: at half of what is asked for. */
const comparedRate = 250

/** Not a rule: those cannot stand in for an insert that is one part of a statement. */
const withoutAudit = `
  create or replace function patchbay.unaudited() returns trigger language plpgsql
    as $$ begin return null; end $$;
  create trigger unaudited before insert on patchbay.audit
    for each row execute function patchbay.unaudited()`

/** Renames of nodes over HTTP: an audited write with nothing of Microsoft's in it. */
interface Target {
  pool: Pool
  headers: Record<string, string>
  nodeIds: number[]
}

/**
 * Audited writes a second as fast as the API takes them, and how much longer one takes with the
 * audit than without. "Without" is a trigger of the database's owner that drops every entry on its
 * arrival: neither row nor seal is written, the statement alone still travels (0.1 to 0.2 ms).
 * The two take turns, so that what else the machine does meets both.
 */
export async function run(report: Report): Promise<void> {
  const world = await openWorld(5)
  const target = await furnish(world)
  try {
    await compare(world, target, report)
    await verifyAll(world, report)
  } finally {
    await target.pool.close()
    await world.close()
  }
}

async function compare({ database }: BenchWorld, target: Target, report: Report): Promise<void> {
  await asFastAsPossible(target, 2)
  const rates: number[] = []
  const withAudit: number[] = []
  const without: number[] = []
  for (let round = 0; round < rounds; round++) {
    rates.push(await asFastAsPossible(target, secondsEach))
    withAudit.push(...(await atRate(target, comparedRate, secondsEach)))
    await database.query(withoutAudit)
    without.push(...(await atRate(target, comparedRate, secondsEach)))
    await database.query('drop trigger unaudited on patchbay.audit')
  }
  const [longer, shorter] = [percentile(withAudit, 0.95), percentile(without, 0.95)]
  report({ figure: 'audited writes', value: median(rates), unit: '/s', goal: '>= 500' })
  report({ figure: 'p95 of a write', value: longer, unit: 'ms' })
  report({ figure: 'p95 of a write without audit', value: shorter, unit: 'ms' })
  report({ figure: 'p95 longer by', value: longer - shorter, unit: 'ms', goal: '<= 5' })
}

/** A million entries are to be followed within a minute. */
async function verifyAll({ client }: BenchWorld, report: Report): Promise<void> {
  const began = performance.now()
  const { sound, chains } = await client.audit.verify({ body: {} })
  const seconds = (performance.now() - began) / 1_000
  const entries = chains.reduce((sum, chain) => sum + chain.entries, 0)
  report({ figure: 'entries verified', value: entries / seconds, unit: '/s', goal: '>= 16700' })
  report({ figure: 'chains at fault', value: sound ? 0 : 1, unit: 'chains', goal: '= 0' })
}

async function furnish({ client, server, dataDir }: BenchWorld): Promise<Target> {
  const token = (await readFile(adminTokenFile(dataDir), 'utf8')).trim()
  const nodeIds: number[] = []
  for (let index = 0; index < customers; index++) {
    const body = { parentId: 1, kind: 'customer' as const, name: `Customer ${index}` }
    const { id: parentId } = await client.node.create({ body })
    for (let site = 0; site < sitesEach; site++) {
      const { id } = await client.node.create({ body: { parentId, kind: 'site', name: `${site}` } })
      nodeIds.push(id)
    }
  }
  return {
    pool: new Pool(server.url ?? '', { connections: writers }),
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    nodeIds,
  }
}

/** Writes a second, each writer sending its next as soon as the last is answered. */
async function asFastAsPossible(target: Target, seconds: number): Promise<number> {
  const ends = performance.now() + seconds * 1_000
  let count = 0
  const write = async (writer: number) => {
    for (let turn = 0; performance.now() < ends; turn++) {
      await rename(target, writer + turn * writers, `${writer} ${turn}`)
      count += 1
    }
  }
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)))
  return count / seconds
}

/** Milliseconds of each write, sent at a fixed rate whether or not the last was answered. */
async function atRate(target: Target, perSecond: number, seconds: number): Promise<number[]> {
  const began = performance.now()
  const writes = Array.from({ length: perSecond * seconds }, async (_, turn) => {
    const due = began + (turn * 1_000) / perSecond
    await systemClock.sleep(Math.max(0, due - performance.now()))
    const sent = performance.now()
    await rename(target, turn, `at rate ${turn}`)
    return performance.now() - sent
  })
  return await Promise.all(writes)
}

async function rename({ pool, headers, nodeIds }: Target, turn: number, name: string) {
  const nodeId = nodeIds[turn % nodeIds.length]
  const path = `/v1/nodes/${nodeId}`
  const body = JSON.stringify({ name: `${nodeId} ${name}` })
  const answer = await pool.request({ method: 'PATCH', path, headers, body })
  await answer.body.dump()
  if (answer.statusCode !== 200) throw new Error(`a write was answered ${answer.statusCode}`)
}
