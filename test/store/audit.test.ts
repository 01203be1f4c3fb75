import { createHash } from 'node:crypto'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Actor, allPermissions } from '../../src/core/actor.ts'
import { limits } from '../../src/core/limits.ts'
import { type AuditEntry, listAudit, writeAudit } from '../../src/store/audit.ts'
import {
  type ChainHead,
  type ChainReport,
  readSealed,
  verifyChains,
} from '../../src/store/auditChain.ts'
import { inScope, type Scope } from '../../src/store/scope.ts'
import { type FreshDatabase, freshDatabase } from './testing.ts'

let fresh: FreshDatabase
/** The owner of the database: neither rights nor row-level security hold them. */
let owner: pg.Client
const { lockWaitMs } = limits

beforeAll(async () => {
  // Two tests wait for all of it.
  Object.assign(limits, { lockWaitMs: 1_000 })
  fresh = await freshDatabase()
  owner = new pg.Client({
    connectionString: fresh.url.reveal(),
    options: '-c search_path=patchbay,public -c timezone=Asia/Kolkata',
  })
  await owner.connect()
  await owner.query(`insert into node (id, parent_id, kind, name, node_path) values
    (1, null, 'provider', 'p', '1.'), (2, 1, 'customer', 'a', '1.2.'),
    (3, 1, 'customer', 'b', '1.3.'), (4, 2, 'site', 's', '1.2.4.')`)
})
afterAll(async () => {
  Object.assign(limits, { lockWaitMs })
  await owner.end()
  await fresh.close()
})

const actor: Actor = {
  id: 'p1',
  name: 'Ada',
  kind: 'person',
  grants: [{ scope: '1.', permissions: allPermissions }],
}

function entry(nodePath: string, subject: string, detail = {}): AuditEntry {
  return { nodePath, actor, action: 'tenant.update', subject, tenantId: 7, detail }
}

const write = (nodePath: string, subject: string, detail = {}) =>
  inScope(fresh.db, '1.', (tx) => writeAudit(tx, entry(nodePath, subject, detail)))

const verify = (heads: readonly ChainHead[] = [], scope: Scope = '1.') =>
  verifyChains(fresh.db, scope, scope === '1.', heads)

async function chainOf(chain: number): Promise<ChainReport | undefined> {
  return (await verify()).chains.find((report) => report.chain === chain)
}

/** As the owner, with the trigger that seals switched off, as an intruder would. */
async function tamper(...statements: string[]): Promise<void> {
  await owner.query('begin; alter table audit disable trigger seal_audit')
  for (const statement of statements) await owner.query(statement)
  await owner.query('alter table audit enable trigger seal_audit; commit')
}

test('entries are listed newest first, page by page, within the scope', async () => {
  await inScope(fresh.db, '1.', async (tx) => {
    for (let index = 0; index < 5; index++) await writeAudit(tx, entry('1.2.', `tenant:${index}`))
    await writeAudit(tx, entry('1.3.', 'tenant:9', { before: 'a\0' }))
  })
  const first = await inScope(fresh.db, '1.2.', (tx) => listAudit(tx, { limit: 3 }))
  expect(first.map((row) => row.subject)).toEqual(['tenant:4', 'tenant:3', 'tenant:2'])
  const before = first.at(-1)?.id ?? 0
  const second = await inScope(fresh.db, '1.2.', (tx) => listAudit(tx, { limit: 3, before }))
  expect(second.map((row) => row.subject)).toEqual(['tenant:1', 'tenant:0'])
  // Who it was, and not what they might: that changes.
  const { id, name, kind } = actor
  expect(second[0]).toMatchObject({ action: 'tenant.update', tenantId: 7 })
  expect(second[0]?.actor).toEqual({ id, name, kind })
})

