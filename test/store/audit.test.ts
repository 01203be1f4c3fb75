import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Actor, allPermissions } from '../../src/core/actor.ts'
import { type AuditEntry, listAudit, writeAudit } from '../../src/store/audit.ts'
import { inScope } from '../../src/store/scope.ts'
import { type FreshDatabase, freshDatabase } from './testing.ts'

let fresh: FreshDatabase

beforeAll(async () => {
  fresh = await freshDatabase()
})
afterAll(() => fresh.close())

const actor: Actor = {
  id: 'p1',
  name: 'Ada',
  kind: 'person',
  scope: '1.',
  permissions: allPermissions,
}

function entry(nodePath: string, subject: string): AuditEntry {
  return {
    nodePath,
    actor,
    action: 'tenant.update',
    subject,
    tenantId: 7,
    detail: { before: 'a\0', after: null },
  }
}

test('entries are listed newest first, page by page, within the scope', async () => {
  await inScope(fresh.db, '1.', async (tx) => {
    for (let index = 0; index < 5; index++) await writeAudit(tx, entry('1.2.', `tenant:${index}`))
    await writeAudit(tx, entry('1.3.', 'tenant:9'))
  })
  const first = await inScope(fresh.db, '1.2.', (tx) => listAudit(tx, { limit: 3 }))
  expect(first.map((row) => row.subject)).toEqual(['tenant:4', 'tenant:3', 'tenant:2'])
  const before = first.at(-1)?.id ?? 0
  const second = await inScope(fresh.db, '1.2.', (tx) => listAudit(tx, { limit: 3, before }))
  expect(second.map((row) => row.subject)).toEqual(['tenant:1', 'tenant:0'])
  expect(second[0]).toMatchObject({ actor, action: 'tenant.update', tenantId: 7 })
})

test('an audit that cannot be written takes its transaction with it', async () => {
  let told: unknown
  const swallowing = inScope(fresh.db, '1.2.', async (tx) => {
    const row = { run_id: 1, model_id: 1, key: null, reason: 'x', node_path: '1.2.' }
    await tx.insertInto('sync_rejected').values(row).execute()
    await writeAudit(tx, entry('1.3.', 'elsewhere')).catch((error) => {
      told = error
    })
  })
  await expect(swallowing).rejects.toThrow('rolled back')
  expect(told).toMatchObject({ code: 'unavailable', status: 503 })
  const kept = await inScope(fresh.db, '1.', (tx) =>
    tx.selectFrom('sync_rejected').selectAll().execute(),
  )
  expect(kept).toEqual([])
})
