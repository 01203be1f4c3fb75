import type pg from 'pg'

/** What begins, and what cannot be before it where both stand in one row, as columns name it. */
const begins = ['created_at', 'requested_at', 'started_at']
const follows = [
  ...['started_at', 'last_used_at', 'ended_at'],
  ...['idle_ends_at', 'ends_at', 'expires_at'],
]

/** Every pair of times in the database of which the later is before the earlier. */
export async function negativeDurations(owner: pg.Client): Promise<string[]> {
  const { rows: columns } = await owner.query<{ table: string; name: string }>(
    `select table_name as table, column_name as name from information_schema.columns
      where table_schema = 'patchbay' and data_type like 'timestamp%'`,
  )
  const tables = Object.entries(Object.groupBy(columns, ({ table }) => table))
  const pairs = tables.flatMap(([table, of = []]) => {
    const has = ({ name }: { name: string }, among: readonly string[]) => among.includes(name)
    const later = of.filter((column) => has(column, follows))
    return of
      .filter((column) => has(column, begins))
      .flatMap(({ name: from }) =>
        later.map(({ name: to }) => ({ what: `${table}.${to} before ${from}`, table, from, to })),
      )
  })
  const looks = pairs.map(
    ({ what, table, from, to }) =>
      `select '${what}' as what from patchbay.${owner.escapeIdentifier(table)} where ${to} < ${from}`,
  )
  const { rows } = await owner.query<{ what: string }>(looks.join(' union '))
  return rows.map(({ what }) => what)
}
