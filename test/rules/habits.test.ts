import { expect, test } from 'vitest'
import { withoutExceptions } from './exceptions.ts'
import {
  casts,
  longFile,
  longFunctions,
  longLines,
  looseTypes,
  oddNames,
  silencedWithoutReason,
} from './habits.ts'
import { filesUnder, parse, readSources, readText, report } from './source.ts'

const sources = readSources()
const paths = filesUnder()

test('files and functions fit a screen or a few', () => {
  expect(report([...sources.flatMap(longFile), ...sources.flatMap(longFunctions)])).toEqual([])
})

test('lines fit the page', () => {
  const migrations = paths
    .filter((path) => path.endsWith('.sql'))
    .flatMap((path) => longLines({ path, text: readText(path) }))
  expect(report([...sources.flatMap((file) => longLines(file, file)), ...migrations])).toEqual([])
})

test('a long file is noticed', () => {
  const path = 'src/core/fixture.ts'
  expect(report(longFile({ path, text: 'x\n'.repeat(400) }))).toEqual([])
  expect(report(longFile({ path, text: 'x\n'.repeat(401) }))).toHaveLength(1)
})

test('a long line is noticed, one long sentence is not', () => {
  const long = (text: string) => {
    const file = parse('src/core/fixture.ts', text)
    return report(longLines(file, file)).length
  }
  expect(long(`// ${'x'.repeat(98)}`)).toBe(1)
  expect(long(`const ${'a'.repeat(100)} = 'short'`)).toBe(1)
  expect(long(`call('${'x'.repeat(60)}', '${'y'.repeat(60)}', ${'b'.repeat(40)})`)).toBe(1)
  expect(long(`const message = '${'x'.repeat(100)}'`)).toBe(0)
  expect(long(`// ${'x'.repeat(97)}\n// https://${'x'.repeat(100)}`)).toBe(0)
})

test('a long function is noticed, in tests too unless it only groups', () => {
  const body = 'call()\n'.repeat(70)
  const text = `const a = () => {${body}}\nfunction b() {${body}}\nclass C { d() {${body}} }`
  expect(report(longFunctions(parse('src/core/fixture.ts', text)))).toHaveLength(3)
  const tests = `describe('a', () => {${body}})\ntest('b', () => {${body}})`
  expect(report(longFunctions(parse('test/fixture.test.ts', tests)))).toHaveLength(1)
})

test('types are checked, exports have one name', () => {
  expect(report(sources.flatMap(looseTypes))).toEqual([])
})

test('loose types are noticed', () => {
  const text = 'const a: any = b!.c\nexport default a'
  expect(report(looseTypes(parse('src/core/fixture.ts', text)))).toHaveLength(3)
})

test('there are no casts but those listed with their reason', () => {
  expect(report(withoutExceptions('cast', sources.flatMap(casts)))).toEqual([])
})

test('a cast is noticed, once', () => {
  const text = 'const a = b as C, d = b as unknown as C, e = <C>b, fine = [1] as const'
  expect(report(casts(parse('src/core/fixture.ts', text)))).toHaveLength(3)
})

test('what silences a tool says why', () => {
  expect(report(sources.flatMap(silencedWithoutReason))).toEqual([])
})

test('silencing without a reason is noticed', () => {
  const text = `// @ts-ignore the types are wrong here
    // @ts-expect-error
    // biome-ignore lint/style/useConst:
    /* biome-ignore lint/style/useConst: <explanation> */
    // biome-ignore lint/style/useConst: it is assigned in the callback
    // @ts-expect-error the declaration of the package lacks this`
  expect(report(silencedWithoutReason(parse('src/core/fixture.ts', text)))).toHaveLength(4)
})

test('files are named in lower camel', () => {
  expect(report(oddNames(paths))).toEqual([])
})

test('another name is noticed', () => {
  const names = ['src/core/Tenant.ts', 'src/a/tenant-fields.ts', 'test/a/tenant_fields.test.ts']
  expect(report(oddNames([...names, 'src/core/tenantFields.ts']))).toHaveLength(3)
})
