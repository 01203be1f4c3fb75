import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const launcher = fileURLToPath(new URL('../../bin/patchbay.js', import.meta.url))

export interface Ended {
  exit: number | null
  out: string
  err: string
}

/** Runs the real command line as a process, without a terminal. */
export function run(
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; input?: string; nodeArgs?: readonly string[] } = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const { HOME: _, ...inherited } = process.env
    const child = spawn(process.execPath, [...(options.nodeArgs ?? []), launcher, ...args], {
      env: { ...inherited, HOME: '/nonexistent', ...options.env },
    })
    const ended: Ended = { exit: null, out: '', err: '' }
    child.stdout.on('data', (chunk) => {
      ended.out += String(chunk)
    })
    child.stderr.on('data', (chunk) => {
      ended.err += String(chunk)
    })
    child.on('error', reject)
    child.on('close', (exit) => resolve({ ...ended, exit }))
    child.stdin.end(options.input ?? '')
  })
}
