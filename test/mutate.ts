import { parseArgs } from 'node:util'
import {
  finds,
  type Listed,
  mutationLists,
  problemsOf,
  readMutations,
} from './mutations/mutations.ts'
import { clearUp, makeScratch, type Scratch, type TestResult } from './mutations/scratch.ts'

/**
 * `node test/mutate.ts [--list] [--jobs NUMBER] [PATH or ID ...]`: takes each defence out, in a
 * copy, and demands that the test that is said to notice passes with it and fails without. Prints
 * a row for each; ends with 1 when a test does not notice.
 */
const usage = 'node test/mutate.ts [--list] [--jobs NUMBER] [PATH or ID ...]'

/** A test that hangs without its defence has failed; no test needs half as long with it. */
const runMsMax = 240_000

/** What a test may not fail with: it tells that the mutant is no program, not that it is unsafe. */
const broken = /ReferenceError: .* is not defined/

interface Row {
  mutation: Listed
  verdict: string
  ok: boolean
  seconds: number
}

const { values, positionals: asked } = parseArgs({
  options: {
    list: { type: 'boolean', default: false },
    jobs: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})
if (values.help) {
  process.stdout.write(`${usage}\n`)
  process.exit(0)
}

const wanted = mutationLists().flatMap(readMutations).filter(isAsked)
if (wanted.length === 0) {
  process.stderr.write(`No mutation is of ${asked.join(', ') || 'any test'}. ${usage}\n`)
  process.exit(2)
}
if (values.list) {
  for (const { id, file, fails, test } of wanted) {
    process.stdout.write(`${id.padEnd(6)}${file}  ->  ${test} /${fails}/\n`)
  }
  process.exit(0)
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    clearUp()
    process.exit(130)
  })
}
process.exitCode = (await tryAll(wanted, Number(values.jobs))) ? 0 : 1

/** An id is meant whole; anything else is a part of the path of a list, a test or the source. */
function isAsked({ id, list, test, file }: Listed): boolean {
  if (asked.length === 0) return true
  return asked.some((text) =>
    /^[A-K]\d+$/.test(text) ? id === text : [id, list, test, file].some((it) => it.includes(text)),
  )
}

async function tryAll(mutations: readonly Listed[], jobs: number): Promise<boolean> {
  const waiting = [...mutations]
  let noticed = 0
  async function work(): Promise<void> {
    const scratch = await makeScratch()
    const known = new Map<string, Promise<TestResult[]>>()
    try {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const row = await attempt(scratch, next, known)
        if (row.ok) noticed++
        print(row)
      }
    } finally {
      await scratch.remove()
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, jobs) }, work))
  process.stdout.write(
    `${noticed} of ${mutations.length} defences taken out were noticed by their tests.\n`,
  )
  return noticed === mutations.length
}

/** @param known what the tests of a file came to with every defence in place */
async function attempt(
  scratch: Scratch,
  mutation: Listed,
  known: Map<string, Promise<TestResult[]>>,
): Promise<Row> {
  const began = performance.now()
  const end = (ok: boolean, verdict: string): Row => ({
    ...{ mutation, ok, verdict, seconds: (performance.now() - began) / 1_000 },
  })
  const [problem] = problemsOf(mutation)
  if (problem !== undefined) return end(false, problem)
  const { file, replace, by, fails, test } = mutation

  const key = `${test} ${fails}`
  const sound = known.get(key) ?? scratch.run(test, fails, runMsMax).then(({ results }) => results)
  known.set(key, sound)
  const before = chosen(await sound, fails)
  if (before.length === 0) return end(false, 'no such test ran')
  const [failing] = before.filter(({ passed }) => !passed)
  if (failing !== undefined) return end(false, `fails with the defence: ${failing.name}`)

  const after = await scratch.withText(file, replace, by, () => scratch.run(test, fails, runMsMax))
  if (after.tookTooLong) return end(true, 'hangs')
  const failed = chosen(after.results, fails).filter((result) => result.failed)
  if (failed.length === 0) {
    const passed = chosen(after.results, fails).some((result) => result.passed)
    return end(false, passed ? 'PASSES WITHOUT THE DEFENCE' : 'does not run without the defence')
  }
  if (failed.every(({ failure }) => broken.test(failure))) return end(false, 'is no program')
  return end(true, `fails (${failed.length} of ${before.length})`)
}

function chosen(results: readonly TestResult[], fails: string): TestResult[] {
  return results.filter(({ name, passed, failed }) => (passed || failed) && finds(fails, name))
}

function print({ mutation, ok, verdict, seconds }: Row): void {
  const { id, file, test, fails } = mutation
  const mark = ok ? 'ok  ' : 'NOT '
  const columns = [mark, id.padEnd(5), `${seconds.toFixed(0)} s`.padEnd(6), verdict]
  process.stdout.write(`${columns.join(' ')}  ${file}  ${test} /${fails}/\n`)
}
