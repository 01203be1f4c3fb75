import type { Static } from 'typebox'
import type { Tenant } from '../../contract/tenantFields.ts'
import { isJsonObject, type JsonObject } from '../../core/json.ts'
import type { Sealed } from '../../core/secret.ts'
import type { Tx } from '../../store/scope.ts'
import type { Vault } from '../../store/vault.ts'
import { type Stored, shownText } from './draft.ts'
import { type FieldPath, tenantFields, type Values, vaultFields } from './fields.ts'
import { type ConnectionRow, selectConnections, selectHeld, type TenantRow } from './queries.ts'

export type TenantAnswer = Static<typeof Tenant>
type GroupAnswers = Pick<TenantAnswer, (typeof tenantFields)[number]['group']>

/** A tenant with what the vault tells of it. */
export interface OpenedTenant extends Stored {
  row: TenantRow
  description: string | null
  changedAt: ReadonlyMap<FieldPath, Date>
}

export function ownerOf(tenantId: number): string {
  return `tenant:${tenantId}`
}

/** Opens the encrypted fields, which are shown; secrets stay closed. */
export async function openTenants(
  tx: Tx,
  vault: Vault,
  rows: readonly TenantRow[],
): Promise<OpenedTenant[]> {
  const held = await selectHeld(
    tx,
    rows.map((row) => ownerOf(row.id)),
  )
  const opened: OpenedTenant[] = []
  for (const row of rows) {
    const owner = ownerOf(row.id)
    const changedAt = new Map<FieldPath, Date>()
    const shown = new Map<FieldPath, Sealed>()
    for (const { path, stored } of vaultFields) {
      const state = held.find((secret) => secret.owner === owner && secret.field === path)
      if (state === undefined) continue
      changedAt.set(path, state.changedAt)
      const secret =
        stored === 'encrypted' ? await vault.get(tx, { owner, field: path }) : undefined
      if (secret !== undefined) shown.set(path, secret)
    }
    opened.push({ row, ...readSettings(row), held: new Set(changedAt.keys()), shown, changedAt })
  }
  return opened
}

/** `settings` as the row holds it: the description, and every plain field by its path. */
export function toSettings(description: string | null, values: Values): JsonObject {
  const { 'graph.tenantId': _id, 'graph.cloud': _cloud, ...rest } = values
  return { description, ...rest }
}

function readSettings(row: TenantRow): { description: string | null; values: Values } {
  const { description, ...rest } = row.settings
  const values = { ...rest, 'graph.tenantId': row.microsoft_tenant_id, 'graph.cloud': row.cloud }
  // Written by `toSettings` alone, from Values.
  return {
    description: typeof description === 'string' ? description : null,
    values: values as Values,
  }
}

export async function showTenants(
  tx: Tx,
  opened: readonly OpenedTenant[],
): Promise<TenantAnswer[]> {
  const connections = await selectConnections(
    tx,
    opened.map(({ row }) => row.id),
  )
  return opened.map((tenant) =>
    showTenant(
      tenant,
      connections.filter((connection) => connection.tenant_id === tenant.row.id),
    ),
  )
}

function showTenant(tenant: OpenedTenant, connections: readonly ConnectionRow[]): TenantAnswer {
  const { row } = tenant
  return {
    id: row.id,
    nodeId: row.node_id,
    nodePath: row.node_path,
    version: row.version,
    name: row.name,
    description: tenant.description,
    ...showGroups(tenant),
    connections: connections.map(({ wire, state, message, checked_at }) => ({
      wire,
      state,
      message,
      checkedAt: checked_at?.toISOString() ?? null,
    })),
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  }
}

function showGroups(tenant: OpenedTenant): GroupAnswers {
  const groups: JsonObject = {}
  for (const { path, group, name, stored, default: preset } of tenantFields) {
    groups[group] ??= {}
    const members = groups[group]
    if (!isJsonObject(members)) continue
    if (stored === 'secret') {
      const at = tenant.changedAt.get(path)
      members[name] = { set: at !== undefined, changedAt: at?.toISOString() ?? null }
    } else if (stored === 'encrypted') {
      const secret = tenant.shown.get(path)
      members[name] = secret === undefined ? null : shownText(path, secret)
    } else {
      members[name] = tenant.values[path] ?? preset ?? null
    }
  }
  // The contract names the same groups and fields as the list they are made from.
  return groups as unknown as GroupAnswers
}
