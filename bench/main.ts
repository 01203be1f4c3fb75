import { readdir } from 'node:fs/promises'
import { createReport, type Report } from './report.ts'

/** `npm run bench -- NAME [NAME ...]`; without a name all of them, one after the other. */
const folder = new URL('measures/', import.meta.url)
/** `syncLimit.ts` is asked for as `sync-limit`. */
const nameOf = (file: string) =>
  file.replace(/\.ts$/, '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
const files = new Map((await readdir(folder)).sort().map((file) => [nameOf(file), file]))
const known = [...files.keys()]
const asked = process.argv.slice(2)
const strange = asked.filter((name) => !known.includes(name))
if (strange.length > 0) {
  process.stderr.write(`There is no bench ${strange.join(', ')}. There are: ${known.join(', ')}.\n`)
  process.exit(2)
}
let failed = false
for (const name of asked.length > 0 ? asked : known) {
  const measure: { run(report: Report): Promise<void> } = await import(
    `./measures/${files.get(name)}`
  )
  const bench = createReport(name)
  await measure.run(bench.report)
  failed ||= bench.failed()
}
process.exit(failed ? 1 : 0)
