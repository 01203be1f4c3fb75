import type { Static, TSchema } from 'typebox'
import { type TenantUpdate, tenantGroups } from '../../contract/tenantFields.ts'
import type { AddressKind } from '../../core/addressKind.ts'
import { Sealed } from '../../core/secret.ts'

type Groups = typeof tenantGroups
export type GroupName = keyof Groups

/** `graph.tenantId`: a field by its group and name. */
export type FieldPath = {
  [G in GroupName]: `${G}.${Extract<keyof Groups[G]['properties'], string>}`
}[GroupName]

type ValueOf<P extends FieldPath> = P extends `${infer G extends GroupName}.${infer F}`
  ? F extends keyof Static<Groups[G]>
    ? NonNullable<Static<Groups[G]>[F]>
    : never
  : never

/** The fields that lie in the row. Absent: not set. Those of the vault are never among them. */
export type Values = { [P in FieldPath]?: ValueOf<P> }

export interface TenantField {
  path: FieldPath
  group: GroupName
  name: string
  title: string
  reference: string | undefined
  /** `secret` goes in and never comes out, `encrypted` lies in the vault too but is shown. */
  stored: 'secret' | 'encrypted' | undefined
  /** What kind of address it becomes; undefined: none. */
  address: AddressKind | undefined
  default: string | number | boolean | undefined
  /** The schema that carries the annotations, without `null`. */
  schema: Annotated
}

export interface Annotated {
  title: string
  type?: string
  const?: string
  anyOf?: Annotated[]
  maxLength?: number
  minimum?: number
  maximum?: number
  pattern?: string
  default?: string | number | boolean
  reference?: string
  stored?: 'secret' | 'encrypted'
  address?: AddressKind
}

/**
 * Every field, read off the contract: a secret added there is kept as one here without a line of
 * code.
 */
export const tenantFields: readonly TenantField[] = groupNames().flatMap((group) =>
  Object.entries(tenantGroups[group].properties).map(([name, property]) => {
    const schema = annotated(property)
    const { title, reference, stored, address, default: preset } = schema
    const path = `${group}.${name}` as FieldPath
    return { path, group, name, title, reference, stored, address, default: preset, schema }
  }),
)

export const vaultFields = tenantFields.filter((field) => field.stored !== undefined)

export function isInVault(path: string): boolean {
  return vaultFields.some((field) => field.path === path)
}

/** Annotations stand beside a union of literals, but inside a union with null. */
export function annotated(schema: TSchema): Annotated {
  // The contract's schemas are plain data; `title` is what its own `field()` puts into each.
  const plain = schema as unknown as Annotated
  const [inner] = plain.anyOf ?? []
  return 'title' in plain || inner === undefined ? plain : inner
}

function groupNames(): GroupName[] {
  return Object.keys(tenantGroups) as GroupName[]
}

/** What a request says: null or empty text clears, absent stays. */
export interface Given {
  values: { [P in FieldPath]?: ValueOf<P> | null }
  vault: Map<FieldPath, Sealed | null>
}

/** Takes a request apart. Secrets are sealed here, at once, and are nowhere else in the clear. */
export function readGiven(input: Pick<Static<typeof TenantUpdate>, GroupName>): Given {
  const values: Record<string, unknown> = {}
  const vault: Given['vault'] = new Map()
  for (const { path, group, name, stored } of tenantFields) {
    const member: unknown = Reflect.get(input[group] ?? {}, name)
    if (member === undefined) continue
    const value = typeof member === 'string' && stored !== 'secret' ? normal(path, member) : member
    const empty = value === null || value === ''
    if (stored === undefined) values[path] = empty ? null : value
    else vault.set(path, empty ? null : new Sealed(String(value)))
  }
  // The route's schema has checked each member's type.
  return { values: values as Given['values'], vault }
}

/** The one spelling of what people paste in several: ids from portals, thumbprints from dialogs. */
function normal(path: FieldPath, text: string): string {
  if (path === 'graph.clientId' || path === 'graph.tenantId') return text.trim().toLowerCase()
  // Windows' certificate dialog puts an invisible mark (U+200E) before what it lets people copy.
  if (path.endsWith('Thumbprint')) return text.replace(/[\s:\u200e]/g, '').toUpperCase()
  return text.trim()
}
