import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Compile } from 'typebox/compile'
import { isNode, LineCounter, parse, parseDocument } from 'yaml'
import { type CatalogueProperty, entityType } from '../../catalogue/graph.ts'
import { AppError } from '../../core/errors.ts'
import type {
  CreateOperation,
  LinkDeclaration,
  Model,
  Operation,
  Property,
} from '../../core/model.ts'
import { namePlace } from '../../core/model.ts'
import { ModelFile } from './grammar.ts'

const grammar = Compile(ModelFile)

/** A model's file: its path below `models/`, and what it holds. */
export interface ModelText {
  file: string
  text: string
}

export async function readModelFiles(folder: string): Promise<ModelText[]> {
  const files = (await readdir(folder, { recursive: true }))
    .filter((file) => file.endsWith('.yaml'))
    .sort()
  const read = async (file: string) => ({
    file: file.replaceAll('\\', '/'),
    text: await readFile(join(folder, file), 'utf8'),
  })
  return await Promise.all(files.map(read))
}

/** The models of a folder, each before those that link to it where there is such an order. */
export async function loadModels(folder: string): Promise<Model[]> {
  return parseModels(await readModelFiles(folder))
}

export function parseModels(texts: readonly ModelText[]): Model[] {
  return linked(
    texts.map(({ file, text }) => {
      const model = parseModel(file, text)
      if (`${model.id}.yaml` === file) return model
      throw broken(file, 'model', `its place is ${model.id}.yaml`)
    }),
  )
}

/** Models that may be in force together, in reference order. Throws for a link to nowhere. */
export function linked(models: readonly Model[]): Model[] {
  for (const model of models) checkLinks(model, models)
  return inReferenceOrder(models)
}

/**
 * One model from the text of its file. `file` is only for messages. Throws `bad-input` naming file,
 * line and remedy.
 */
export function parseModel(file: string, text: string): Model {
  try {
    return asModel(file, readGrammar(file, text))
  } catch (error) {
    throw withLine(error, file, text)
  }
}

function asModel(file: string, declared: ModelFile): Model {
  const known = knownProperties(file, declared)
  const properties = Object.entries(declared.properties).map(([name, override]) => {
    const property = known.get(name)
    if (property === undefined) {
      throw broken(file, `properties.${name}`, `${declared.noun} has no such property`)
    }
    return asProperty(property, override)
  })
  for (const place of ['key', 'name'] as const) {
    if (!Object.hasOwn(declared.properties, declared[place])) {
      throw broken(file, place, `${declared[place]} is not among its properties`)
    }
  }
  const strange = declared.columns.find((column) => !Object.hasOwn(declared.properties, column))
  if (strange !== undefined) throw broken(file, 'columns', `${strange} is not among its properties`)
  const { shard } = declared
  if (shard !== undefined && properties.find(({ name }) => name === shard)?.type !== 'dateTime') {
    throw broken(file, 'shard', `${shard} is not among its properties, or is not a time`)
  }
  return {
    id: declared.model,
    title: declared.title,
    wire: declared.wire,
    noun: declared.noun,
    key: declared.key,
    name: declared.name,
    properties,
    list: asOperation(declared.list),
    shard: declared.shard,
    delta: declared.delta && asOperation(declared.delta),
    get: declared.get && asOperation(declared.get),
    update: declared.update && asOperation(declared.update),
    create: declared.create && asCreate(file, declared.create, properties),
    delete: declared.delete && asOperation(declared.delete),
    deleted: declared.deleted && asOperation(declared.deleted),
    links: Object.entries(declared.links ?? {}).map(([kind, link]) => asLink(file, kind, link)),
    columns: declared.columns,
    places: firstPlaces(declared),
    needs: declared.needs,
  }
}

function readGrammar(file: string, text: string): ModelFile {
  let value: unknown
  try {
    value = parse(text, { maxAliasCount: 0, logLevel: 'error' })
  } catch (cause) {
    throw new AppError('bad-input', `${file} is not YAML: ${String(cause)}`, { cause })
  }
  if (grammar.Check(value)) return value
  const [first] = grammar.Errors(value)
  throw broken(
    file,
    first?.instancePath.slice(1).replaceAll('/', '.') ?? '',
    first?.message ?? 'breaks the grammar',
  )
}

