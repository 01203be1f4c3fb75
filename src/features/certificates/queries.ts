import type { Insertable, Selectable } from 'kysely'
import { limits } from '../../core/limits.ts'
import type { Tx } from '../../store/scope.ts'
import type { CertificateTable } from '../../store/tables/hierarchy.ts'

export type CertificateRow = Selectable<CertificateTable>

export async function selectCertificates(
  tx: Tx,
  afterId: number,
  limit: number,
): Promise<CertificateRow[]> {
  return await tx
    .selectFrom('certificate')
    .selectAll()
    .where('id', '>', afterId)
    .orderBy('id')
    .limit(limit)
    .execute()
}

export async function selectCertificate(
  tx: Tx,
  id: number,
  lock?: 'share' | 'update',
): Promise<CertificateRow | undefined> {
  const query = tx.selectFrom('certificate').selectAll().where('id', '=', id)
  if (lock === 'share') return await query.forShare().executeTakeFirst()
  if (lock === 'update') return await query.forUpdate().executeTakeFirst()
  return await query.executeTakeFirst()
}

export async function insertCertificate(
  tx: Tx,
  certificate: Insertable<CertificateTable>,
): Promise<CertificateRow> {
  return await tx
    .insertInto('certificate')
    .values(certificate)
    .returningAll()
    .executeTakeFirstOrThrow()
}

export async function deleteCertificateRow(tx: Tx, id: number): Promise<void> {
  await tx.deleteFrom('certificate').where('id', '=', id).execute()
}

/** The tenants that sign in with it. They lie at its node or below, so all of them are visible. */
export async function selectUsers(tx: Tx, id: number): Promise<{ id: number; name: string }[]> {
  return await tx
    .selectFrom('tenant')
    .select(['id', 'name'])
    .where((where) =>
      where.or(
        (['graph.certificateId', 'graph.secondCertificateId'] as const).map((field) =>
          where(where.ref('settings', '->>').key(field), '=', String(id)),
        ),
      ),
    )
    .orderBy('name')
    .execute()
}

/** Those of a name, from the top of the hierarchy down. */
export async function findCertificates(tx: Tx, name: string): Promise<CertificateRow[]> {
  return await tx
    .selectFrom('certificate')
    .selectAll()
    .where('name', '=', name)
    .orderBy('node_path')
    .limit(limits.listRowsMax)
    .execute()
}
