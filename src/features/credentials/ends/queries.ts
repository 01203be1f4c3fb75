import { sql } from 'kysely'
import { scopeEnd } from '../../../core/hierarchy.ts'
import type { Tx } from '../../../store/scope.ts'
import type { CredentialTable } from '../../../store/tables/credentials.ts'

/** A tenant whose ends are to be read; it is taken by putting it off until `next`. */
export interface DueTenant {
  tenantId: number
  nodePath: string
}

export async function takeDueTenant(tx: Tx, now: Date, next: Date): Promise<DueTenant | undefined> {
  const { rows } = await sql<DueTenant>`
    insert into credential_look as look (tenant_id, node_path, due_at)
    (select t.id, t.node_path, ${next} from tenant t
       left join credential_look known on known.tenant_id = t.id
      where known.tenant_id is null or known.due_at <= ${now}
      order by known.due_at nulls first limit 1)
    on conflict (tenant_id) do update set due_at = excluded.due_at where look.due_at <= ${now}
    returning tenant_id as "tenantId", node_path as "nodePath"`.execute(tx)
  return rows[0]
}

export async function noteLook(
  tx: Tx,
  { tenantId, nodePath }: DueTenant,
  dueAt: Date,
  unreadable: string | null,
): Promise<void> {
  const values = { node_path: nodePath, due_at: dueAt, unreadable }
  await tx
    .insertInto('credential_look')
    .values({ tenant_id: tenantId, ...values })
    .onConflict((conflict) => conflict.column('tenant_id').doUpdateSet(values))
    .execute()
}

export interface FoundEnd {
  foreignId: string
  name: string
  used: boolean
  extends: boolean
  endsAt: Date
}

/**
 * What Microsoft tells now takes the place of what it told before, and of what a person gave. What
 * had ended before it was ever seen is no news.
 */
export async function replaceEnds(
  tx: Tx,
  { tenantId, nodePath }: DueTenant,
  kind: CredentialTable['kind'],
  found: readonly FoundEnd[],
  now: Date,
): Promise<void> {
  await tx
    .deleteFrom('credential')
    .where('tenant_id', '=', tenantId)
    .where('kind', '=', kind)
    .where((where) =>
      where.or([
        where('source', '=', 'given'),
        where.not(
          where(
            'foreign_id',
            '=',
            where.fn.any(where.val(found.map(({ foreignId }) => foreignId))),
          ),
        ),
      ]),
    )
    .execute()
  for (const end of found) {
    await sql`insert into credential
        (tenant_id, node_path, kind, foreign_id, name, used, extends, ends_at, source, read_at)
      select ${tenantId}, ${nodePath}, ${kind}, ${end.foreignId}, ${end.name}, ${end.used},
        ${end.extends}, ${end.endsAt}, 'microsoft', ${now}
       where ${end.endsAt}::timestamptz > ${now} or exists (select from credential
         where tenant_id = ${tenantId} and kind = ${kind} and foreign_id = ${end.foreignId})
      on conflict (tenant_id, kind, foreign_id) do update set name = excluded.name,
        used = excluded.used, extends = excluded.extends, ends_at = excluded.ends_at,
        read_at = excluded.read_at`.execute(tx)
  }
}

/** A person's word on a credential whose end cannot be read; null takes it back. */
export async function giveEnd(
  tx: Tx,
  { tenantId, nodePath }: DueTenant,
  field: string,
  endsAt: Date | null,
  now: Date,
): Promise<void> {
  const key = { tenant_id: tenantId, kind: 'secret' as const, foreign_id: field }
  await tx
    .deleteFrom('credential')
    .where('tenant_id', '=', tenantId)
    .where('kind', '=', 'secret')
    .where('foreign_id', '=', field)
    .execute()
  if (endsAt === null) return
  const rest = { node_path: nodePath, name: 'client secret', used: true, ends_at: endsAt }
  await tx
    .insertInto('credential')
    .values({ ...key, ...rest, source: 'given', read_at: now })
    .execute()
}

