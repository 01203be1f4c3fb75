import type { Static } from 'typebox'
import type { auditRoutes } from '../../contract/audit.ts'
import { type Actor, scopesPermitted } from '../../core/actor.ts'
import { limits } from '../../core/limits.ts'
import { type AuditRow, listAudit, writeAudit } from '../../store/audit.ts'
import {
  type AuditVerification,
  type ChainHead,
  type ChainPlace,
  isFreshEntry,
  newestEntry,
  readSealed,
  type SealedEntry,
  verifyChains,
} from '../../store/auditChain.ts'
import type { Database } from '../../store/database.ts'
import { inScope, type Tx } from '../../store/scope.ts'
import { homeOf, rootPath } from '../hierarchy/root.ts'
import { foreignCursor, idCursor, type PageQuery, readPage } from '../operation/paging.ts'

const auditType = 'data/Audit'

type Listed = Static<typeof auditRoutes.list.answer>
type Exported = Static<typeof auditRoutes.export.answer>
type Verified = Static<typeof auditRoutes.verify.answer>

/** The newest entries within the scope. */
export async function readAudit(
  actor: Actor,
  db: Database,
  query: PageQuery & { tenantId?: number | undefined },
): Promise<Listed> {
  const scopes = scopesPermitted(actor, 'Read', auditType)
  const before = query.after === undefined ? {} : { before: idCursor(query.after) }
  const tenant = query.tenantId === undefined ? {} : { tenantId: query.tenantId }
  return await inScope(db, scopes, (tx) =>
    readPage(
      query,
      (limit) => listAudit(tx, { ...before, ...tenant, limit }),
      showEntry,
      (row) => String(row.id),
    ),
  )
}

function showEntry({ nodePath: _, at, actor, ...row }: AuditRow): Listed['items'][number] {
  return { ...row, at: at.toISOString(), actor: actor.name }
}

/**
 * A page of the export. An export is on record once, and its pages carry the number of that entry
 * in their cursors: from wherever somebody reads without one of their own, it is a new export.
 */
export async function exportAudit(actor: Actor, db: Database, query: PageQuery): Promise<Exported> {
  const scopes = scopesPermitted(actor, 'Export', auditType)
  const { entryId, ...after } = placeOf(query.after)
  const onRecord = await exportOnRecord(actor, db, entryId)
  return await inScope(db, scopes, (tx) =>
    readPage(
      query,
      (limit) => readSealed(tx, after, limit),
      ({ id: _, entry, ...link }: SealedEntry) => ({ ...link, entry: entry ?? null }),
      ({ chain, seq }) => `${chain}-${seq}-${onRecord}`,
    ),
  )
}

/** A place, and the entry of the export that gave it out; without one, an export begins there. */
function placeOf(after: string | undefined): ChainPlace & { entryId?: number } {
  if (after === undefined) return { chain: 0, seq: 0 }
  const [chain, seq, entryId, ...rest] = after.split('-').map((text) => idCursor(text))
  if (chain === undefined || seq === undefined || rest.length > 0) throw foreignCursor()
  return { chain, seq, ...(entryId !== undefined && { entryId }) }
}

/**
 * The entry that says this actor takes the audit out: the one the cursor names, if it is theirs and
 * not old, or a new one. Not one for each page: an export by single entries would never reach an
 * end that moves on with every page.
 */
async function exportOnRecord(
  actor: Actor,
  db: Database,
  entryId: number | undefined,
): Promise<number> {
  const entry = { nodePath: homeOf(actor), actorId: actor.id, action: 'audit.export' }
  return await inScope(db, entry.nodePath, async (tx) => {
    const seconds = limits.auditExportMs / 1_000
    if (entryId !== undefined && (await isFreshEntry(tx, entryId, entry, seconds))) return entryId
    await recordReading(tx, actor, entry.action)
    return await newestEntry(tx, entry)
  })
}

/** Follows every chain within the scope. `heads` are those of an earlier export. */
export async function verifyAudit(
  actor: Actor,
  db: Database,
  { heads = [] }: { heads?: ChainHead[] | undefined },
): Promise<Verified> {
  const scopes = scopesPermitted(actor, 'Read', auditType)
  await inScope(db, homeOf(actor), (tx) => recordReading(tx, actor, 'audit.verify'))
  return showVerified(await verifyChains(db, scopes, scopes.includes(rootPath), heads))
}

function showVerified({ chains, unsealed }: AuditVerification): Verified {
  return {
    sound: unsealed === undefined && chains.every(({ fault }) => fault === undefined),
    chains: chains.map(({ head, fault, ...chain }) => ({
      ...chain,
      head: { seq: head.seq, hash: head.hash },
      fault: fault ? { seq: fault.seq, entryId: fault.id, what: fault.what } : null,
    })),
    unsealed: unsealed ? { entryId: unsealed.id, nodePath: unsealed.nodePath } : null,
  }
}

/** Who took the audit out or looked it through is part of it. */
async function recordReading(tx: Tx, actor: Actor, action: string): Promise<void> {
  await writeAudit(tx, { nodePath: homeOf(actor), actor, action, subject: 'audit', detail: {} })
}
