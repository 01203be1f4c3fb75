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
  /** A time set once per object, by whose ranges a long list is read side by side. */
  shard: string | undefined
  delta: Operation | undefined
  get: Operation | undefined
  update: Operation | undefined
  create: CreateOperation | undefined
  delete: Operation | undefined
  /** Where a deleted object lies for a while, and can be brought back from. */
  deleted: Operation | undefined
  links: readonly LinkDeclaration[]
  /** Properties by which lists show, filter and sort. */
  columns: readonly string[]
  /** Where each of `columns` lies in a row's `cols`; 0: in no row yet. */
  places: readonly number[]
  needs: { read: readonly string[]; write: readonly string[] }
}

/** `cols[1]` is the name lists are sorted by, whether or not it is among the columns. */
export const namePlace = 1

/** One read or write: `call` names it in the language of the wire, `with` holds constants only. */
export interface Operation {
  call: string
  with: Readonly<Record<string, string>>
}

/**
 * How an object comes to be. `by` is a property the service keeps unique and a person chooses: it
 * says whether the object is there already, also when no answer came to the call that made it.
 */
export interface CreateOperation extends Operation {
  by: string
  /** Properties without which the service makes none. */
  required: readonly string[]
  /** Whether it signs in, and so is made with a password. */
  password: boolean
  /** The property that says when its password was set. */
  passwordSetAt: string | undefined
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
