import { sql } from 'kysely'
import type { Database } from '../../../store/database.ts'
import { asStoreError } from '../../../store/errors.ts'

/** Models are not a node's data: these run outside of any scope. */
async function ask<T>(work: Promise<{ rows: T[] }>): Promise<T[]> {
  const { rows } = await work.catch((error: unknown) => {
    throw asStoreError(error)
  })
  return rows
}

/** The versions in force, by the names of their models. */
export async function versionsInForce(db: Database): Promise<number[]> {
  const rows = await ask(
    sql<{ id: number }>`
      select a.version_id as id from model m join model_activation a on a.id = m.activation_id
      order by m.name`.execute(db.kysely),
  )
  return rows.map((row) => row.id)
}

export interface StoredVersion {
  id: number
  model: string
  number: number
  text: string
  /** Where each column of the model lies in `cols`. */
  places: Record<string, number>
}

export async function selectVersions(
  db: Database,
  ids: readonly number[],
): Promise<StoredVersion[]> {
  return await ask(
    sql<StoredVersion>`
      select v.id, m.name as model, v.number, v.text,
        coalesce((select jsonb_object_agg(c.name, c.place) from model_column c
          where c.model_id = m.id), '{}') as places
      from model_version v join model m on m.id = v.model_id
      where v.id = any(${ids})`.execute(db.kysely),
  )
}
