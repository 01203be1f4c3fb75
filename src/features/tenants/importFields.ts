import { AppError, type FieldProblem } from '../../core/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../../core/json.ts'
import { importNames, type ReferencedField, referencedFields } from './reference.ts'

/** A field as an export gave it. */
export interface ImportedField {
  /** As it stood there: `Microsoft 365.client_id`, `client_id`. */
  given: string
  field: ReferencedField
  value: Json
}

export interface ReadExport {
  fields: ImportedField[]
  /** Members that describe the export and not the tenant. */
  ignored: string[]
}

/** What the product of the reference adds to every object it exports. */
const aboutTheExport = new Set(
  [
    'pkid',
    'href',
    'meta',
    'hierarchy',
    'hierarchy_path',
    'hierarchy_friendly',
    'model_type',
  ].concat(['schema_version', 'system_resource', 'resource', 'data_type', '__meta']),
)

const byPath = new Map(referencedFields.map((field) => [field.path, field]))
/** The last part of each name: no two fields share one, since `name` has only `Tenant.name`. */
const byLastName = new Map([...importNames].map(([name, path]) => [name.split('.').at(-1), path]))

/**
 * Takes an export apart: nested (`{ "Microsoft 365": { "client_id": ... } }`), flat by full name or
 * by its last part, or by our own names. Throws `bad-input` with every member that is no field.
 */
export function readExport(members: JsonObject): ReadExport {
  const read: ReadExport = { fields: [], ignored: [] }
  const problems: FieldProblem[] = []
  const content = isJsonObject(members.data) ? members.data : members
  for (const [given, value] of flattened(content)) {
    const path = importNames.get(given) ?? byLastName.get(given) ?? given
    const field = byPath.get(path)
    if (field !== undefined) read.fields.push({ given, field, value: converted(field, value) })
    else if (aboutTheExport.has(given.split('.')[0] ?? '')) read.ignored.push(given)
    else problems.push({ field: `body.fields.${given}`, problem: 'is no field of a tenant' })
  }
  const twice = read.fields.filter(
    ({ field }, at) => read.fields.findIndex((other) => other.field === field) !== at,
  )
  for (const { given } of twice) {
    problems.push({ field: `body.fields.${given}`, problem: 'is given twice' })
  }
  if (problems.length === 0) return read
  const message = problems.map(({ field, problem }) => `${field} ${problem}.`).join(' ')
  throw new AppError('bad-input', `${message} Nothing was imported.`, { fields: problems })
}

function flattened(members: JsonObject): [string, Json][] {
  return Object.entries(members).flatMap(([name, value]): [string, Json][] => {
    if (!isJsonObject(value) || aboutTheExport.has(name)) return [[name, value]]
    return Object.entries(value).map(([inner, one]) => [`${name}.${inner}`, one])
  })
}

/** Exports write figures and switches as text, and what they do not tell as stars. */
function converted({ path, schema }: ReferencedField, value: Json): Json {
  if (value === '' || (typeof value === 'string' && /^\*+$/.test(value))) return null
  if (path === 'powershell.mode') return value === 'onprem' ? 'windows-proxy' : fromCloud(value)
  if (typeof value !== 'string') return value
  if (schema.type === 'boolean' && /^(true|false)$/i.test(value)) return /^true$/i.test(value)
  if (schema.type === 'integer' && /^\d{1,15}$/.test(value)) return Number(value)
  return value
}

function fromCloud(value: Json): Json {
  return value === 'cloud' ? 'service' : value
}
