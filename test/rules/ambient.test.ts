import { expect, test } from 'vitest'
import { ambientRead, environmentRead, secretsRevealed, sqlOutsideStore } from './ambient.ts'
import { withoutExceptions } from './exceptions.ts'
import { parse, readSources, report } from './source.ts'

const sources = readSources()

function fixture(text: string, path = 'src/features/fixture.ts') {
  return parse(path, text)
}

test('only src/main reads the environment', () => {
  expect(report(sources.flatMap(environmentRead))).toEqual([])
})

test('reading the environment is noticed, however it is written', () => {
  const text = `import { env } from 'node:process'
    const a = process.env.HOME
    const b = process['env']
    const { env: c } = process
    const fine = process.pid`
  expect(report(environmentRead(fixture(text)))).toHaveLength(4)
  expect(report(environmentRead(fixture(text, 'src/main/serve.ts')))).toEqual([])
})

test('clock and network are arguments', () => {
  expect(report(withoutExceptions('ambient', sources.flatMap(ambientRead)))).toEqual([])
})

test('an ambient clock or network is noticed', () => {
  const text = `const a = [Date.now(), new Date(), performance.now(), await fetch('https://x')]
    const fine = [new Date(0), Date.parse('x'), clock.now(), net.fetch(url)]`
  expect(report(ambientRead(fixture(text)))).toHaveLength(4)
})

test('secrets are revealed by the few files meant to', () => {
  expect(report(withoutExceptions('reveal', sources.flatMap(secretsRevealed)))).toEqual([])
})

test('revealing a secret is noticed', () => {
  const text = `log(secret.reveal(), maybe?.reveal(), secret['reveal']())\nconst { reveal } = secret`
  expect(report(secretsRevealed(fixture(text)))).toHaveLength(3)
})

test('SQL lives in store and in queries.ts', () => {
  expect(report(sources.flatMap(sqlOutsideStore))).toEqual([])
})

test('SQL elsewhere is noticed, as text and built', () => {
  const text = `db.selectFrom('tenant').execute()
    const a = 'select id from tenant where true'
    const b = sql\`
      update tenant set name = \${name}\`
    const fine = 'Select a tenant from the list of the node.'`
  expect(report(sqlOutsideStore(fixture(text)))).toHaveLength(4)
  expect(report(sqlOutsideStore(fixture(text, 'src/features/tenants/queries.ts')))).toEqual([])
})
