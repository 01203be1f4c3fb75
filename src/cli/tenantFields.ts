import { tenantGroups } from '../contract/tenantFields.ts'
import { badInput } from '../core/errors.ts'
import { isJsonObject, type Json, type JsonObject } from '../core/json.ts'
import { parseAssignments } from './assignments.ts'
import type { Cli } from './cli.ts'
import { readSecret } from './secrets.ts'

export interface FieldFlags {
  description?: string
  cloud?: string
  tenantId?: string
  clientId?: string
  secretFile?: string
  certificate?: number
  field?: string[]
  fieldFile?: string[]
}

/** The groups of fields that options name: `{ graph: { clientId: ... } }`. */
export async function tenantFields(cli: Cli, flags: FieldFlags): Promise<JsonObject> {
  const body: JsonObject = {}
  if (flags.description !== undefined) body.description = flags.description || null
  const named: [string, Json | undefined][] = [
    ['cloud', flags.cloud],
    ['tenantId', flags.tenantId],
    ['clientId', flags.clientId],
    ['certificateId', flags.certificate],
  ]
  for (const [name, value] of named) if (value !== undefined) put(body, `graph.${name}`, value)
  for (const [path, value] of Object.entries(parseAssignments(flags.field ?? []))) {
    // To clear one tells nothing.
    if ((isSecret(path) && value !== null) || holdsPassword(value)) {
      throw badInput(
        path,
        'is a secret: give it with --field-file, so that it stands in no argument',
      )
    }
    put(body, path, value)
  }
  if (flags.secretFile !== undefined) {
    put(body, 'graph.clientSecret', (await readSecret(cli, flags.secretFile)).reveal())
  }
  for (const [path, file] of Object.entries(parseAssignments(flags.fieldFile ?? []))) {
    put(body, path, (await readSecret(cli, String(file))).reveal())
  }
  return body
}

function put(body: JsonObject, path: string, value: Json): void {
  const [group = '', name = '', ...rest] = path.split('.')
  if (!Object.hasOwn(tenantGroups, group) || name === '' || rest.length > 0) {
    const groups = Object.keys(tenantGroups).join(', ')
    throw badInput(path, `is no field: it is group.name, with a group of ${groups}`)
  }
  const values = body[group]
  body[group] = { ...(isJsonObject(values) && values), [name]: value }
}

/** An address with user and password in it: that of a proxy. */
function holdsPassword(value: Json): boolean {
  return typeof value === 'string' && /^\w+:\/\/[^/@]*:[^/]*@/.test(value)
}

function isSecret(path: string): boolean {
  const [group = '', name = ''] = path.split('.')
  const groups: Readonly<Record<string, { properties: object }>> = tenantGroups
  const properties = Object.entries(groups[group]?.properties ?? {})
  const schema: unknown = properties.find(([property]) => property === name)?.[1]
  return holdsSecret(schema)
}

/** The mark stands on the text itself, which stands within the union of a nullable field. */
function holdsSecret(schema: unknown): boolean {
  if (!isJsonObject(schema)) return false
  const { stored, anyOf } = schema
  return stored === 'secret' || (Array.isArray(anyOf) && anyOf.some(holdsSecret))
}
