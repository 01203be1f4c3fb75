import { Worker } from 'node:worker_threads'
import { badInput } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'

/** What the worker answers: PEM blocks, or the field at fault. */
export type PfxAnswer = { pem: string } | { field: 'pfx' | 'password'; problem: string }

/**
 * The key and certificates of a PFX file (base64) as PEM. Opened in a thread of its own: the file
 * says how many rounds its password takes, and a hostile one would otherwise hold the server up.
 */
export async function openPfx(
  base64: string,
  password: string,
  waitMs: number = limits.pfxMs,
): Promise<string> {
  const answer = await askWorker({ base64, password }, waitMs)
  if ('pem' in answer) return answer.pem
  throw badInput(`body.${answer.field}`, answer.problem)
}

async function askWorker(
  input: { base64: string; password: string },
  waitMs: number,
): Promise<PfxAnswer> {
  const worker = new Worker(new URL('./pfxWorker.ts', import.meta.url), {
    workerData: input,
    resourceLimits: { maxOldGenerationSizeMb: limits.pfxMemoryMb },
    env: {},
    stdout: true,
    stderr: true,
  })
  const { promise, resolve } = Promise.withResolvers<PfxAnswer>()
  const giveUp = (problem: string) => resolve({ field: 'pfx', problem })
  const timer = setTimeout(giveUp, waitMs, 'took too long to open.')
  worker.on('message', resolve)
  worker.on('error', () => giveUp('cannot be read.'))
  worker.on('exit', () => giveUp('cannot be read.'))
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    // Not awaited: a thread within OpenSSL only ends when it comes back from there.
    worker.terminate().catch(() => {})
  }
}
