import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { idsIn, titlesOf } from '../mutations/mutations.ts'
import { filesUnder, readText, root } from '../rules/source.ts'
import { writePage } from './page.ts'
import { readReports } from './report.ts'

/**
 * `node test/figures/make.ts [--keep] [TEST ...]`: runs every test that proves a line of the list,
 * in its full size, and writes docs/figures.md from what they did. With tests named, only those are
 * run again, and the others are taken from the run before; `--keep` runs none.
 */
const folder = join(root, '.data', 'figures')

const { values, positionals } = parseArgs({
  options: { keep: { type: 'boolean', default: false } },
  allowPositionals: true,
})

function testsWithIds(): string[] {
  return [...filesUnder('test'), ...filesUnder('src')]
    .filter((path) => path.endsWith('.test.ts'))
    .filter((path) => titlesOf(path, readText(path)).some((title) => idsIn(title).length > 0))
}

/** One report for each file, so that a file can be run again by itself. */
function run(path: string): void {
  const report = join(folder, `${path.replaceAll('/', '-')}.json`)
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const args = [vitest, 'run', path, '--reporter=json', `--outputFile=${report}`]
  const env = { ...process.env, PATCHBAY_FIGURES: 'full' }
  const { status } = spawnSync(process.execPath, args, { cwd: root, env, encoding: 'utf8' })
  process.stdout.write(`${status === 0 ? 'ok  ' : 'NOT '} ${path}\n`)
}

mkdirSync(folder, { recursive: true })
if (!values.keep) {
  const tests = testsWithIds()
  const asked = (path: string) =>
    positionals.length === 0 || positionals.some((part) => path.includes(part))
  for (const path of tests.filter(asked)) run(path)
}
const texts = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))
const machine = {
  cores: availableParallelism(),
  gigabytes: Math.round(totalmem() / 1024 ** 3),
}
const page = writePage(readReports(texts), machine)
writeFileSync(join(root, 'docs', 'figures.md'), page.text)
process.stdout.write(`${page.summary}\n`)
process.exitCode = page.failed ? 1 : 0
