import { readFile } from 'node:fs/promises'
import type pg from 'pg'

/** The golden file of the codes of the audit; `removals.*` stands for a word and a decision. */
const listed = readFile(new URL('auditActions.txt', import.meta.url), 'utf8')

/** The codes on record in a database that the golden file does not have. */
export async function unlistedCodes(database: pg.Client): Promise<string[]> {
  const codes = new Set((await listed).trimEnd().split('\n'))
  const { rows } = await database.query<{ action: string }>(
    'select distinct action from patchbay.audit order by action',
  )
  return rows
    .map(({ action }) => action)
    .filter((action) => !codes.has(action) && !codes.has(action.replace(/\..*/, '.*')))
}
