import { builtinModules } from 'node:module'
import { posix } from 'node:path'
import { rooms, sideways } from './layers.ts'
import { modules } from './reach.ts'
import { type Finding, finding, isTest, type SourceFile, visit } from './source.ts'

/** One import of a file. `target` is a path of the repository, or the name of a package. */
interface Import {
  target: string
  ours: boolean
  typeOnly: boolean
  start: number
}

/** Every way to name another module: import, re-export, import(), type import(). */
function importsOf(file: SourceFile): Import[] {
  const found: Import[] = []
  function add(source: { start: number; value: unknown } | null, typeOnly: boolean) {
    if (typeof source?.value !== 'string') return
    const ours = source.value.startsWith('.')
    const target = ours
      ? posix.join(posix.dirname(file.path), source.value)
      : builtinModules.includes(source.value)
        ? `node:${source.value}`
        : source.value
    found.push({ target, ours, typeOnly, start: source.start })
  }
  visit(file, {
    ImportDeclaration: (node) => add(node.source, node.importKind === 'type'),
    ExportNamedDeclaration: (node) => add(node.source, node.exportKind === 'type'),
    ExportAllDeclaration: (node) => add(node.source, node.exportKind === 'type'),
    ImportExpression: (node) =>
      add(node.source.type === 'Literal' ? { ...node.source } : null, false),
    TSImportType: (node) => add(node.source, true),
  })
  return found
}

/** `src/features/tenants/create.ts` -> `['features', 'tenants']`. */
function placeOf(path: string): [room: string, folder: string] | undefined {
  const [top, room, folder] = path.split('/')
  return top === 'src' && room !== undefined ? [room, folder ?? ''] : undefined
}

/** Imports of our own files that the table of layers.ts does not allow. Tests may import all. */
export function wallsCrossed(file: SourceFile): Finding[] {
  const from = placeOf(file.path)
  if (from === undefined || isTest(file.path)) return []
  const [room, folder] = from
  const allowed = rooms[room]?.imports
  if (allowed === undefined) {
    const message = `src/${room} is no room of test/rules/layers.ts; add it there with its reason.`
    return [{ path: file.path, line: 1, message }]
  }
  return importsOf(file).flatMap(({ ours, target, start }) => {
    if (!ours) return []
    const to = placeOf(target)
    if (to === undefined) {
      return [finding(file, { start }, `imports ${target}: src imports only from src.`)]
    }
    if (to[0] !== room) {
      if (allowed.includes(to[0])) return []
      const may = allowed.join(', ') || 'nothing of ours'
      return [finding(file, { start }, `${room} may import ${may}, not ${target}. ${howTo}`)]
    }
    const doors = sideways[room]
    if (doors === undefined || to[1] === folder || doors.includes(to[1])) return []
    const may = doors.join(', ')
    const message = `${room}/${folder} may look sideways only at ${may}, not at ${target}. ${howTo}`
    return [finding(file, { start }, message)]
  })
}

const howTo =
  'Pass it in as a value, or change layers.ts with its reason and the architecture page.'

/** Packages and modules of Node that this file is not among the few to use. */
export function modulesOutOfReach(file: SourceFile): Finding[] {
  const from = placeOf(file.path)
  if (from === undefined || isTest(file.path)) return []
  return importsOf(file).flatMap(({ ours, target, start, typeOnly }) => {
    if (ours) return []
    if (from[0] === 'core' && target.startsWith('node:')) {
      return [finding(file, { start }, `core may not use ${target}: browsers import core.`)]
    }
    const reach = modules[target]
    if (reach === undefined) {
      const message = `${target} is not in test/rules/reach.ts; add it with its files and reason.`
      return [finding(file, { start }, message)]
    }
    if (typeOnly || reach.files.some((files) => isAmong(file.path, files))) return []
    const files = reach.files.join(', ')
    const message = `${target} is for ${files} (${reach.why}); take it as an argument.`
    return [finding(file, { start }, message)]
  })
}

function isAmong(path: string, files: string): boolean {
  return files.startsWith('*') ? path.endsWith(files.slice(1)) : path.startsWith(files)
}

/** Which feature imports which; a feature is a file or a folder of `features`. */
export function featureGraph(sources: readonly SourceFile[]): Map<string, Set<string>> {
  const graph = new Map<string, Set<string>>()
  for (const file of sources) {
    const from = placeOf(file.path)
    if (from?.[0] !== 'features' || isTest(file.path)) continue
    const name = featureName(from[1])
    const edges = graph.get(name) ?? new Set()
    graph.set(name, edges)
    for (const { target } of importsOf(file)) {
      const to = placeOf(target)
      if (to?.[0] === 'features' && featureName(to[1]) !== name) edges.add(featureName(to[1]))
    }
  }
  return graph
}

/** Which file imports which, types included: a circle of types ties files as much to each other. */
export function fileGraph(sources: readonly SourceFile[]): Map<string, Set<string>> {
  return new Map(
    sources
      .filter(({ path }) => !isTest(path))
      .map((file) => [
        file.path,
        new Set(importsOf(file).flatMap((to) => (to.ours ? to.target : []))),
      ]),
  )
}

function featureName(segment: string): string {
  return segment.replace(/\.ts$/, '')
}

/** The first circle of features, as `a -> b -> a`, or undefined. */
export function circleIn(graph: ReadonlyMap<string, ReadonlySet<string>>): string | undefined {
  const done = new Set<string>()
  function follow(name: string, trail: readonly string[]): string | undefined {
    if (trail.includes(name)) return [...trail.slice(trail.indexOf(name)), name].join(' -> ')
    if (done.has(name)) return undefined
    for (const next of graph.get(name) ?? []) {
      const circle = follow(next, [...trail, name])
      if (circle !== undefined) return circle
    }
    done.add(name)
    return undefined
  }
  for (const name of graph.keys()) {
    const circle = follow(name, [])
    if (circle !== undefined) return circle
  }
  return undefined
}
