import type { JsonObject } from '../core/json.ts'
import { type Model, namePlace } from '../core/model.ts'
import { columnText } from '../store/columns.ts'

/** A text shown in lists, and no longer than one. */
const nameCharsMax = 500

/** An object without a name goes by its key. */
export function nameOf(model: Model, data: JsonObject): string {
  const name = data[model.name]
  return (typeof name === 'string' && name !== '' ? name : String(data[model.key])).slice(
    0,
    nameCharsMax,
  )
}

/** What lists compare an object by: its name, then each column in its place. */
export function colsOf(model: Model, data: JsonObject): string[] {
  const cols: string[] = [columnText(nameOf(model, data))]
  for (const [index, column] of model.columns.entries()) {
    const place = model.places[index] ?? 0
    while (cols.length < place) cols.push('')
    if (place > namePlace) cols[place - 1] = columnText(data[column])
  }
  return cols
}
