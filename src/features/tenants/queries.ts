import { type Selectable, sql } from 'kysely'
import type { JsonObject } from '../../core/json.ts'
import { runPrepared, type Tx } from '../../store/scope.ts'
import type { ConnectionTable, TenantTable } from '../../store/tables/hierarchy.ts'
import { toJsonb } from '../../store/text.ts'

export type TenantRow = Selectable<TenantTable>
export type ConnectionRow = Pick<
  Selectable<ConnectionTable>,
  'tenant_id' | 'wire' | 'state' | 'message' | 'checked_at'
>

export async function selectTenants(tx: Tx, afterId: number, limit: number): Promise<TenantRow[]> {
  return await tx
    .selectFrom('tenant')
    .selectAll()
    .where('id', '>', afterId)
    .orderBy('id')
    .limit(limit)
    .execute()
}

export async function selectTenant(
  tx: Tx,
  id: number,
  lock?: 'update',
): Promise<TenantRow | undefined> {
  const query = tx.selectFrom('tenant').selectAll().where('id', '=', id)
  return await (lock === undefined ? query : query.forUpdate()).executeTakeFirst()
}

/** What was done with the tenant: models with objects that are there, and of `kinds` of steps. */
export async function selectUsage(
  tx: Tx,
  tenantId: number,
  kinds: readonly string[],
): Promise<{ models: Set<string>; steps: Set<string> }> {
  const { rows } = await sql<{ kind: string }>`
    select kind from unnest(${[...kinds]}::text[]) as asked (kind) where exists (
      select from transaction t join transaction_step s on s.transaction_id = t.id
       where t.tenant_id = ${tenantId} and s.kind = asked.kind)`.execute(tx)
  const models = await selectStoredModels(tx, tenantId)
  return { models, steps: new Set(rows.map(({ kind }) => kind)) }
}

async function selectStoredModels(tx: Tx, tenantId: number): Promise<Set<string>> {
  const { rows } = await sql<{ name: string }>`
    select m.name from model m where exists (select from resource r
      where r.tenant_id = ${tenantId} and r.model_id = m.id and r.removed_at is null)`.execute(tx)
  return new Set(rows.map(({ name }) => name))
}

export async function selectTenantAtNode(tx: Tx, nodeId: number): Promise<TenantRow | undefined> {
  return await tx.selectFrom('tenant').selectAll().where('node_id', '=', nodeId).executeTakeFirst()
}

export async function selectTenantPath(
  tx: Tx,
  id: number,
  lock?: 'share',
): Promise<string | undefined> {
  const query = tx.selectFrom('tenant').select('node_path').where('id', '=', id)
  const [row] = await runPrepared(tx, `tenant path ${lock}`, lock ? query.forShare() : query)
  return row?.node_path
}

/** The visible records of one Microsoft tenant, from the top down. */
export async function selectSameTenants(
  tx: Tx,
  cloud: string,
  microsoftTenantId: string,
): Promise<TenantRow[]> {
  return await tx
    .selectFrom('tenant')
    .selectAll()
    .where('cloud', '=', cloud)
    .where('microsoft_tenant_id', '=', microsoftTenantId)
    .orderBy('node_path')
    .execute()
}

export interface NewTenant {
  nodeId: number
  nodePath: string
  name: string
  cloud: string
  microsoftTenantId: string
  belowTenantId: number | null
  settings: JsonObject
}

export async function insertTenant(tx: Tx, tenant: NewTenant): Promise<TenantRow> {
  return await tx
    .insertInto('tenant')
    .values({
      node_id: tenant.nodeId,
      node_path: tenant.nodePath,
      name: tenant.name,
      cloud: tenant.cloud,
      microsoft_tenant_id: tenant.microsoftTenantId,
      below_tenant_id: tenant.belowTenantId,
      settings: toJsonb(tenant.settings),
    })
    .returningAll()
    .executeTakeFirstOrThrow()
}

export async function selectConnections(tx: Tx, ids: readonly number[]): Promise<ConnectionRow[]> {
  if (ids.length === 0) return []
  return await tx
    .selectFrom('connection')
    .select(['tenant_id', 'wire', 'state', 'message', 'checked_at'])
    .where('tenant_id', 'in', ids)
    .orderBy('wire')
    .execute()
}

export async function insertConnection(
  tx: Tx,
  tenant: Pick<TenantRow, 'id' | 'node_path'>,
  wire: string,
): Promise<void> {
  await tx
    .insertInto('connection')
    .values({ tenant_id: tenant.id, wire, node_path: tenant.node_path, state: 'untested' })
    .execute()
}

export interface HeldSecret {
  owner: string
  field: string
  changedAt: Date
}

export async function selectHeld(tx: Tx, owners: readonly string[]): Promise<HeldSecret[]> {
  if (owners.length === 0) return []
  return await tx
    .selectFrom('secret')
    .select(['owner', 'field', 'changed_at as changedAt'])
    .where('owner', 'in', owners)
    .execute()
}