describe('I2: an audit that cannot be written', () => {
  /** A change with its audit entry, the error of which is swallowed; what was told and kept. */
  async function attempt(nodePath = '1.2.') {
    let told: unknown
    const work = inScope(fresh.db, '1.2.', async (tx) => {
      const row = { run_id: 1, model_id: 1, key: null, reason: 'x', node_path: '1.2.' }
      await tx.insertInto('sync_rejected').values(row).execute()
      await writeAudit(tx, entry(nodePath, 'x')).catch((error) => {
        told = error
      })
    })
    const end = await work.then(
      () => undefined,
      (error: unknown) => error,
    )
    const kept = await owner.query('select from sync_rejected')
    return { told: told ?? end, kept: kept.rowCount }
  }

  afterEach(() =>
    owner.query(`drop trigger if exists full_up on audit; drop trigger if exists full_up on audit_seal;
      grant insert on audit to patchbay_app; alter table if exists gone rename to audit_seal;
      delete from sync_rejected`),
  )

  // Without the catch of writeAudit, each of these gives an error that tells nothing of the audit.
  test.each([
    ['lies outside the scope', '1.3.', 'select', 'audit-refused'],
    ['lacks the right', '1.2.', 'revoke insert on audit from patchbay_app', 'audit-refused'],
    ['has lost its seals', '1.2.', 'alter table audit_seal rename to gone', 'audit-refused'],
    ['finds the disk full', '1.2.', raising('audit', '53100'), 'unavailable'],
    ['finds it full while sealing', '1.2.', raising('audit_seal', '53100'), 'unavailable'],
  ])('because it %s takes its transaction with it', async (_why, path, break_, code) => {
    await owner.query(break_)
    const { told, kept } = await attempt(path)
    expect(told).toMatchObject({ code, status: 503 })
    expect(kept).toBe(0)
  })

  test.each(['audit', 'audit_seal'])(
    'because %s is locked: 503, and nothing done',
    async (table) => {
      await owner.query(`begin; lock table ${table} in access exclusive mode`)
      const { told } = await attempt()
      await owner.query('rollback')
      expect(told).toMatchObject({ code: 'unavailable', status: 503 })
      expect((await owner.query('select from sync_rejected')).rowCount).toBe(0)
    },
    20_000,
  )
})

/** Fails every insert with a state, as PostgreSQL would. */
function raising(table: string, state: string): string {
  return `create or replace function full_up() returns trigger language plpgsql as
    $$ begin raise exception 'no space' using errcode = '${state}'; end $$;
    create trigger full_up before insert on ${table} execute function full_up()`
}

describe('I4: the chain', () => {
  test('is one per customer, sites included, and one above all customers', async () => {
    await write('1.2.4.', 'site')
    await write('1.2.', 'customer')
    await write('1.', 'provider')
    const { chains, unsealed } = await verify()
    expect(chains.map(({ chain, fault }) => [chain, fault])).toEqual([
      [1, undefined],
      [2, undefined],
      [3, undefined],
    ])
    expect(unsealed).toBeUndefined()
    expect((await chainOf(1))?.entries).toBe(1)
  })

  test('holds, whatever characters, numbers and lengths the entries have', async () => {
    const detail = {
      text: 'é\u{1f600}\u2028\n"\\\u0001',
      lone: '\ud800',
      numbers: [1e300, -0.1, 1e-7, 9007199254740991],
      long: 'x'.repeat(100_000),
      deep: { a: [{ b: null, ä: true }] },
    }
    await write('1.2.', 'subject\nwith\u2028lines\0', detail)
    expect(await chainOf(2)).toMatchObject({ fault: undefined })
  })

  test('is anybody to check: SHA-256 over the hash before and the exported text', async () => {
    const links = await inScope(fresh.db, '1.2.', (tx) => readSealed(tx, { chain: 0, seq: 0 }, 100))
    let previous = '0'.repeat(64)
    for (const [index, link] of links.entries()) {
      const bytes = Buffer.concat([Buffer.from(previous, 'hex'), Buffer.from(link.entry ?? '')])
      expect(link.previous).toBe(previous)
      expect(link.hash).toBe(createHash('sha256').update(bytes).digest('hex'))
      expect(JSON.parse(link.entry ?? '')).toMatchObject({ chain: 2, seq: index + 1, id: link.id })
      expect(link.entry).not.toMatch(/[\r\n]/)
      previous = link.hash
    }
  })

  test('stays whole under many at once, across customers and back', async () => {
    const before = (await verify()).chains.reduce((sum, { entries }) => sum + entries, 0)
    await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        inScope(fresh.db, '1.', async (tx) => {
          await writeAudit(tx, entry(index % 3 ? '1.2.' : '1.3.', 'first'))
          if (index % 2 === 0) await writeAudit(tx, entry('1.3.', 'second'))
        }).catch((error) => {
          // Two that cross: one is told to come again, with nothing done.
          expect(error).toMatchObject({ code: 'unavailable' })
        }),
      ),
    )
    const { chains, unsealed } = await verify()
    expect(chains.every(({ fault, unseen }) => fault === undefined && unseen === 0)).toBe(true)
    expect(unsealed).toBeUndefined()
    expect(chains.reduce((sum, { entries }) => sum + entries, 0)).toBeGreaterThan(before + 60)
  })

  test('is sealed by a look at its last link alone, however long it has grown', async () => {
    // A database of its own: plans are made while the chain is empty, and kept.
    const young = await freshDatabase()
    try {
      for (let count = 0; count < 200; count++) {
        await inScope(young.db, '1.', (tx) => writeAudit(tx, entry('1.', `tenant:${count}`)))
      }
      await young.db.pool.query('select pg_stat_force_next_flush()')
      const { rows } = await young.db.pool.query<{ read: number }>(`
        select seq_tup_read + idx_tup_fetch as read from pg_stat_all_tables
         where schemaname = 'patchbay' and relname = 'audit_seal'`)
      expect(rows[0]?.read).toBeGreaterThan(100)
      expect(rows[0]?.read).toBeLessThan(400)
    } finally {
      await young.close()
    }
  })

  test('shows a smaller scope its own links, and counts those it does not show', async () => {
    const { chains } = await verify([], '1.2.4.')
    expect(chains).toMatchObject([{ chain: 2, entries: 1, fault: undefined }])
    expect(chains[0]?.unseen).toBeGreaterThan(0)
    expect((await verify([], '1.3.')).chains.map(({ chain }) => chain)).toEqual([3])
  })

  test('is begun for what was on record before there were chains, in its order', async () => {
    const order = () => owner.query('select audit_id from audit_seal where chain = 2 order by seq')
    await owner.query('begin')
    await owner.query(
      `delete from audit_seal;
       with earlier as (delete from audit returning *)
         insert into audit overriding system value select * from earlier order by id;
       set constraints all immediate`,
    )
    const ids = (await order()).rows.map(({ audit_id }) => Number(audit_id))
    expect(ids).toEqual([...ids].sort((a, b) => a - b))
    expect(ids.length).toBeGreaterThan(10)
    await owner.query('rollback')
  })
})

