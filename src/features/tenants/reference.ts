import { tenantGroups, tenantHead } from '../../contract/tenantFields.ts'
import { type Annotated, annotated, tenantFields } from './fields.ts'

export interface ReferencedField {
  /** Our name: `graph.clientId`. */
  path: string
  group: string
  schema: Annotated
}

/** Every field of a tenant in the order of the form, those before the groups included. */
export const referencedFields: readonly ReferencedField[] = [
  ...Object.entries(tenantHead).map(([path, schema]) => {
    return { path, group: 'Tenant', schema: annotated(schema) }
  }),
  ...tenantFields.map(({ path, group, schema }) => {
    return { path, group: annotated(tenantGroups[group]).title, schema }
  }),
]

/** Our name of a field by its name in the reference documentation of VOSS Automate, for imports. */
export const importNames: ReadonlyMap<string, string> = new Map(
  referencedFields.flatMap(({ path, schema }) =>
    schema.reference === undefined ? [] : [[schema.reference, path]],
  ),
)
