import {
  type CatalogueProperty,
  complexType,
  entitySets,
  entityType,
  enumValues,
  type NavigationProperty,
  shortName,
  typeNames,
} from '../../catalogue/graph.ts'
import { jsonReply, type Reply, type Request } from '../exchange.ts'
import { contextUrl } from './reply.ts'

/**
 * What the service is, for clients that ask before anything else; no token is needed. The schema
 * holds the types of the catalogue, each with all that it inherits.
 */
export function answerService(request: Request, segments: readonly string[]): Reply | undefined {
  if (request.method !== 'GET' || segments.length > 1) return undefined
  const [segment] = segments
  if (segment === undefined) return serviceDocument(request)
  if (segment.toLowerCase() !== '$metadata') return undefined
  const headers = { 'content-type': 'application/xml', 'odata-version': '4.0' }
  return { status: 200, headers, body: schemaText(), rows: 0 }
}

function serviceDocument(request: Request): Reply {
  const value = entitySets.map(({ name, kind }) => ({ name, kind, url: name }))
  const context = contextUrl(request, '').replace(/#$/, '')
  return jsonReply(200, { '@odata.context': context, value })
}

let written: string | undefined

function schemaText(): string {
  written ??= writeSchema()
  return written
}

function writeSchema(): string {
  const { entities, complexes, enums } = typeNames
  const known = new Set([...entities, ...complexes, ...enums])
  const sets = entitySets.map(({ name, kind, type }) =>
    kind === 'EntitySet'
      ? `<EntitySet Name="${name}" EntityType="${qualified(type)}"/>`
      : `<Singleton Name="${name}" Type="${qualified(type)}"/>`,
  )
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>',
    '<Schema Namespace="microsoft.graph" xmlns="http://docs.oasis-open.org/odata/ns/edm">',
    ...enums.map(writeEnum),
    ...complexes.map((name) => writeComplex(name, known)),
    ...entities.map((name) => writeEntity(name, known)),
    `<EntityContainer Name="GraphService">${sets.join('')}</EntityContainer>`,
    '</Schema></edmx:DataServices></edmx:Edmx>',
  ].join('\n')
}

function writeEnum(name: string): string {
  const members = (enumValues(name) ?? []).map((member) => `<Member Name="${member}"/>`)
  return `<EnumType Name="${name}">${members.join('')}</EnumType>`
}

function writeComplex(name: string, known: ReadonlySet<string>): string {
  const type = complexType(name)
  const open = type?.open === true ? ' OpenType="true"' : ''
  const properties = (type?.properties ?? []).map((one) => writeProperty(one, known))
  return `<ComplexType Name="${name}"${open}>${properties.join('')}</ComplexType>`
}

function writeEntity(name: string, known: ReadonlySet<string>): string {
  const type = entityType(name)
  const keyed = type?.byName.has('id') === true
  return [
    `<EntityType Name="${name}">`,
    ...(keyed ? ['<Key><PropertyRef Name="id"/></Key>'] : []),
    ...(type?.properties ?? []).map((one) => writeProperty(one, known)),
    ...(type?.navigation ?? []).flatMap((one) => writeNavigation(one, known)),
    '</EntityType>',
  ].join('')
}

function writeProperty(property: CatalogueProperty, known: ReadonlySet<string>): string {
  const { name, declaredType, many, nullable } = property
  const bare = shortName(declaredType)
  const type = declaredType.startsWith('Edm.') || known.has(bare) ? declaredType : 'Edm.Untyped'
  return `<Property Name="${name}" Type="${collection(type, many)}"${nullable ? '' : ' Nullable="false"'}/>`
}

function writeNavigation(
  { name, declaredType, many }: NavigationProperty,
  known: ReadonlySet<string>,
): string[] {
  if (!known.has(shortName(declaredType))) return []
  return [`<NavigationProperty Name="${name}" Type="${collection(declaredType, many)}"/>`]
}

function collection(type: string, many: boolean): string {
  return many ? `Collection(${type})` : type
}

function qualified(type: string): string {
  return `microsoft.graph.${type}`
}
