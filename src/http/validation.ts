import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { Settings } from 'typebox/system'
import { AppError, type FieldProblem } from '../core/errors.ts'
import { isJsonObject } from '../core/json.ts'
import { limits } from '../core/limits.ts'
import { fieldPath, refuseHostile } from './jsonBody.ts'

/**
 * TypeBox checks its own schemas. Fastify's ajv was weighed: it has either one error or all of
 * them, and "all" of a megabyte of wrong items is half a million objects; it also changes values
 * when it coerces, where we want only digits to become a number.
 */
export type Check = (value: unknown) => void

// Process-wide in TypeBox; the checker stops collecting there.
Settings.Set({ maxErrors: limits.fieldProblemsMax })

/** A check that throws `bad-input` naming each field at fault; `part` begins the fields' paths. */
export function compileCheck(part: string, schema: TSchema): Check {
  const validator = Compile(schema)
  return (value) => {
    refuseHostile(part, value)
    if (validator.Check(value)) return
    const fields = namedProblems(part, schema, validator.Errors(value))
    const first = fields[0] ?? { field: part, problem: 'is not as the API describes it' }
    throw new AppError('bad-input', `${first.field} ${first.problem}`, { fields })
  }
}

interface SchemaError {
  keyword: string
  schemaPath: string
  instancePath: string
  params: object
  message: string
}

function namedProblems(part: string, schema: TSchema, errors: SchemaError[]): FieldProblem[] {
  const fields = new Map<string, string>()
  for (const error of errors) {
    for (const { field, problem } of problemsOf(part, schema, error, errors)) {
      if (!fields.has(field)) fields.set(field, problem)
    }
  }
  return [...fields].map(([field, problem]) => ({ field, problem }))
}

function problemsOf(
  part: string,
  schema: TSchema,
  error: SchemaError,
  errors: SchemaError[],
): FieldProblem[] {
  const field = pointer(error.instancePath).reduce(fieldPath, part)
  const union = error.schemaPath.lastIndexOf('/anyOf/')
  if (union >= 0) {
    const unionPath = error.schemaPath.slice(0, union)
    if (tellsMore(error)) return [{ field, problem: wording(error) }]
    const better = errors.some(
      (other) => other.schemaPath.startsWith(`${unionPath}/anyOf/`) && tellsMore(other),
    )
    return better
      ? []
      : [{ field, problem: `must be ${alternatives(schemaAt(schema, unionPath))}` }]
  }
  switch (error.keyword) {
    case 'anyOf':
      return [{ field, problem: `must be ${alternatives(schemaAt(schema, error.schemaPath))}` }]
    case 'additionalProperties':
      return []
    case 'boolean':
      return [{ field, problem: 'is not known here' }]
    case 'enum':
      return [{ field, problem: `must be ${alternatives(schemaAt(schema, error.schemaPath))}` }]
    case 'required':
      return requiredNames(error).map((name) => ({
        field: fieldPath(field, name),
        problem: 'is required',
      }))
    default:
      return [{ field, problem: wording(error) }]
  }
}

/** Within a union, "must be null" says nothing; that a text is too long for its branch does. */
function tellsMore(error: SchemaError): boolean {
  return !['type', 'const', 'anyOf', 'enum'].includes(error.keyword)
}

function wording(error: SchemaError): string {
  if (error.keyword === 'pattern') return 'holds characters, or has a form, that is not allowed'
  if (error.keyword === 'boolean') return 'is not known here'
  return error.message
}

function requiredNames(error: SchemaError): string[] {
  const names = 'requiredProperties' in error.params ? error.params.requiredProperties : []
  return Array.isArray(names) ? names.map(String) : []
}

function alternatives(schema: unknown): string {
  if (!isObject(schema)) return 'one of the values the API describes'
  if (Array.isArray(schema.enum))
    return schema.enum.map((value) => JSON.stringify(value)).join(' or ')
  if (!Array.isArray(schema.anyOf)) return String(schema.type ?? 'a value the API describes')
  return schema.anyOf
    .map((branch) =>
      isObject(branch) && 'const' in branch ? JSON.stringify(branch.const) : alternatives(branch),
    )
    .join(' or ')
}

function schemaAt(schema: TSchema, path: string): unknown {
  let at: unknown = schema
  for (const name of pointer(path.slice(1))) at = isObject(at) ? at[name] : undefined
  return at
}

function isObject(value: unknown): value is Record<string, unknown> {
  return isJsonObject(value)
}

/** The names in a JSON pointer (RFC 6901). */
function pointer(path: string): string[] {
  return path
    .split('/')
    .slice(1)
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))
}
