import { conditionForm, parseCondition } from '../../core/condition.ts'
import { AppError, badInput } from '../../core/errors.ts'
import type { Filter } from '../../core/filter.ts'
import type { Json } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import { type Model, namePlace } from '../../core/model.ts'
import { foreignCursor } from '../operation/paging.ts'
import type { ModelPlace, ResourceRow, ResourceSearch } from './queries.ts'

/** `department=Sales` as a filter; all of several must hold. Throws `bad-input`. */
function readFilters(model: Model, texts: readonly string[]): Filter | undefined {
  if (texts.length === 0) return undefined
  return { op: 'and', of: texts.map((text, index) => readFilter(model, text, index)) }
}

function readFilter(model: Model, text: string, index: number): Filter {
  const field = `query.filter.${index}`
  const condition = parseCondition(text)
  if (condition === undefined) throw badInput(field, `must have the form ${conditionForm}.`)
  const { op, property, value } = condition
  if (!model.columns.includes(property)) {
    throw badInput(field, `must name one of ${model.columns.join(', ')}.`)
  }
  if (op === 'startsWith' || op === 'endsWith' || op === 'contains') return condition
  return { op, property, value: asValue(model, property, value, field) }
}

/** Numbers compare as numbers; everything else compares as its text. */
function asValue(model: Model, property: string, text: string, field: string): Json {
  const type = model.properties.find(({ name }) => name === property)?.type
  if (text === '' || (type !== 'integer' && type !== 'number')) return text
  const number = Number(text)
  if (!Number.isFinite(number)) throw badInput(field, `must compare ${property} with a number.`)
  return number
}

export interface ListQuery {
  filter?: readonly string[] | undefined
  search?: string | undefined
  sort?: string | undefined
  after?: string | undefined
}

/**
 * What a list is asked for, as a search. Throws `bad-input` for what is no column, and
 * `unavailable` for a column that stored rows are just getting.
 */
export function readListQuery(
  model: Model,
  { modelId, filling }: ModelPlace,
  tenantId: number,
  { filter, search, sort, after }: ListQuery,
): ResourceSearch {
  const placeOf = (property: string) => {
    if (filling.includes(property)) throw stillFilling(model, property)
    return placeIn(model, property)
  }
  const sorted = readSort(model, sort)
  const place = sorted.property === undefined ? namePlace : placeOf(sorted.property)
  return {
    ...{ tenantId, modelId, placeOf },
    filter: readFilters(model, filter ?? []),
    search: search === undefined ? undefined : { text: search, places: searchPlaces(model) },
    sort: { place, descending: sorted.descending },
    after: after === undefined ? undefined : readCursor(after, sort),
  }
}

function placeIn(model: Model, property: string): number {
  return model.places[model.columns.indexOf(property)] ?? namePlace
}

function searchPlaces(model: Model): number[] {
  const first = model.columns.slice(0, limits.searchColumnsMax)
  return [...new Set([namePlace, ...first.map((column) => placeIn(model, column))])]
}

function stillFilling(model: Model, property: string): AppError {
  return new AppError(
    'unavailable',
    `Stored objects of ${model.id} are just getting the column ${property}, which came with a new version of the model. They are listed as before; filter and sort by it in some minutes.`,
  )
}

function readSort(model: Model, sort: string | undefined) {
  const descending = sort?.startsWith('-') === true
  const property = descending ? sort?.slice(1) : sort
  if (property !== undefined && !model.columns.includes(property)) {
    const problem = `must be one of ${model.columns.join(', ')}, with - before it for the reverse.`
    throw badInput('query.sort', problem)
  }
  return { property, descending }
}

/**
 * Holds the sort, since the place of one order means nothing in another, and the count, which costs
 * more than a page and is that of the first one.
 */
export function listCursor(
  sort: string | undefined,
  row: Pick<ResourceRow, 'text' | 'id'>,
  count: number,
): string {
  const place = [sort ?? '', row.text, row.id, count]
  return Buffer.from(JSON.stringify(place)).toString('base64url')
}

function readCursor(after: string, sort: string | undefined): ResourceSearch['after'] {
  try {
    const [sorted, text, id, count] = JSON.parse(Buffer.from(after, 'base64url').toString())
    const ours = sorted === (sort ?? '') && typeof text === 'string' && !text.includes('\0')
    const counted = Number.isSafeInteger(count) && count >= 0
    if (ours && counted && Number.isSafeInteger(id)) return { text, id, count }
  } catch {
    // Not ours: said below.
  }
  throw foreignCursor()
}