/** I4. With the comparison of `hash` in auditChain.ts taken out, "changed" is not found. */
describe('I4: the owner of the database is found out who', () => {
  let heads: ChainHead[]
  const at = (seq: number) => `(select audit_id from audit_seal where chain = 3 and seq = ${seq})`

  beforeAll(async () => {
    for (let index = 0; index < 8; index++) await write('1.3.', `entry ${index}`)
    await owner.query(
      'create table kept_audit as table audit; create table kept_seal as table audit_seal',
    )
    heads = (await verify()).chains.map(({ head }) => head)
  })
  afterEach(() =>
    tamper(
      'delete from audit; delete from audit_seal',
      'insert into audit overriding system value select * from kept_audit',
      'insert into audit_seal select * from kept_seal',
    ),
  )

  test.each([
    ['changes an entry', 'changed', 4, [`update audit set detail = '{"a":1}' where id = ${at(4)}`]],
    ['changes who did it', 'changed', 5, [`update audit set actor = '{}' where id = ${at(5)}`]],
    ['changes the time', 'changed', 2, [`update audit set at = now() where id = ${at(2)}`]],
    ['deletes an entry', 'missing', 4, [`delete from audit where id = ${at(4)}`]],
    [
      'deletes an entry with its seal',
      'missing',
      4,
      [
        `delete from audit where id = ${at(4)}`,
        'delete from audit_seal where chain = 3 and seq = 4',
      ],
    ],
    [
      'closes the gap behind it',
      'out-of-order',
      4,
      [
        'delete from audit_seal where chain = 3 and seq = 4',
        'update audit_seal set seq = 1 - seq where chain = 3 and seq > 4',
        'update audit_seal set seq = -seq where chain = 3 and seq < 0',
      ],
    ],
    [
      'swaps two entries',
      'changed',
      3,
      [
        `update audit_seal set audit_id = -audit_id where chain = 3 and seq in (3, 4)`,
        `update audit_seal a set audit_id = -b.audit_id from audit_seal b
          where a.chain = 3 and b.chain = 3 and a.seq in (3, 4) and b.seq = 7 - a.seq`,
      ],
    ],
    [
      'swaps two links',
      'out-of-order',
      3,
      [
        'update audit_seal set seq = -seq where chain = 3 and seq in (3, 4)',
        'update audit_seal set seq = 7 + seq where chain = 3 and seq < 0',
      ],
    ],
    [
      'cuts off the beginning',
      'missing',
      1,
      ['delete from audit_seal where chain = 3 and seq < 3'],
    ],
  ] as const)('%s', async (_what, what, seq, statements) => {
    await tamper(...statements)
    expect((await chainOf(3))?.fault).toMatchObject({ what, seq })
    expect((await chainOf(2))?.fault).toBeUndefined()
  })

  // The scope of chain 3's customer holds all of it, so nothing else accounts for a hole.
  test.each([
    ['4', 1],
    ['4, 5, 6', 3],
  ])('deletes entries with their seals (%s), in a scope below the top', async (seqs, unseen) => {
    const which = `chain = 3 and seq in (${seqs})`
    await tamper(
      `delete from audit where id in (select audit_id from audit_seal where ${which})`,
      `delete from audit_seal where ${which}`,
    )
    const { chains } = await verify([], '1.3.')
    expect(chains).toMatchObject([{ chain: 3, unseen, fault: { what: 'missing', seq: 4 } }])
  })

  test('and nobody else: what a customer did while it was elsewhere is not shown, and no hole', async () => {
    const came = { ...entry('1.3.', 'node:3', { toParentId: 1 }), action: 'node.move' }
    await write('1.9.3.', 'elsewhere')
    await inScope(fresh.db, '1.', (tx) => writeAudit(tx, came))
    await write('1.3.', 'here again')
    expect((await verify([], '1.3.')).chains).toMatchObject([{ unseen: 1, fault: undefined }])
    // Before all that is shown may lie the move of a node above, of which a customer is not told.
    await write('1.2.', 'here')
    await write('1.9.2.', 'never came')
    await write('1.2.', 'here again')
    expect((await verify([], ['1.2.', '1.3.'])).chains[0]?.fault).toMatchObject({ what: 'missing' })
    expect((await verify([], '1.9.2.')).chains).toMatchObject([{ entries: 1, fault: undefined }])
  })

  test('puts an entry beside the chains', async () => {
    await tamper(
      `insert into audit (node_path, actor, action, subject, detail) values ('1.3.', '{}', 'a', 'b', '{}')`,
    )
    expect((await verify()).unsealed).toMatchObject({ nodePath: '1.3.' })
  })

  // Only what was kept elsewhere can tell of these: the rest of the chain holds.
  test('cuts off the end, by the head of an export', async () => {
    await tamper(
      `delete from audit where id in (select audit_id from audit_seal where chain = 3 and seq > 5)`,
      'delete from audit_seal where chain = 3 and seq > 5',
    )
    expect((await chainOf(3))?.fault).toBeUndefined()
    const found = (await verify(heads)).chains.find(({ chain }) => chain === 3)
    expect(found?.fault).toEqual({ seq: 6, id: null, what: 'cut-off' })
  })

  test('removes a whole chain, by the head of an export', async () => {
    await tamper(
      `delete from audit where node_path = '1.3.'`,
      'delete from audit_seal where chain = 3',
    )
    const found = (await verify(heads)).chains.find(({ chain }) => chain === 3)
    expect(found?.fault).toEqual({ seq: 1, id: null, what: 'cut-off' })
  })

  test('makes the chain anew around a change, by the head of an export', async () => {
    await tamper(`update audit set subject = 'forged' where id = ${at(4)}`)
    await owner.query(
      `begin; delete from audit_seal where chain = 3;
       with earlier as (delete from audit where node_path = '1.3.' returning *)
         insert into audit overriding system value select * from earlier order by id; commit`,
    )
    expect((await chainOf(3))?.fault).toBeUndefined()
    const found = (await verify(heads)).chains.find(({ chain }) => chain === 3)
    expect(found?.fault?.what).toBe('not-as-exported')
  })
})

/** I5. With one of these rights granted, its line fails. */
test.each([
  `update audit set subject = 'x'`,
  'delete from audit',
  'truncate audit',
  `update audit_seal set seq = 9`,
  'delete from audit_seal',
  `insert into audit_seal values (9, 1, 1, '1.', '', '')`,
  'alter table audit disable trigger seal_audit',
  'create temporary table t (like audit); create trigger t after insert on t for each row execute function patchbay.seal_audit()',
])('I5: the application may not: %s', async (statement) => {
  const work = inScope(fresh.db, '1.', (tx) => tx.client.query(statement))
  await expect(work).rejects.toMatchObject({ code: '42501' })
})
