import { cp, mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadCertificates } from '../../src/emulator/certificates.ts'

/**
 * Gives an emulator that is about to start the certificates of those before it, as if it had been
 * there. To make its own takes 0.2 s of the processor, and a run starts more than a hundred. Where
 * they are about to end it makes its own all the same.
 */
export async function giveCertificates(dataDir: string): Promise<void> {
  await cp(await sharedCertificates(), dataDir, { recursive: true })
}

/** Made by whoever comes first, and kept: one folder per user, as nobody else may read them. */
async function sharedCertificates(): Promise<string> {
  const folder = join(tmpdir(), `patchbay-test-certificates-${process.getuid?.() ?? 0}`)
  if (await stat(folder).catch(() => undefined)) return folder
  const beside = await mkdtemp(`${folder}-`)
  await loadCertificates(beside, Date.now())
  // Somebody else may have been faster.
  await rename(beside, folder).catch(() => rm(beside, { recursive: true }))
  return folder
}
