import type { Static } from 'typebox'
import type { auditRoutes } from '../../contract/audit.ts'
import { type Actor, scopesPermitted } from '../../core/actor.ts'
import { type AuditRow, listAudit, writeAudit } from '../../store/audit.ts'
import {
  type AuditVerification,
  type ChainHead,
  type ChainPlace,
  readSealed,
  type SealedEntry,
  verifyChains,
} from '../../store/auditChain.ts'
import type { Database } from '../../store/database.ts'
import { inScope } from '../../store/scope.ts'
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

/** A page of the export. Its beginning is on record; the pages behind are the same export. */
export async function exportAudit(actor: Actor, db: Database, query: PageQuery): Promise<Exported> {
  const scopes = scopesPermitted(actor, 'Export', auditType)
  const after = placeOf(query.after)
  if (query.after === undefined) await recordReading(actor, db, 'audit.export')
  return await inScope(db, scopes, (tx) =>
    readPage(
      query,
      (limit) => readSealed(tx, after, limit),
      ({ id: _, entry, ...link }: SealedEntry) => ({ ...link, entry: entry ?? null }),
      ({ chain, seq }) => `${chain}-${seq}`,
    ),
  )
}

function placeOf(after: string | undefined): ChainPlace {
  if (after === undefined) return { chain: 0, seq: 0 }
  const [chain, seq, ...rest] = after.split('-').map((text) => idCursor(text))
  if (chain === undefined || seq === undefined || rest.length > 0) throw foreignCursor()
  return { chain, seq }
}

/** Follows every chain within the scope. `heads` are those of an earlier export. */
export async function verifyAudit(
  actor: Actor,
  db: Database,
  { heads = [] }: { heads?: ChainHead[] | undefined },
): Promise<Verified> {
  const scopes = scopesPermitted(actor, 'Read', auditType)
  await recordReading(actor, db, 'audit.verify')
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
async function recordReading(actor: Actor, db: Database, action: string): Promise<void> {
  const nodePath = homeOf(actor)
  const entry = { nodePath, actor, action, subject: 'audit', detail: {} }
  await inScope(db, nodePath, (tx) => writeAudit(tx, entry))
}
