import type { Static } from 'typebox'
import type { TenantCreate } from '../../contract/tenantFields.ts'
import { type Actor, scopesOf, scopesPermitted } from '../../core/actor.ts'
import { AppError, type FieldProblem } from '../../core/errors.ts'
import { inScope } from '../../store/scope.ts'
import { reachAt } from '../egress/reach.ts'
import { permittedNode } from '../hierarchy/access.ts'
import { idCursor, type PageOf, type PageQuery, readPage } from '../operation/paging.ts'
import { record } from '../operation/record.ts'
import type { Store } from '../operation/store.ts'
import { openTenant, permittedTenant, showTenant, tenantType } from './access.ts'
import { openTenants, showTenants, type TenantAnswer, toSettings } from './answer.ts'
import {
  checkWithCertificate,
  identityOf,
  readName,
  rulesOf,
  secretChanges,
  withTenantId,
  writeSecrets,
} from './check.ts'
import { draftChange, type Stored } from './draft.ts'
import { readGiven } from './fields.ts'
import {
  type Directory,
  firstRecordAbove,
  nodeTaken,
  orAttachedAlready,
} from './microsoftTenant.ts'
import * as queries from './queries.ts'

const nothingStored: Stored = { values: {}, held: new Set(), shown: new Map() }

/** The tenants within the scope, oldest first. */
export async function listTenants(
  actor: Actor,
  store: Store,
  query: PageQuery,
): Promise<PageOf<TenantAnswer>> {
  const scopes = scopesPermitted(actor, 'Read', tenantType)
  const after = idCursor(query.after)
  return await inScope(store.db, scopes, async (tx) => {
    const page = await readPage(
      query,
      (limit) => queries.selectTenants(tx, after, limit),
      (row) => row,
      (row) => String(row.id),
    )
    const opened = await openTenants(tx, store.vault, page.items)
    return { items: await showTenants(tx, opened), next: page.next }
  })
}

/** Throws `not-found`, `not-permitted`. */
export async function readTenant(
  actor: Actor,
  store: Store,
  tenantId: number,
): Promise<TenantAnswer> {
  return await inScope(store.db, scopesOf(actor), async (tx) => {
    return await showTenant(tx, await permittedTenant(tx, store, actor, 'Read', tenantId))
  })
}

/** Throws `bad-input` with every field at fault, `conflict` when node or tenant is taken. */
export async function createTenant(
  actor: Actor,
  store: Store,
  directory: Directory,
  input: Static<typeof TenantCreate>,
): Promise<TenantAnswer> {
  const { tenant } = await addTenant(actor, store, directory, input)
  return tenant ?? lost()
}

export interface Added {
  /** Undefined after a dry run. */
  tenant: TenantAnswer | undefined
  /** What is still to be given before anybody can sign in. */
  lacked: FieldProblem[]
}

/** As `createTenant`; an import may lack secrets, and may only be asked what it would do. */
export async function addTenant(
  actor: Actor,
  store: Store,
  directory: Directory,
  input: Static<typeof TenantCreate>,
  how: { mayLackSecrets?: boolean; dryRun?: boolean } = {},
): Promise<Added> {
  const place = await inScope(store.db, scopesOf(actor), (tx) =>
    permittedNode(tx, actor, 'Create', tenantType, input.nodeId),
  )
  const name = readName(input.name)
  const given = await withTenantId(directory, readGiven(input), {})
  const policy = await reachAt(store.db, place.path, directory.proxies)
  const rules = rulesOf(store, directory, policy)
  const draft = draftChange(nothingStored, given)
  return await inScope(store.db, scopesOf(actor), async (tx) => {
    const node = await permittedNode(tx, actor, 'Create', tenantType, input.nodeId, 'share')
    const { mayLackSecrets } = how
    const { path } = node
    const lacked = await checkWithCertificate(tx, actor, rules, draft, path, mayLackSecrets)
    if (await queries.selectTenantAtNode(tx, node.id)) throw nodeTaken()
    const { cloud, microsoftTenantId } = identityOf(draft)
    const belowTenantId = await firstRecordAbove(tx, node, cloud, microsoftTenantId)
    if (how.dryRun) return { tenant: undefined, lacked }
    const settings = toSettings(input.description ?? null, draft.values)
    const row = await orAttachedAlready(() =>
      queries.insertTenant(tx, {
        ...{ nodeId: node.id, nodePath: node.path, name, settings },
        ...{ cloud, microsoftTenantId, belowTenantId },
      }),
    )
    const secrets = await secretChanges(tx, store, row, draft)
    await record(tx, actor, {
      nodePath: row.node_path,
      tenantId: row.id,
      action: 'tenant.create',
      subject: `tenant:${row.id}`,
      detail: { name, nodeId: node.id, values: settings, secrets },
    })
    await writeSecrets(tx, store, row, draft)
    await queries.insertConnection(tx, row, 'graph')
    return { tenant: await showTenant(tx, await openTenant(tx, store, row)), lacked }
  })
}

function lost(): never {
  throw new AppError('internal', 'A tenant that was just made is not there.')
}
