import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { tenantFields, vaultFields } from '../../src/features/tenants/fields.ts'
import {
  tablesOfRun,
  tablesOfTenant,
  tablesOfTransaction,
} from '../../src/features/tenants/queries.ts'
import { importNames, referencedFields } from '../../src/features/tenants/reference.ts'
import { freshDatabase } from '../store/testing.ts'
import { renderFieldPage } from './fieldPage.ts'

test('docs/tenant-fields.md says what the contract says', async () => {
  await expect(renderFieldPage()).toMatchFileSnapshot('../../docs/tenant-fields.md')
})

test('every field has its title, and no name of the reference means two things', () => {
  for (const { path, schema } of referencedFields) expect([path, schema.title]).not.toContain('')
  const named = referencedFields.filter(({ schema }) => schema.reference !== undefined)
  expect(importNames.size).toBe(named.length)
  expect(importNames.get('Microsoft 365.client_secret')).toBe('graph.clientSecret')
  expect(importNames.get('Tenant.name')).toBe('name')
})

test('the fields of the vault are those the contract marks', () => {
  expect(tenantFields.length).toBeGreaterThan(20)
  expect(vaultFields.map(({ path, stored }) => `${path} ${stored}`).sort()).toEqual([
    'exchange.certificateThumbprint encrypted',
    'graph.clientSecret secret',
    'graph.proxy encrypted',
    'graph.secondClientSecret secret',
    'graph.secureProxy encrypted',
    'httpProxy.password secret',
    'powershell.password secret',
    'teams.adminPassword secret',
  ])
})

test('removing a tenant reaches every table that holds something of it', async () => {
  const { db, close } = await freshDatabase()
  async function tablesWith(column: string): Promise<string[]> {
    const found = await sql<{ name: string }>`
      select table_name as name from information_schema.columns
       where table_schema = 'patchbay' and column_name = ${column}
         and table_name not in (select inhrelid::regclass::text from pg_inherits)`.execute(
      db.kysely,
    )
    return found.rows.map((row) => row.name).sort()
  }
  const record = ['audit', 'event']
  const work = ['run', 'transaction']
  expect(await tablesWith('tenant_id')).toEqual([...tablesOfTenant, ...work, ...record].sort())
  expect(await tablesWith('run_id')).toEqual([...tablesOfRun].sort())
  expect(await tablesWith('transaction_id')).toEqual([...tablesOfTransaction].sort())
  await close()
})
