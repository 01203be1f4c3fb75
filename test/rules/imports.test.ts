import { expect, test } from 'vitest'
import { circleIn, featureGraph, fileGraph, modulesOutOfReach, wallsCrossed } from './imports.ts'
import { rooms } from './layers.ts'
import { parse, readSources, readText, report } from './source.ts'

const sources = readSources()

test('rooms import only the rooms below them', () => {
  expect(report(sources.flatMap(wallsCrossed))).toEqual([])
})

test('an import through a wall is noticed, however it is written', () => {
  const text = `
    import { a } from '../features/tenants.ts'
    import type { B } from '../server/serve.ts'
    export { c } from '../engine/sync.ts'
    export * from '../emulator/graph.ts'
    const d = await import('../main/serve.ts')
    type E = import('../web/page.ts').Page
    import ok from '../core/json.ts'
    import own from './pool.ts'`
  const found = report(wallsCrossed(parse('src/store/fixture.ts', text)))
  expect(found).toHaveLength(6)
  expect(found[0]).toContain('src/store/fixture.ts:2 store may import core, not src/features/')
})

test('a connector does not look sideways, but at what signs in to Microsoft', () => {
  const text = `import '../exchange/page.ts'\nimport '../microsoft/lane.ts'\nimport './call.ts'`
  expect(report(wallsCrossed(parse('src/connectors/graph/fixture.ts', text)))).toEqual([
    expect.stringContaining('fixture.ts:1 connectors/graph may look sideways only at microsoft'),
  ])
})

test('a folder of src that is no room is noticed', () => {
  expect(report(wallsCrossed(parse('src/utils/misc.ts', '')))).toHaveLength(1)
})

test('the table of the architecture page is the table of layers.ts', () => {
  const page = readText('docs/architecture.md')
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \|[^|]*\|([^|]*)\|$/gm)]
  expect(rows.length).toBeGreaterThan(10)
  const onPage = new Set(rows.map(([, room]) => room))
  const written = rows.map(([, room, imports]) => `${room}: ${imports?.trim()}`)
  const meant = rows.map(([, room = '']) => {
    const imports = (rooms[room]?.imports ?? []).filter((name) => onPage.has(name))
    const all = imports.length === rows.length - 1
    return `${room}: ${all ? 'everything' : imports.join(', ') || 'nothing'}`
  })
  expect(written).toEqual(meant)
})

test('sockets, files, programs and packages are used by the few files meant to', () => {
  expect(report(sources.flatMap(modulesOutOfReach))).toEqual([])
})

test('a module used by a file not meant to is noticed', () => {
  const text = `import 'node:net'\nimport 'undici'\nimport 'child_process'\nimport 'left-pad'`
  expect(report(modulesOutOfReach(parse('src/features/fixture.ts', text)))).toHaveLength(4)
  expect(report(modulesOutOfReach(parse('src/core/fixture.ts', `import 'node:path'`)))).toEqual([
    'src/core/fixture.ts:1 core may not use node:path: browsers import core.',
  ])
})

test('features use each other without circles, as drawn in the golden file', async () => {
  const graph = featureGraph(sources)
  expect(circleIn(graph), 'features in a circle; move what both need below them').toBeUndefined()
  const lines = [...graph].map(([name, to]) =>
    to.size === 0 ? name : `${name} -> ${[...to].sort().join(', ')}`,
  )
  const head = '# Which feature uses which. Renewed by: npx vitest run test/rules -u'
  const text = `${[head, ...lines.sort()].join('\n')}\n`
  await expect(text).toMatchFileSnapshot('../contract/features.txt')
})

test('a circle of features is noticed', () => {
  const files = [
    parse('src/features/a.ts', `import './b/index.ts'`),
    parse('src/features/b/index.ts', `import '../c.ts'`),
    parse('src/features/c.ts', `import './a.ts'`),
  ]
  expect(circleIn(featureGraph(files))).toBe('a -> b -> c -> a')
})

test('no file imports itself, by whatever way round', () => {
  expect(circleIn(fileGraph(sources)), 'move what both need into a file of its own').toBeUndefined()
})

test('a circle of files is noticed, of types too', () => {
  const files = [
    parse('src/core/a.ts', `import type { B } from './b.ts'`),
    parse('src/core/b.ts', `export { a } from './a.ts'`),
  ]
  expect(circleIn(fileGraph(files))).toBe('src/core/a.ts -> src/core/b.ts -> src/core/a.ts')
})
