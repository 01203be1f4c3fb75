import { writeSync } from 'node:fs'
import type { Reporter, TestModule } from 'vitest/node'

interface Counts {
  passed: number
  failed: number
  skipped: number
}

/**
 * How long vitest may take to end what it started. A process that a test left behind holds the pipe
 * of its output open, and vitest would wait for it for ever.
 */
const endMs = 60_000

/**
 * Prints `tests: N passed, N failed, N skipped` as the very last line, so that a person and a
 * script read the same thing. A file that could not be loaded counts as one failure, and a run in
 * which nothing ran is a failed run.
 *
 * @param notes lines to print above it: what this run did not cover
 * @param withinMs a run that has not ended so long after its last test fails
 */
export function closingLine(notes: readonly string[], withinMs = endMs): Reporter {
  return {
    onTestRunEnd(modules, unhandledErrors) {
      const counts = countTests(modules)
      counts.failed += unhandledErrors.length
      // Behind everything the other reporters print: they write while the process still runs.
      process.once('exit', () => {
        const { passed, failed, skipped } = counts
        if (failed > 0 || passed === 0) process.exitCode = process.exitCode || 1
        const line = `tests: ${passed} passed, ${failed} failed, ${skipped} skipped`
        writeSync(1, `${[...notes, line].join('\n')}\n`)
      })
      setTimeout(() => {
        const said = 'The run does not end by itself: a test has left a process of its own behind.'
        writeSync(1, `${said}\n`)
        process.exit(1)
      }, withinMs).unref()
    },
  }
}

function countTests(modules: readonly TestModule[]): Counts {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 }
  for (const module of modules) {
    let failedHere = 0
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state === 'failed') failedHere += 1
      else if (state === 'passed') counts.passed += 1
      else counts.skipped += 1
    }
    // A hook or the file itself failed, and no test carries the blame.
    if (failedHere === 0 && module.state() === 'failed') failedHere = 1
    counts.failed += failedHere
  }
  return counts
}
