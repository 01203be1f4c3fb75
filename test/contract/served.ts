import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { startServerProcess, stopProcess } from '../../src/main/children.ts'
import { readSettings } from '../../src/main/settings.ts'
import { startPatchbay } from '../../src/main/start.ts'
import type { TestPatchbay } from '../server/patchbay.ts'
import { quietLog, systemClock } from '../store/testing.ts'

export interface Served {
  url: string
  child: ChildProcess
  /** Lines of its log that tell of an error nobody foresaw. */
  errors: string[]
  close(): Promise<void>
}

/** The API as a process of its own, as an administrator starts it: its memory is its own. */
export async function serve({ dataDir, databaseUrl }: TestPatchbay): Promise<Served> {
  const env = { ...process.env, DATABASE_URL: databaseUrl.reveal() }
  const { child, url = '' } = await startServerProcess(dataDir, ['--role', 'api'], env)
  const errors: string[] = []
  if (child.stderr === null) throw new Error('it has no log')
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (!line.startsWith('{') || JSON.parse(line).level >= 50) errors.push(line)
  })
  return { url, child, errors, close: () => stopProcess(child) }
}

/** Does the work while a worker carries out what it asks for. */
export async function withWorker<T>(patchbay: TestPatchbay, work: () => Promise<T>): Promise<T> {
  const env = { DATABASE_URL: patchbay.databaseUrl.reveal() }
  const settings = await readSettings(env, { data: patchbay.dataDir, role: 'worker' })
  const worker = await startPatchbay(settings, systemClock, quietLog)
  try {
    return await work()
  } finally {
    await worker.close()
  }
}
