/**
 * A model, loaded: what exists at Microsoft, how it is read and how it is written. It comes from
 * one YAML file of `models/` joined with what the catalogue knows of its noun.
 */
export interface Model {
  /** The type name, in the spelling of its application: `device/msgraph/MSOLUser`. */
  id: string
  title: string
  wire: string
  /** What the catalogue calls it: an entity type of Graph, the noun of a cmdlet. */
  noun: string
  /** The property that names an object for good. */
  key: string
  /** The property a person knows it by. */
  name: string
  properties: readonly Property[]
  list: Operation
  delta: Operation | undefined
  get: Operation | undefined
  update: Operation | undefined
  links: readonly LinkDeclaration[]
  /** Properties kept beside the row for lists, in this order: `cols[1]`, `cols[2]` ... */
  columns: readonly string[]
  needs: { read: readonly string[]; write: readonly string[] }
}

/** One read or write: `call` names it in the language of the wire, `with` holds constants only. */
export interface Operation {
  call: string
  with: Readonly<Record<string, string>>
}

export type PropertyType =
  | 'string'
  | 'boolean'
  | 'integer'
  | 'number'
  | 'dateTime'
  | 'guid'
  | 'object'

export interface Property {
  name: string
  type: PropertyType
  /** A collection of `type`. */
  many: boolean
  /** May not be changed through us: the service calls it read-only, or the model does. */
  readOnly: boolean
  /** Changes by itself: kept, but not part of what "unchanged" means. */
  volatile: boolean
  maxLength: number | undefined
  values: readonly string[] | undefined
  description: string | undefined
}

/**
 * An edge from this model's objects. `from` is a path into the object (`manager.id`,
 * `assignedLicenses.skuId`); `call` instead is a sub-list read per object (`members`).
 */
export interface LinkDeclaration {
  kind: string
  to: readonly string[]
  from: string | undefined
  call: string | undefined
}

export function writableProperty(model: Model, name: string): Property | undefined {
  const property = model.properties.find((candidate) => candidate.name === name)
  return property?.readOnly === false ? property : undefined
}
