import { createHash } from 'node:crypto'
import { type SqlBool, sql } from 'kysely'
import { within } from '../core/hierarchy.ts'
import { isJsonObject } from '../core/json.ts'
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
  /**
   * Links that the scope does not show: of a place above or beside it, or from before a move.
   * Nothing is said of them, not even that they are there.
   */
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

/** Whose doing an entry records, and where it lies. */
interface EntryKey {
  nodePath: string
  actorId: string
  action: string
}

/** Whether this very entry is one of theirs and no older than that. */
export async function isFreshEntry(
  tx: Tx,
  id: number,
  of: EntryKey,
  seconds: number,
): Promise<boolean> {
  const row = await entriesOf(tx, of)
    .where('id', '=', id)
    .where('at', '>', sql<Date>`now() - make_interval(secs => ${seconds})`)
    .executeTakeFirst()
  return row !== undefined
}

/** The newest of theirs, such as the one just written. */
export async function newestEntry(tx: Tx, of: EntryKey): Promise<number> {
  const newest = entriesOf(tx, of).orderBy('id', 'desc').limit(1)
  return (await newest.executeTakeFirstOrThrow()).id
}

function entriesOf(tx: Tx, { nodePath, actorId, action }: EntryKey) {
  return tx
    .selectFrom('audit')
    .select('id')
    .where('node_path', '=', nodePath)
    .where('action', '=', action)
    .where(sql`actor->>'id'`, '=', actorId)
}

/**
 * Goes through every link within the scope, a batch at a time. `heads` are of an earlier export: a
 * chain that ends before one, or has another hash there, was cut or made anew. With `whole` (the
 * scope of the node at the top) no link may be outside of it. In a narrower one `isLost` says it.
 */
export async function verifyChains(
  db: Database,
  scope: Scope,
  whole: boolean,
  heads: readonly ChainHead[],
): Promise<AuditVerification> {
  const reports: Walk['reports'] = new Map()
  const exported = headsByPlace(heads)
  let after: ChainPlace = { chain: 0, seq: 0 }
  for (;;) {
    const batch = await inScope(db, scope, async (tx) => {
      const links = await readSealed(tx, after, limits.auditBatchRows)
      for (const link of links) await follow(tx, { reports, exported, scope, whole }, link)
      return links
    })
    const last = batch.at(-1)
    if (last === undefined) break
    after = last
  }
  for (const head of heads) requireReached(reports, head)
  const chains = [...reports.values()]
    .map(({ lastId: _, ...report }): ChainReport => report)
    .sort((a, b) => a.chain - b.chain)
  return { chains, unsealed: await inScope(db, scope, firstUnsealed) }
}

interface Walk {
  reports: Map<number, ChainReport & { lastId: number }>
  exported: ReadonlyMap<string, string>
  scope: Scope
  whole: boolean
}

async function follow(tx: Tx, walk: Walk, link: SealedEntry): Promise<void> {
  const { chain, seq, hash, id } = link
  const report = walk.reports.get(chain) ?? emptyReport(chain)
  walk.reports.set(chain, report)
  const gap = seq - report.head.seq - 1
  if (report.fault === undefined) {
    const what = faultOf(link, report.head, gap, walk.exported)
    const lost = gap > 0 && (walk.whole || (await isLost(tx, walk.scope, report.lastId, link)))
    if (lost) report.fault = { seq: report.head.seq + 1, id: null, what: 'missing' }
    else if (what !== undefined) report.fault = { seq, id, what }
  }
  report.entries += 1
  report.unseen += gap
  report.head = { chain, seq, hash }
  report.lastId = id
}

/**
 * Whether nothing accounts for links that are missing between two. The scope of a site does not
 * show its customer's; one that holds the customer shows all of its chain, but for what was made
 * while the customer, or a node above it, was elsewhere: its coming back stands between, too. What
 * is missing before the first is not judged: a coming of nodes above the scope is not shown in it.
 */
async function isLost(tx: Tx, scope: Scope, lastId: number, link: SealedEntry): Promise<boolean> {
  if (lastId === 0) return false
  const path = nodePathOf(link)
  const ids = path.split('.')
  const customer = ids.slice(0, ids.indexOf(String(link.chain)) + 1)
  const scopes = typeof scope === 'string' ? [scope] : scope
  if (!scopes.some((each) => within(`${customer.join('.')}.`, each))) return false
  const coming = await tx
    .selectFrom('audit')
    .select('id')
    .where('id', '>', lastId)
    .where('id', '<=', link.id)
    .where('action', '=', 'node.move')
    .where(sql<SqlBool>`detail ? 'toParentId'`)
    .where(
      'subject',
      'in',
      customer.map((id) => `node:${id}`),
    )
    .limit(1)
    .executeTakeFirst()
  return coming === undefined
}

/** Empty where the entry is gone or no text of ours: that is a fault of its own. */
function nodePathOf({ entry = '{}' }: SealedEntry): string {
  const value: unknown = JSON.parse(entry)
  const path = isJsonObject(value) ? value.nodePath : undefined
  return typeof path === 'string' ? path : ''
}

function emptyReport(chain: number): ChainReport & { lastId: number } {
  const head = { chain, seq: 0, hash: '0'.repeat(64) }
  return { chain, entries: 0, unseen: 0, head, fault: undefined, lastId: 0 }
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

function requireReached(reports: Walk['reports'], head: ChainHead): void {
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
