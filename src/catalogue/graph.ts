import type { PropertyType } from '../core/model.ts'
import schemaJson from './data/graph-schema.json' with { type: 'json' }

/** A property as the service declares it, before a model says what Patchbay does with it. */
export interface CatalogueProperty {
  name: string
  type: PropertyType
  /** The name in the service's own schema: `Edm.Int32`, `microsoft.graph.assignedLicense`. */
  declaredType: string
  many: boolean
  readOnly: boolean
  maxLength: number | undefined
  nullable: boolean
  /** Comes without being asked for by `$select`. */
  returnedByDefault: boolean
  requiredOnCreate: boolean
  /** As documented on the property: `eq`, `startsWith`, `eq on null values` ... */
  filterOperators: readonly string[]
  /** The members, when the type is an enumeration. */
  values: readonly string[] | undefined
  description: string | undefined
}

export interface NavigationProperty {
  name: string
  declaredType: string
  many: boolean
}

export interface EntityType {
  /** `user`; nested namespaces keep their part: `teamsAdministration.numberAssignment`. */
  name: string
  properties: readonly CatalogueProperty[]
  navigation: readonly NavigationProperty[]
  /** By its name in lower case, as the service compares them. */
  byName: ReadonlyMap<string, CatalogueProperty>
}

export interface ComplexType {
  name: string
  properties: readonly CatalogueProperty[]
  /** By its name in lower case, as the service compares them. */
  byName: ReadonlyMap<string, CatalogueProperty>
  /** Holds further properties that the schema does not name. */
  open: boolean
}

interface RawProperty {
  name: string
  type: string
  nullable?: boolean
  doc?: string
  returned?: string
  filter?: string[]
  maxLength?: number
  readOnly?: boolean
  requiredOnCreate?: boolean
}

interface RawType {
  baseType?: string
  openType?: boolean
  properties: RawProperty[]
  navigationProperties?: RawProperty[]
}

interface RawSchema {
  entityTypes: Record<string, RawType>
  complexTypes: Record<string, RawType>
  enumTypes: Record<string, { members: Record<string, number> }>
  entitySets: Record<string, { kind: string; type: string }>
  userDefaultProperties: string[]
}

// The inferred type of the file is a union of thousands of literals; this names what is read of it.
const schema = schemaJson['v1.0'] as unknown as RawSchema
const namespace = 'microsoft.graph.'

const edmTypes: Record<string, PropertyType> = {
  'Edm.String': 'string',
  'Edm.Boolean': 'boolean',
  'Edm.Int32': 'integer',
  'Edm.Int64': 'integer',
  'Edm.Double': 'number',
  'Edm.DateTimeOffset': 'dateTime',
  'Edm.Guid': 'guid',
  'Edm.Date': 'string',
  'Edm.TimeOfDay': 'string',
  'Edm.Duration': 'string',
  'Edm.Binary': 'string',
  'Edm.Stream': 'string',
}

/** The entity type `user`, `group` ... with its inherited properties first, or undefined. */
export const entityType = remember((name: string): EntityType | undefined => {
  const chain = inheritance(schema.entityTypes, namespace + name)
  if (chain.length === 0) return undefined
  const raw = chain.flatMap((type) => type.properties)
  const isDefault = defaultRule(name, raw)
  const properties = raw.map((property) => {
    const maxLength = property.maxLength ?? lengthsOutsideSource[`${name}.${property.name}`]
    return readProperty({ ...property, ...(maxLength && { maxLength }) }, isDefault(property))
  })
  return {
    name,
    properties,
    byName: new Map(properties.map((property) => [property.name.toLowerCase(), property])),
    navigation: chain.flatMap((type) => type.navigationProperties ?? []).map(readNavigation),
  }
})

/**
 * Not among the marks of the source: a team has the name of its group, and the length of its
 * description stands in the remark on it.
 */
const lengthsOutsideSource: Readonly<Record<string, number>> = {
  'team.displayName': 256,
  'team.description': 1_024,
}

/** A structured value such as `assignedLicense` or `passwordProfile`, or undefined. */
export const complexType = remember((name: string): ComplexType | undefined => {
  const chain = inheritance(schema.complexTypes, namespace + name)
  if (chain.length === 0) return undefined
  const raw = chain.flatMap((type) => type.properties)
  const properties = raw.map((property) => readProperty(property, true))
  return {
    name,
    properties,
    byName: new Map(properties.map((property) => [property.name.toLowerCase(), property])),
    open: chain.some((type) => type.openType === true),
  }
})

/** The members of an enumeration in their declared order, or undefined. */
export function enumValues(name: string): readonly string[] | undefined {
  const type = schema.enumTypes[namespace + name]
  return type === undefined ? undefined : Object.keys(type.members)
}

/** Every type that is known, without its namespace. */
export const typeNames = {
  entities: Object.keys(schema.entityTypes).map(shortName),
  complexes: Object.keys(schema.complexTypes).map(shortName),
  enums: Object.keys(schema.enumTypes).map(shortName),
} as const

/** What paths begin with: collections and singletons, and the types of what is in them. */
export const entitySets = Object.entries(schema.entitySets)
  .filter(([, { type }]) => Object.hasOwn(schema.entityTypes, type))
  .map(([name, { kind, type }]) => ({ name, kind, type: shortName(type) }))

/** `microsoft.graph.user` or `#microsoft.graph.user` -> `user`. */
export function shortName(declaredType: string): string {
  const text = declaredType.startsWith('#') ? declaredType.slice(1) : declaredType
  return text.startsWith(namespace) ? text.slice(namespace.length) : text
}

function inheritance(types: Record<string, RawType>, name: string): RawType[] {
  if (!Object.hasOwn(types, name)) return []
  const type = types[name]
  if (type === undefined) return []
  return type.baseType === undefined ? [type] : [...inheritance(types, type.baseType), type]
}

/**
 * Users have a documented list of eleven. Other types either mark what comes by default, or mark
 * nothing and then all comes that is not said to need `$select`.
 */
function defaultRule(name: string, properties: RawProperty[]): (property: RawProperty) => boolean {
  if (name === 'user') return (property) => schema.userDefaultProperties.includes(property.name)
  const inherited = ['id', 'deletedDateTime']
  const marked = properties.some((property) => property.returned === 'default')
  return (property) =>
    inherited.includes(property.name) ||
    (marked ? property.returned === 'default' : property.returned !== 'select')
}

function readProperty(raw: RawProperty, returnedByDefault: boolean): CatalogueProperty {
  const declaredType = elementType(raw.type)
  const values = enumValues(shortName(declaredType))
  return {
    name: raw.name,
    type: edmTypes[declaredType] ?? (values === undefined ? 'object' : 'string'),
    declaredType,
    many: declaredType !== raw.type,
    readOnly: raw.readOnly === true,
    maxLength: raw.maxLength,
    nullable: raw.nullable !== false,
    returnedByDefault,
    requiredOnCreate: raw.requiredOnCreate === true,
    filterOperators: raw.filter ?? [],
    values,
    description: raw.doc,
  }
}

function readNavigation(raw: RawProperty): NavigationProperty {
  const declaredType = elementType(raw.type)
  return { name: raw.name, declaredType, many: declaredType !== raw.type }
}

function elementType(type: string): string {
  return type.startsWith('Collection(') ? type.slice('Collection('.length, -1) : type
}

function remember<T>(build: (name: string) => T): (name: string) => T {
  const built = new Map<string, T>()
  return (name) => {
    const known = built.get(name)
    if (known !== undefined) return known
    const value = build(name)
    if (value !== undefined) built.set(name, value)
    return value
  }
}