export interface TenantChange {
  name: string
  cloud: string
  microsoftTenantId: string
  belowTenantId: number | null
  settings: JsonObject
}

export async function updateTenantRow(
  tx: Tx,
  id: number,
  change: TenantChange,
): Promise<TenantRow> {
  return await tx
    .updateTable('tenant')
    .set((where) => ({
      name: change.name,
      cloud: change.cloud,
      microsoft_tenant_id: change.microsoftTenantId,
      below_tenant_id: change.belowTenantId,
      settings: toJsonb(change.settings),
      version: where('version', '+', 1),
      updated_at: sql<Date>`clock_timestamp()`,
    }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** What the last test found is not about the new credentials. */
export async function forgetTest(tx: Tx, tenantId: number): Promise<void> {
  await tx
    .updateTable('connection')
    .set({ state: 'untested', message: '', report: null, checked_at: null })
    .where('tenant_id', '=', tenantId)
    .execute()
}

/**
 * Of a sign-in that was changed: dates given for what `fields` held, and refusals of what was there
 * before. What Microsoft tells is read again at once.
 */
export async function forgetEnds(
  tx: Tx,
  tenantId: number,
  fields: readonly string[],
): Promise<void> {
  await tx
    .deleteFrom('credential')
    .where('tenant_id', '=', tenantId)
    .where('foreign_id', 'in', fields)
    .execute()
  await tx.deleteFrom('credential_refusal').where('tenant_id', '=', tenantId).execute()
  await tx.deleteFrom('credential_look').where('tenant_id', '=', tenantId).execute()
}

/** The records of the same Microsoft tenant that were attached below this one. */
export async function selectRecordsBelow(tx: Tx, id: number): Promise<{ name: string }[]> {
  return await tx.selectFrom('tenant').select('name').where('below_tenant_id', '=', id).execute()
}

export async function hasObjects(tx: Tx, tenantId: number): Promise<boolean> {
  const found = await tx
    .selectFrom('resource')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .limit(1)
    .executeTakeFirst()
  return found !== undefined
}

/** Counted up to `limit`: counting all of a large tenant takes longer than anybody waits. */
export async function countObjects(tx: Tx, tenantId: number, limit: number): Promise<number> {
  const some = tx.selectFrom('resource').select('id').where('tenant_id', '=', tenantId).limit(limit)
  const { count } = await tx
    .selectFrom(some.as('some'))
    .select((where) => where.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return count
}

/** The tables that hold rows of a tenant, and the column that leads from them to it. */
export const tablesOfTenant = [
  'resource',
  'resource_data',
  'link',
  'resource_change',
  'sync_state',
  'schedule',
  'sync_due',
  'sync_rule',
  'sync_scope',
  'subscription',
  'connection',
  'credential',
  'credential_look',
  'credential_refusal',
  'second_credential',
] as const
export const tablesOfRun = ['run_model', 'sync_page', 'sync_rejected', 'removal'] as const
export const tablesOfTransaction = ['transaction_step'] as const

/** The tenant's row last: everything else names it. Audit and events are a record and stay. */
export async function deleteEverything(tx: Tx, tenantId: number): Promise<void> {
  for (const table of tablesOfRun) {
    await sql`delete from ${sql.table(table)} where run_id in
      (select id from run where tenant_id = ${tenantId})`.execute(tx)
  }
  for (const table of tablesOfTransaction) {
    await sql`delete from ${sql.table(table)} where transaction_id in
      (select id from transaction where tenant_id = ${tenantId})`.execute(tx)
  }
  for (const table of [...tablesOfTenant, 'run', 'transaction']) {
    await sql`delete from ${sql.table(table)} where tenant_id = ${tenantId}`.execute(tx)
  }
  await tx.deleteFrom('tenant').where('id', '=', tenantId).execute()
}

/** The report of the last test; null when there was none. */
export async function selectReport(tx: Tx, tenantId: number): Promise<JsonObject | null> {
  const row = await tx
    .selectFrom('connection')
    .select('report')
    .where('tenant_id', '=', tenantId)
    .where('wire', '=', 'graph')
    .executeTakeFirst()
  return row?.report ?? null
}

export interface KeptReport {
  state: ConnectionTable['state']
  message: string
  report: object
}

/** Unless the tenant was changed meanwhile: then the test was about something else. */
export async function keepReport(
  tx: Tx,
  tenant: Pick<TenantRow, 'id' | 'version'>,
  { state, message, report }: KeptReport,
): Promise<void> {
  await tx
    .updateTable('connection')
    .set({ state, message, report: toJsonb(report), checked_at: sql<Date>`clock_timestamp()` })
    .where('tenant_id', '=', tenant.id)
    .where('wire', '=', 'graph')
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('tenant')
          .select('id')
          .where('id', '=', tenant.id)
          .where('version', '=', tenant.version),
      ),
    )
    .execute()
}
