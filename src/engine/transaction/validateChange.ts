import { AppError, type FieldProblem } from '../../core/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import { limits } from '../../core/limits.ts'
import { type Model, type Property, writableProperty } from '../../core/model.ts'

/**
 * Refuses what the service would refuse, before anything is sent: unknown and read-only
 * properties, wrong types, too long texts, values outside an enumeration. `place` is where the
 * values stand in the request: `body.objects.0.set`.
 */
export function validateChange(model: Model, set: JsonObject, place: string): void {
  if (model.update === undefined) {
    throw new AppError('bad-input', `${model.title} is read only; nothing of it can be changed.`, {
      fields: [{ field: place, problem: 'is of a model that is read only' }],
    })
  }
  const problems: FieldProblem[] = []
  for (const name of Object.keys(set)) {
    const problem = problemOf(model, name, set[name] ?? null)
    if (problem !== undefined) problems.push({ field: `${place}.${name}`, problem })
  }
  if (problems.length > 0) {
    const [first] = problems
    throw new AppError('bad-input', `${first?.field} ${first?.problem}. Nothing was changed.`, {
      fields: problems,
    })
  }
}

function problemOf(model: Model, name: string, value: Json): string | undefined {
  if (!model.properties.some((property) => property.name === name)) {
    return `is no property of ${model.title}`
  }
  const property = writableProperty(model, name)
  if (property === undefined) return 'cannot be changed: Microsoft keeps it'
  if (property.many) {
    if (!Array.isArray(value)) return 'must be a list'
    return value.map((item) => typeProblem(property, item)).find((problem) => problem !== undefined)
  }
  return value === null ? undefined : typeProblem(property, value)
}

function typeProblem(property: Property, value: Json): string | undefined {
  switch (property.type) {
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'must be true or false'
    case 'integer':
      return Number.isSafeInteger(value) ? undefined : 'must be a whole number'
    case 'number':
      return typeof value === 'number' ? undefined : 'must be a number'
    case 'object':
      return isJsonObject(value) ? undefined : 'must be an object'
    case 'dateTime':
      return typeof value === 'string' && isMoment(value)
        ? undefined
        : 'must be a date and time such as 2026-01-31T08:00:00Z'
    default:
      return textProblem(property, value)
  }
}

function isMoment(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text) && !Number.isNaN(Date.parse(text))
}

function textProblem(property: Property, value: Json): string | undefined {
  if (typeof value !== 'string') return 'must be text'
  if (value === '') return 'must not be empty; give null to clear it'
  const max = property.maxLength ?? limits.fieldCharsMax
  if (value.length > max) return `must be at most ${max} characters`
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is these that are refused
  if (/[\u0000-\u001f\u007f]/.test(value)) return 'must not hold control characters'
  if (property.values !== undefined && !property.values.includes(value)) {
    return `must be one of ${property.values.join(', ')}`
  }
  return undefined
}
