import { sql } from 'kysely'
import type { Database } from '../../src/store/database.ts'
import { inScope } from '../../src/store/scope.ts'
import { users } from '../engine/transactionCases.ts'

/** The keys of those whom no role at Microsoft protects: the emulated tenant has administrators. */
export async function peopleWithoutRole(db: Database): Promise<string[]> {
  const found = await inScope(db, '1.', (tx) =>
    sql<{ key: string }>`select key from resource join model on model.id = model_id
      where model.name = ${users} and not exists (select from link where to_key = key
        and kind in ('roleHolder', 'roleAssignment')) order by key`.execute(tx),
  )
  return found.rows.map(({ key }) => key)
}

/** What somebody was refused, as it is on record: what it was about, and why. */
export async function refusalsOf(db: Database, actorId: string): Promise<string[]> {
  return await inScope(db, '1.', async (tx) => {
    const rows = await tx
      .selectFrom('audit')
      .select(['subject', 'detail'])
      .where('action', '=', 'access.refused')
      .where(sql<string>`actor ->> 'id'`, '=', actorId)
      .execute()
    return rows.map(({ subject, detail }) => `${subject} ${detail.code}`)
  })
}

/** Behind the back of everything: no request can. */
export async function setTransactionState(db: Database, id: number, state: string): Promise<void> {
  await inScope(db, '1.', (tx) =>
    sql`update transaction set state = ${state} where id = ${id}`.execute(tx),
  )
}