// Graph is the only wire with a catalogue so far; a further one adds its look-up here.
function knownProperties(file: string, declared: ModelFile): Map<string, CatalogueProperty> {
  const type = declared.wire === 'graph' ? entityType(declared.noun) : undefined
  if (type === undefined) {
    throw broken(file, 'noun', `the catalogue of ${declared.wire} knows no ${declared.noun}`)
  }
  return new Map(type.properties.map((property) => [property.name, property]))
}

function asProperty(
  known: CatalogueProperty,
  override: { readOnly?: boolean; volatile?: boolean },
): Property {
  return {
    name: known.name,
    type: known.type,
    many: known.many,
    readOnly: known.readOnly || known.name === 'id' || override.readOnly === true,
    volatile: override.volatile === true,
    maxLength: known.maxLength,
    values: known.values,
    description: known.description,
  }
}

function asOperation(declared: { call: string; with?: Record<string, string> }): Operation {
  return { call: declared.call, with: declared.with ?? {} }
}

function asCreate(
  file: string,
  declared: NonNullable<ModelFile['create']>,
  properties: readonly Property[],
): CreateOperation {
  const { by, required, password = false, passwordSetAt } = declared
  for (const name of [by, ...required, ...(passwordSetAt === undefined ? [] : [passwordSetAt])]) {
    if (!properties.some((property) => property.name === name)) {
      throw broken(file, 'create', `${name} is not among its properties`)
    }
  }
  return { ...asOperation(declared), by, required, password, passwordSetAt }
}

function asLink(
  file: string,
  kind: string,
  link: { to: string[]; from?: string; call?: string },
): LinkDeclaration {
  if ((link.from === undefined) === (link.call === undefined)) {
    throw broken(file, `links.${kind}`, 'give either from or call')
  }
  return { kind, to: link.to, from: link.from, call: link.call }
}

function checkLinks(model: Model, models: readonly Model[]): void {
  for (const link of model.links) {
    const missing = link.to.find((target) => !models.some((other) => other.id === target))
    if (missing !== undefined) {
      throw broken(`${model.id}.yaml`, `links.${link.kind}`, `there is no model ${missing}`)
    }
  }
}

/** As in a database that has seen no other version: see `Model.places`. */
function firstPlaces({ columns, name }: ModelFile): number[] {
  let next = namePlace
  return columns.map((column) => (column === name ? namePlace : ++next))
}

/** A model after those it links to; a circle is cut where it is entered, in order of names. */
export function inReferenceOrder(models: readonly Model[]): Model[] {
  const ordered: Model[] = []
  const entered = new Set<string>()
  const place = (model: Model): void => {
    if (entered.has(model.id)) return
    entered.add(model.id)
    for (const target of model.links.flatMap((link) => link.to)) {
      const other = models.find((candidate) => candidate.id === target)
      if (other !== undefined) place(other)
    }
    ordered.push(model)
  }
  for (const model of models) place(model)
  return ordered
}

/** `path` is where in the file, with dots; its line is found by it. */
function broken(file: string, path: string, problem: string): AppError {
  const fields = [{ field: path, problem }]
  return new AppError('bad-input', `models/${file}: ${path}: ${problem}.`, { fields })
}

function withLine(error: unknown, file: string, text: string): unknown {
  const [first] = error instanceof AppError ? error.fields : []
  const line = first && lineOf(text, first.field)
  if (first === undefined || line === undefined) return error
  const { field, problem } = first
  const message = `models/${file}, line ${line}: ${field}: ${problem}.`
  return new AppError('bad-input', message, { fields: [first], cause: error })
}

/** Of what stands at the path, or else of what is around it. */
function lineOf(text: string, path: string): number | undefined {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { lineCounter })
  for (let keys = path.split('.'); keys.length > 0; keys = keys.slice(0, -1)) {
    const node = document.getIn(keys, true)
    if (isNode(node) && node.range) return lineCounter.linePos(node.range[0]).line
  }
  return undefined
}
