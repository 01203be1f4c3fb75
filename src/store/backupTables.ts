import pg from 'pg'
import type { Sealed } from '../core/secret.ts'
import { asStoreError } from './errors.ts'

/**
 * What a backup leaves out. Workers are processes of the moment; which migrations ran stands in the
 * first line; the transaction in which an event was emitted (`event.tx`) means nothing in another
 * database: it is given anew; what was swept, and how far alerts were looked for, is told of by
 * that number alone.
 */
const leftOut = ['migration', 'worker', 'event_swept', 'alert_place']
const givenAnew = ['event.tx']

export interface TableShape {
  table: string
  columns: string[]
}

/** Every table of ours with its columns. */
export async function tablesOf(client: pg.Client): Promise<TableShape[]> {
  const { rows } = await client.query<{ table: string; column: string }>(
    `select c.relname as table, a.attname as column from pg_attribute a
       join pg_class c on c.oid = a.attrelid
      where c.relnamespace = 'patchbay'::regnamespace and c.relkind in ('r', 'p')
        and not c.relispartition and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
      order by c.relname, a.attnum`,
  )
  const shapes = new Map<string, string[]>()
  for (const { table, column } of rows) {
    if (leftOut.includes(table) || givenAnew.includes(`${table}.${column}`)) continue
    shapes.set(table, [...(shapes.get(table) ?? []), column])
  }
  return [...shapes].map(([table, columns]) => ({ table, columns }))
}

/** `patchbay.node (id, name)`: names come from the catalogue or were compared with it. */
export function quoted({ table, columns }: TableShape): { name: string; list: string } {
  const name = `patchbay.${pg.escapeIdentifier(table)}`
  return { name, list: columns.map((column) => pg.escapeIdentifier(column)).join(', ') }
}

/**
 * Runs `work` in one transaction as the owner of the tables, who sees all rows. `mode`: what
 * follows `begin`.
 */
export async function asOwner<T>(
  ownerUrl: Sealed,
  mode: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString: ownerUrl.reveal(),
    application_name: 'patchbay backup',
    options: '-c timezone=UTC -c datestyle=ISO -c extra_float_digits=3',
  })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query(`begin ${mode}`)
    await client.query(
      `set local role patchbay_owner; set local search_path = patchbay; set local patchbay.scope = '0'; set local patchbay.scope_end = ':'`,
    )
    const result = await work(client)
    await client.query('commit')
    return result
  } catch (error) {
    throw asStoreError(error)
  } finally {
    // Whatever was not committed is rolled back by the server.
    await client.end().catch(() => {})
  }
}
