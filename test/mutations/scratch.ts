import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../rules/source.ts'

/** What a test of a run of vitest came to. */
export interface TestResult {
  name: string
  passed: boolean
  failed: boolean
  /** What it failed with, stack and all. */
  failure: string
}

/** How a run of vitest ended; without results nothing could be run. */
export interface RunEnd {
  results: TestResult[]
  tookTooLong: boolean
}

/** A copy of the working tree in which a text of the source may be another one. */
export type Scratch = Awaited<ReturnType<typeof makeScratch>>

/** Not copied: the history, what runs leave behind, and what is installed, which is linked. */
const left = new Set(['.git', '.data', 'coverage', 'node_modules'])

/** What has to go when this process goes: groups of processes by their number, and folders. */
const groups = new Set<number>()
const folders = new Set<string>()

/** To be called when this process is told to stop. */
export function clearUp(): void {
  for (const group of groups) endGroup(group)
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}

/** Ends what a test started and a mutant kept it from ending. */
function endGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // Nobody of it is left.
  }
  groups.delete(group)
}

/**
 * Copies what stands in the working tree, committed or not: a defence is tried out before it is
 * committed. A worktree of git would hold what was committed.
 */
export async function makeScratch() {
  const folder = await mkdtemp(join(tmpdir(), 'patchbay-mutations-'))
  folders.add(folder)
  const names = (await readdir(root)).filter((name) => !left.has(name))
  for (const name of names) await cp(join(root, name), join(folder, name), { recursive: true })
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
  return {
    run: (file: string, names: string, ms: number) => runTests(folder, file, names, ms),
    /** Does the work while the file has the other text. */
    async withText<T>(file: string, replace: string, by: string, work: () => Promise<T>) {
      const path = join(folder, file)
      const text = await readFile(path, 'utf8')
      const at = text.indexOf(replace)
      if (at === -1) throw new Error(`${file} has changed while it was being copied.`)
      // Not String.replace, which reads `$&` in the other text.
      await writeFile(path, text.slice(0, at) + by + text.slice(at + replace.length))
      try {
        return await work()
      } finally {
        await writeFile(path, text)
      }
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

async function runTests(folder: string, file: string, names: string, ms: number): Promise<RunEnd> {
  const report = join(folder, '.data', 'report.json')
  await rm(report, { force: true })
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
  // To vitest a name is that of its groups and its own with ` > ` between them.
  const pattern = names.replaceAll(' > ', ' ').replaceAll(' ', '(?: > | )')
  const args = [vitest, 'run', file, '-t', pattern, '--reporter=json', `--outputFile=${report}`]
  // A group of its own, so that what a test has started ends with it when it takes too long.
  const child = spawn(process.execPath, args, {
    ...{ cwd: folder, detached: true, stdio: 'ignore' },
  })
  if (child.pid !== undefined) groups.add(child.pid)
  let tookTooLong = false
  const timer = setTimeout(() => {
    tookTooLong = true
    if (child.pid !== undefined) endGroup(child.pid)
  }, ms)
  await new Promise((resolve) => child.once('exit', resolve))
  clearTimeout(timer)
  if (child.pid !== undefined) endGroup(child.pid)
  const text = await readFile(report, 'utf8').catch(() => '{"testResults":[]}')
  return { results: resultsIn(JSON.parse(text)), tookTooLong }
}

/** The part of vitest's JSON report that is read here. */
interface Report {
  testResults: {
    assertionResults: { fullName: string; status: string; failureMessages: string[] }[]
  }[]
}

function resultsIn({ testResults }: Report): TestResult[] {
  return testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .map(({ fullName, status, failureMessages }) => ({
      ...{ name: fullName, passed: status === 'passed', failed: status === 'failed' },
      failure: failureMessages.join('\n'),
    }))
}