export interface EndRow {
  /** `credential:7`, `certificate:3`, `token:2`, or `tenant:9` of a secret whose end is unknown. */
  subject: string
  kind: 'secret' | 'certificate' | 'gdap' | 'token'
  name: string
  nodePath: string
  tenantId: number | null
  tenantName: string | null
  used: boolean
  extends: boolean
  endsAt: Date | null
  source: 'microsoft' | 'given' | 'own' | null
  unreadable: string | null
}

/**
 * Everything with an end, by its end and then by its name here. Tokens know their scope but have no
 * policy: they are read before any scope is known. No time is finer than the milliseconds of the
 * place behind which a list goes on.
 */
function everything(scopes: readonly string[]) {
  const ends = scopes.map(scopeEnd)
  return sql`
    select 'credential:' || c.id as subject, c.kind, c.name, c.node_path as "nodePath",
      c.tenant_id as "tenantId", t.name as "tenantName", c.used, c.extends, c.ends_at as "endsAt",
      c.source, null as unreadable
      from credential c join tenant t on t.id = c.tenant_id
    union all
    select 'certificate:' || id, 'certificate', name, node_path, null, null, true, false,
      not_after, 'own', null from certificate
    union all
    select 'token:' || id, 'token', name, scope, null, null, true, false,
      date_trunc('milliseconds', expires_at), 'own', null
      from access_token
     where expires_at is not null and ended_at is null and exists (
       select from unnest(${scopes}::text[], ${ends}::text[]) as within (low, high)
        where scope collate "C" >= low and scope collate "C" < high)
    union all
    select 'tenant:' || t.id, 'secret', 'client secret', t.node_path, t.id, t.name, true, false,
      null, null, coalesce(l.unreadable, '')
      from tenant t join secret s on s.owner = 'tenant:' || t.id and s.field = 'graph.clientSecret'
      left join credential_look l on l.tenant_id = t.id
     where not exists (
       select from credential c where c.tenant_id = t.id and c.kind = 'secret' and c.used)`
}

export interface EndPlace {
  endsAt: Date | null
  subject: string
}

export async function selectEnds(
  tx: Tx,
  scopes: readonly string[],
  after: EndPlace | undefined,
  limit: number,
): Promise<EndRow[]> {
  const place = sql`coalesce("endsAt", 'infinity'::timestamptz), subject`
  const behind =
    after === undefined
      ? sql`true`
      : sql`(${place}) > (coalesce(${after.endsAt}::timestamptz, 'infinity'), ${after.subject})`
  const { rows } = await sql<EndRow>`
    select * from (${everything(scopes)}) ends where ${behind} order by ${place} limit ${limit}`.execute(
    tx,
  )
  return rows
}

export interface EndingRow extends EndRow {
  endsAt: Date
}

/**
 * What ends before `until` and was not told of yet at its number of days. `days` falls from one
 * threshold to the next, so whoever comes late finds the nearest only.
 */
export async function selectUntold(
  tx: Tx,
  scopes: readonly string[],
  thresholds: readonly number[],
  now: Date,
  limit: number,
): Promise<(EndingRow & { days: number })[]> {
  const { rows } = await sql<EndingRow & { days: number }>`
    select ends.*, reached.days from (${everything(scopes)}) ends
      cross join lateral (select min(day) as days from unnest(${[...thresholds]}::int[]) as day
        where ends."endsAt" <= ${now}::timestamptz + make_interval(days => day)) reached
      left join credential_told told on told.subject = ends.subject
        and told.ends_at = ends."endsAt"
     where reached.days is not null and used and not extends
       and (told.days is null or told.days > reached.days)
     order by ends."endsAt" limit ${limit}`.execute(tx)
  return rows
}

/** Answers whether nobody told of it before. */
export async function noteTold(
  tx: Tx,
  {
    subject,
    endsAt,
    nodePath,
    days,
  }: Pick<EndingRow, 'subject' | 'endsAt' | 'nodePath'> & {
    days: number
  },
): Promise<boolean> {
  const { rows } = await sql`
    insert into credential_told as told (subject, ends_at, node_path, days)
    values (${subject}, ${endsAt}, ${nodePath}, ${days})
    on conflict (subject, ends_at) do update set days = excluded.days
      where told.days > excluded.days
    returning days`.execute(tx)
  return rows.length > 0
}
