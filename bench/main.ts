import { readdir } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { createReport, type Report } from './report.ts'

/**
 * `npm run bench -- [--seed NUMBER] NAME [NAME ...]`; without a name all of them, one after the
 * other. The seed is of what a bench draws at random.
 */
const folder = new URL('measures/', import.meta.url)
/** `syncLimit.ts` is asked for as `sync-limit`. */
const nameOf = (file: string) =>
  file.replace(/\.ts$/, '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
const files = new Map((await readdir(folder)).sort().map((file) => [nameOf(file), file]))
const known = [...files.keys()]
const { values, positionals: asked } = parseArgs({
  options: { seed: { type: 'string', default: '1' } },
  allowPositionals: true,
})
const seed = Number(values.seed)
const strange = asked.filter((name) => !known.includes(name))
if (strange.length > 0) {
  process.stderr.write(`There is no bench ${strange.join(', ')}. There are: ${known.join(', ')}.\n`)
  process.exit(2)
}
let failed = false
for (const name of asked.length > 0 ? asked : known) {
  const measure: { run(report: Report, options: { seed: number }): Promise<void> } = await import(
    `./measures/${files.get(name)}`
  )
  const bench = createReport(name)
  await measure.run(bench.report, { seed })
  failed ||= bench.failed()
}
process.exit(failed ? 1 : 0)
