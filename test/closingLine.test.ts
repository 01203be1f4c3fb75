import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'

const reporter = new URL('closingLine.ts', import.meta.url).pathname
const vitest = new URL('../node_modules/vitest/vitest.mjs', import.meta.url).pathname

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'patchbay-closing-line-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function run(body: string): Promise<{ code: unknown; lines: string[] }> {
  const imports = `import { closingLine } from ${JSON.stringify(reporter)}\n`
  const settings = `{ test: { globals: true, pool: 'forks', reporters: [closingLine([], 3_000)] } }`
  await writeFile(join(folder, 'vitest.config.mjs'), `${imports}export default ${settings}\n`)
  await writeFile(join(folder, 'one.test.mjs'), body)
  const child = spawn(process.execPath, [vitest, 'run', '--root', folder], {
    ...{ cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] },
  })
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  return { code, lines: output.trim().split('\n') }
}

test('a run ends with its counts', async () => {
  const { code, lines } = await run(`test('a', () => {}); test.skip('b', () => {})`)
  expect(lines.at(-1)).toBe('tests: 1 passed, 0 failed, 1 skipped')
  expect(code).toBe(0)
})

test('a process left behind by a test does not keep the run from ending, and fails it', async () => {
  const left = `setTimeout(() => {}, 20_000)`
  const { code, lines } = await run(`
    import { spawn } from 'node:child_process'
    test('a', () => {
      spawn(process.execPath, ['-e', '${left}'], { stdio: ['ignore', 'inherit', 'inherit'] })
    })`)
  expect(lines.slice(-2)).toEqual([
    'The run does not end by itself: a test has left a process of its own behind.',
    'tests: 1 passed, 0 failed, 0 skipped',
  ])
  expect(code).toBe(1)
})
