import type { Static } from 'typebox'
import type { TenantUpdate } from '../../contract/tenantFields.ts'
import { type Actor, scopesOf } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import type { JsonObject } from '../../core/json.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { type PolicyReach, reachAt } from '../egress/reach.ts'
import { requireIdle } from '../hierarchy/active.ts'
import { record } from '../operation/record.ts'
import type { Store } from '../operation/store.ts'
import { openTenant, permittedTenant, showTenant } from './access.ts'
import { type OpenedTenant, type TenantAnswer, toSettings } from './answer.ts'
import {
  checkWithCertificate,
  identityOf,
  readName,
  rulesOf,
  secretChanges,
  withTenantId,
  writeSecrets,
} from './check.ts'
import { type Draft, draftChange } from './draft.ts'
import { type FieldPath, type Given, isInVault, readGiven } from './fields.ts'
import { type Directory, firstRecordAbove, orAttachedAlready } from './microsoftTenant.ts'
import * as queries from './queries.ts'

/**
 * Changes what is given and keeps the rest; null clears. A stored secret is dropped when the change
 * would have sent it elsewhere and it is not given anew. Throws `bad-input` with every field at
 * fault, `conflict` when the Microsoft tenant is attached elsewhere or its objects are still here.
 */
export async function updateTenant(
  actor: Actor,
  store: Store,
  directory: Directory,
  tenantId: number,
  input: Static<typeof TenantUpdate>,
): Promise<TenantAnswer> {
  const before = await inScope(store.db, scopesOf(actor), (tx) =>
    permittedTenant(tx, store, actor, 'Update', tenantId),
  )
  const given = await withTenantId(directory, readGiven(input), before.values)
  const policy = await reachAt(store.db, before.row.node_path, directory.proxies)
  return await inScope(store.db, scopesOf(actor), async (tx) => {
    const tenant = await permittedTenant(tx, store, actor, 'Update', tenantId, 'update')
    const { name, description } = input
    const changed = await changeTenant(tx, actor, store, directory, tenant, {
      ...{ given, policy, action: 'tenant.update' },
      name: name === undefined ? tenant.row.name : readName(name),
      description: description === undefined ? tenant.description : description,
    })
    return await showTenant(tx, changed)
  })
}

interface TenantChange {
  given: Given
  name: string
  description: string | null
  /** What its addresses may be; without it none of them may change. */
  policy?: PolicyReach
  /** How the audit calls it. */
  action: string
}

/** One change of a tenant that the transaction has locked, with all its rules and on record. */
export async function changeTenant(
  tx: Tx,
  actor: Actor,
  store: Store,
  directory: Directory,
  tenant: OpenedTenant,
  { given, policy, name, description, action }: TenantChange,
): Promise<OpenedTenant> {
  const { row } = tenant
  const draft = draftChange(tenant, given)
  const head = name !== row.name || description !== tenant.description
  if (!head && draft.changed.length === 0) return tenant
  await checkWithCertificate(tx, actor, rulesOf(store, directory, policy), draft, row.node_path)
  const identity = identityOf(draft)
  const belowTenantId = await recordAbove(tx, row, identity)
  const secrets = await secretChanges(tx, store, row, draft)
  await record(tx, actor, {
    nodePath: row.node_path,
    tenantId: row.id,
    action,
    subject: `tenant:${row.id}`,
    detail: { ...describe(tenant, draft), secrets, ...(head && { name, description }) },
  })
  const settings = toSettings(description, draft.values)
  const written = await orAttachedAlready(() =>
    queries.updateTenantRow(tx, row.id, { ...identity, name, belowTenantId, settings }),
  )
  await writeSecrets(tx, store, row, draft)
  const signIn = draft.changed.filter((path) => path.startsWith('graph.'))
  if (signIn.length > 0) await queries.forgetEnds(tx, row.id, signIn)
  if (signIn.some((path) => !isSecond(path))) await queries.forgetTest(tx, row.id)
  return await openTenant(tx, store, written)
}

/** What stands beside the credential says nothing of the connection. */
function isSecond(path: FieldPath): boolean {
  return path === 'graph.secondClientSecret' || path === 'graph.secondCertificateId'
}

/**
 * The first record of the Microsoft tenant above this one. Another Microsoft tenant may take the
 * place of the former only while nothing of that one is here: its objects and delta tokens would
 * be taken for the new one's, and the first sync would find all of them removed.
 */
async function recordAbove(
  tx: Tx,
  row: queries.TenantRow,
  { cloud, microsoftTenantId }: { cloud: string; microsoftTenantId: string },
): Promise<number | null> {
  const same = cloud === row.cloud && microsoftTenantId === row.microsoft_tenant_id
  if (same) return row.below_tenant_id
  await requireIdle(tx, [row.id])
  const [below] = await queries.selectRecordsBelow(tx, row.id)
  if (below !== undefined) {
    throw new AppError(
      'conflict',
      `${below.name} below this node is attached to the same Microsoft tenant. Nothing was changed; remove it first, or change it first.`,
    )
  }
  if (await queries.hasObjects(tx, row.id)) {
    throw new AppError(
      'conflict',
      'Objects of the former Microsoft tenant are stored here. Nothing was changed; delete this tenant and attach the other one anew.',
    )
  }
  return await firstRecordAbove(
    tx,
    { path: row.node_path, tenantId: row.id },
    cloud,
    microsoftTenantId,
  )
}

/** For the audit: what was and is, and which secrets were dropped for what change. */
function describe(tenant: OpenedTenant, draft: Draft): JsonObject {
  const before: JsonObject = {}
  const after: JsonObject = {}
  for (const path of draft.changed) {
    if (isInVault(path)) continue
    before[path] = tenant.values[path] ?? null
    after[path] = draft.values[path] ?? null
  }
  return { before, after, secretsDropped: Object.fromEntries(draft.dropped) }
}
