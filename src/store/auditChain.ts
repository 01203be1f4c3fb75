import { createHash } from 'node:crypto'
import { type SqlBool, sql } from 'kysely'
import { limits } from '../core/limits.ts'
import type { Database } from './database.ts'
import { inScope, type Scope, type Tx } from './scope.ts'

/** A place in a chain: the customer's node id, and the how manieth entry of that customer. */
export interface ChainPlace {
  chain: number
  seq: number
}

/** The newest link of a chain at some time, kept where the database's owner cannot reach it. */
export interface ChainHead extends ChainPlace {
  /** Hexadecimal. */
  hash: string
}

/** One entry as it was sealed: `hash` is SHA-256 over the bytes of `previous` and of `entry`. */
export interface SealedEntry extends ChainHead {
  /** The entry's own number. */
  id: number
  /** Hexadecimal, 64 zeros for the first of a chain. */
  previous: string
  /** JSON text, byte for byte as it was hashed. Undefined when the entry is gone. */
  entry: string | undefined
}

export type ChainFault = 'missing' | 'changed' | 'out-of-order' | 'not-as-exported' | 'cut-off'

/** What is to be said of one chain, as far as the scope shows it. */
export interface ChainReport {
  chain: number
  entries: number
  /** Links that lie outside the scope: of a place above or beside it, or from before a move. */
  unseen: number
  head: ChainHead
  /** The first entry at fault. */
  fault: { seq: number; id: number | null; what: ChainFault } | undefined
}

export interface AuditVerification {
  chains: ChainReport[]
  /** The first entry that was put beside the chains. */
  unsealed: { id: number; nodePath: string } | undefined
}

/**
 * The text under the hash, as `seal_audit` built it at the commit (migration 0010). Said here again
 * and not asked of a function of the database, which its owner could replace.
 */
const entryText = sql<string | null>`case when audit.id is not null then jsonb_build_object(
    'chain', audit_seal.chain, 'seq', audit_seal.seq, 'id', audit.id,
    'at', to_char(audit.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'nodePath', audit.node_path, 'actor', audit.actor, 'action', audit.action,
    'tenantId', audit.tenant_id, 'subject', audit.subject, 'detail', audit.detail
  )::text end`

/** The sealed entries within the scope behind a place, chain by chain. */
export async function readSealed(tx: Tx, after: ChainPlace, limit: number): Promise<SealedEntry[]> {
  const rows = await tx
    .selectFrom('audit_seal')
    .leftJoin('audit', 'audit.id', 'audit_seal.audit_id')
    .select(['audit_seal.chain', 'audit_seal.seq', 'audit_seal.audit_id as id'])
    .select([sql<string>`encode(previous, 'hex')`.as('previous'), entryText.as('entry')])
    .select(sql<string>`encode(hash, 'hex')`.as('hash'))
    .where(sql<SqlBool>`(chain, seq) > (${after.chain}::bigint, ${after.seq}::bigint)`)
    .orderBy('chain')
    .orderBy('seq')
    .limit(limit)
    .execute()
  return rows.map(({ entry, ...row }) => ({ ...row, entry: entry ?? undefined }))
}

/**
 * Goes through every link within the scope, a batch at a time. `heads` are of an earlier export: a
 * chain that ends before one, or has another hash there, was cut or made anew. With `whole` (the
 * scope of the node at the top) no link may be outside of it.
 */
export async function verifyChains(
  db: Database,
  scope: Scope,
  whole: boolean,
  heads: readonly ChainHead[],
): Promise<AuditVerification> {
  const reports = new Map<number, ChainReport>()
  const exported = headsByPlace(heads)
  let after: ChainPlace = { chain: 0, seq: 0 }
  for (;;) {
    const batch = await inScope(db, scope, (tx) => readSealed(tx, after, limits.auditBatchRows))
    for (const link of batch) follow(reports, exported, whole, link)
    const last = batch.at(-1)
    if (last === undefined) break
    after = last
  }
  for (const head of heads) requireReached(reports, head)
  const chains = [...reports.values()].sort((a, b) => a.chain - b.chain)
  return { chains, unsealed: await inScope(db, scope, firstUnsealed) }
}

function follow(
  reports: Map<number, ChainReport>,
  exported: ReadonlyMap<string, string>,
  whole: boolean,
  link: SealedEntry,
): void {
  const { chain, seq, hash, id } = link
  const report = reports.get(chain) ?? emptyReport(chain)
  reports.set(chain, report)
  const gap = seq - report.head.seq - 1
  if (report.fault === undefined) {
    const what = faultOf(link, report.head, gap, exported)
    if (gap > 0 && whole) report.fault = { seq: report.head.seq + 1, id: null, what: 'missing' }
    else if (what !== undefined) report.fault = { seq, id, what }
  }
  report.entries += 1
  report.unseen += gap
  report.head = { chain, seq, hash }
}

function emptyReport(chain: number): ChainReport {
  const head = { chain, seq: 0, hash: '0'.repeat(64) }
  return { chain, entries: 0, unseen: 0, head, fault: undefined }
}

function faultOf(
  link: SealedEntry,
  head: ChainHead,
  gap: number,
  exported: ReadonlyMap<string, string>,
): ChainFault | undefined {
  if (link.entry === undefined) return 'missing'
  if (gap === 0 && link.previous !== head.hash) return 'out-of-order'
  const bytes = createHash('sha256').update(Buffer.from(link.previous, 'hex'))
  if (bytes.update(link.entry).digest('hex') !== link.hash) return 'changed'
  const kept = exported.get(`${link.chain}-${link.seq}`)
  return kept === undefined || kept === link.hash ? undefined : 'not-as-exported'
}

function headsByPlace(heads: readonly ChainHead[]): Map<string, string> {
  return new Map(heads.map(({ chain, seq, hash }) => [`${chain}-${seq}`, hash]))
}

function requireReached(reports: Map<number, ChainReport>, head: ChainHead): void {
  const report = reports.get(head.chain) ?? emptyReport(head.chain)
  reports.set(head.chain, report)
  if (report.head.seq >= head.seq) return
  report.fault ??= { seq: report.head.seq + 1, id: null, what: 'cut-off' }
}

async function firstUnsealed(tx: Tx): Promise<AuditVerification['unsealed']> {
  return await tx
    .selectFrom('audit')
    .leftJoin('audit_seal', 'audit_seal.audit_id', 'audit.id')
    .select(['audit.id', 'audit.node_path as nodePath'])
    .where('audit_seal.audit_id', 'is', null)
    .orderBy('audit.id')
    .limit(1)
    .executeTakeFirst()
}
