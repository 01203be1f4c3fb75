import type { Static } from 'typebox'
import type { TenantCreate } from '../../contract/tenantFields.ts'
import { type Actor, type Operation, requirePermission } from '../../core/actor.ts'
import { AppError } from '../../core/errors.ts'
import { within } from '../../core/hierarchy.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { certificateType } from '../certificates/access.ts'
import { selectCertificate } from '../certificates/queries.ts'
import { notFound, permittedNode } from '../hierarchy/access.ts'
import { idCursor, type PageOf, type PageQuery, readPage } from '../hierarchy/paging.ts'
import { record } from '../hierarchy/record.ts'
import type { Store } from '../hierarchy/store.ts'
import {
  type OpenedTenant,
  openTenants,
  ownerOf,
  showTenants,
  type TenantAnswer,
  toSettings,
} from './answer.ts'
import { checkDraft, type Draft, draftChange, refused, type Stored } from './draft.ts'
import { type Given, readGiven } from './fields.ts'
import {
  type Directory,
  firstRecordAbove,
  nodeTaken,
  orAttachedAlready,
  resolveTenantId,
} from './microsoftTenant.ts'
import * as queries from './queries.ts'

/** The type by which access profiles name tenants. */
export const tenantType = 'relation/MicrosoftTenant'

const nothingStored: Stored = { values: {}, held: new Set(), shown: new Map() }

/** The tenants within the scope, oldest first. */
export async function listTenants(
  actor: Actor,
  store: Store,
  query: PageQuery,
): Promise<PageOf<TenantAnswer>> {
  requirePermission(actor, 'Read', tenantType, actor.scope)
  const after = idCursor(query.after)
  return await inScope(store.db, actor.scope, async (tx) => {
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
  return await inScope(store.db, actor.scope, async (tx) => {
    return await show(tx, await permittedTenant(tx, store, actor, 'Read', tenantId))
  })
}

/** Throws `bad-input` with every field at fault, `conflict` when node or Microsoft tenant is taken. */
export async function createTenant(
  actor: Actor,
  store: Store,
  directory: Directory,
  input: Static<typeof TenantCreate>,
): Promise<TenantAnswer> {
  await inScope(store.db, actor.scope, (tx) =>
    permittedNode(tx, actor, 'Create', tenantType, input.nodeId),
  )
  const name = readName(input.name)
  const draft = await makeDraft(directory, nothingStored, readGiven(input))
  return await inScope(store.db, actor.scope, async (tx) => {
    const node = await permittedNode(tx, actor, 'Create', tenantType, input.nodeId, 'share')
    await checkAgainstRest(tx, actor, directory, draft, node.path)
    if (await queries.selectTenantAtNode(tx, node.id)) throw nodeTaken()
    const { cloud, microsoftTenantId } = identityOf(draft)
    const belowTenantId = await firstRecordAbove(tx, node, cloud, microsoftTenantId)
    const settings = toSettings(input.description ?? null, draft.values)
    const row = await orAttachedAlready(() =>
      queries.insertTenant(tx, {
        ...{ nodeId: node.id, nodePath: node.path, name, settings },
        ...{ cloud, microsoftTenantId, belowTenantId },
      }),
    )
    await record(tx, actor, {
      nodePath: row.node_path,
      tenantId: row.id,
      action: 'tenant.create',
      subject: `tenant:${row.id}`,
      detail: { name, nodeId: node.id, values: settings, secrets: [...draft.put.keys()] },
    })
    await writeSecrets(tx, store, row, draft)
    await queries.insertConnection(tx, row, 'graph')
    return await show(tx, await openTenant(tx, store, row))
  })
}

/** The tenant, when the actor may do `operation` with it. */
export async function permittedTenant(
  tx: Tx,
  store: Store,
  actor: Actor,
  operation: Operation,
  tenantId: number,
  lock?: 'update',
): Promise<OpenedTenant> {
  const row = await queries.selectTenant(tx, tenantId, lock)
  if (row === undefined) throw notFound('tenant')
  requirePermission(actor, operation, tenantType, row.node_path)
  return await openTenant(tx, store, row)
}

export async function openTenant(
  tx: Tx,
  store: Store,
  row: queries.TenantRow,
): Promise<OpenedTenant> {
  const [opened] = await openTenants(tx, store.vault, [row])
  if (opened === undefined) throw new AppError('internal', 'A tenant that was read is not there.')
  return opened
}

async function show(tx: Tx, tenant: OpenedTenant): Promise<TenantAnswer> {
  const [answer] = await showTenants(tx, [tenant])
  if (answer === undefined) throw new AppError('internal', 'A tenant that was read is not there.')
  return answer
}

/** A domain in the place of the tenant id is looked up first: what is stored is the id. */
async function makeDraft(directory: Directory, stored: Stored, given: Given): Promise<Draft> {
  const text = given.values['graph.tenantId']
  if (typeof text === 'string') {
    const cloud = given.values['graph.cloud'] ?? stored.values['graph.cloud'] ?? 'global'
    given.values['graph.tenantId'] = await resolveTenantId(directory, cloud, text)
  }
  return draftChange(stored, given)
}

/** The rules, with what they need from other rows: the certificate the tenant names. */
async function checkAgainstRest(
  tx: Tx,
  actor: Actor,
  directory: Directory,
  draft: Draft,
  nodePath: string,
): Promise<void> {
  const clouds = [...directory.clouds.keys()]
  const field = 'graph.certificateId'
  const certificateId = draft.values[field]
  if (certificateId === undefined) return checkDraft(draft, { certificate: undefined, clouds })
  const chosen = await selectCertificate(tx, certificateId, 'share')
  if (chosen === undefined) {
    throw refused([{ field, problem: 'names no certificate within your scope.' }])
  }
  requirePermission(actor, 'Read', certificateType, chosen.node_path)
  if (!within(nodePath, chosen.node_path)) {
    const problem = "must be a certificate of the tenant's own node or of one above it."
    throw refused([{ field, problem }])
  }
  const { thumbprint, thumbprint_sha256: thumbprintSha256 } = chosen
  checkDraft(draft, { certificate: { thumbprint, thumbprintSha256 }, clouds })
}

function identityOf({ values }: Draft): { cloud: string; microsoftTenantId: string } {
  const { 'graph.cloud': cloud, 'graph.tenantId': microsoftTenantId } = values
  if (typeof cloud === 'string' && typeof microsoftTenantId === 'string') {
    return { cloud, microsoftTenantId }
  }
  throw new AppError('internal', 'A tenant passed its rules without cloud and tenant id.')
}

async function writeSecrets(
  tx: Tx,
  store: Store,
  row: queries.TenantRow,
  draft: Draft,
): Promise<void> {
  const owner = ownerOf(row.id)
  for (const path of draft.drop) await store.vault.drop(tx, owner, path)
  for (const [path, secret] of draft.put) {
    await store.vault.put(tx, owner, row.node_path, path, secret)
  }
}

function readName(text: string): string {
  const name = text.trim()
  if (name === '') throw refused([{ field: 'name', problem: 'is empty.' }])
  return name
}
