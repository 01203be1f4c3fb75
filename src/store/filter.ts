import { type RawBuilder, type SqlBool, sql } from 'kysely'
import type { Filter } from '../core/filter.ts'
import { columnText, foldCase } from './columns.ts'

/** The character behind all others: what begins with a text lies before the text and this. */
const behindAll = '\u{10ffff}'

/**
 * A filter as a condition on `resource.cols`; `placeOf` tells where a property lies and throws for
 * one that lies nowhere. Values are parameters. Equality, order and beginnings use an index where
 * the place has one; the others look at every row of the model.
 */
export function filterSql(
  filter: Filter,
  placeOf: (property: string) => number,
): RawBuilder<SqlBool> {
  switch (filter.op) {
    case 'and':
    case 'or': {
      // No part at all: "and" of nothing holds, "or" of nothing does not, as in memory.
      if (filter.of.length === 0) return filter.op === 'and' ? sql`true` : sql`false`
      const parts = filter.of.map((part) => filterSql(part, placeOf))
      return sql`(${sql.join(parts, filter.op === 'and' ? sql` and ` : sql` or `)})`
    }
    case 'not':
      return sql`not ${filterSql(filter.of, placeOf)}`
    case 'in':
      return sql`${at(filter, placeOf)} = any(${filter.values.map(columnText)}::text[])`
    case 'startsWith': {
      const text = foldCase(filter.value)
      const column = at(filter, placeOf)
      return sql`(${column} >= ${text} and ${column} < ${text + behindAll})`
    }
    case 'endsWith': {
      const text = foldCase(filter.value)
      return sql`right(${at(filter, placeOf)}, length(${text})) = ${text}`
    }
    case 'contains':
      return sql`strpos(${at(filter, placeOf)}, ${foldCase(filter.value)}) > 0`
    case 'eq':
      return sql`${at(filter, placeOf)} = ${columnText(filter.value)}`
    case 'ne':
      return sql`${at(filter, placeOf)} <> ${columnText(filter.value)}`
    default: {
      const column = at(filter, placeOf)
      const operator = { lt: sql`<`, le: sql`<=`, gt: sql`>`, ge: sql`>=` }[filter.op]
      // What has no value is neither below nor above one.
      return sql`(${column} <> '' and ${column} ${operator} ${columnText(filter.value)})`
    }
  }
}

function at({ property }: { property: string }, placeOf: (property: string) => number) {
  return columnAt(placeOf(property))
}

/** The place is written out: an index on `cols[2]` serves no `cols[$1]`. */
export function columnAt(place: number): RawBuilder<string> {
  return sql`cols[${sql.lit(place)}]`
}
