import { join } from 'node:path'
import type { Sealed } from '../core/secret.ts'
import { type Database, openDatabase } from '../store/database.ts'
import { startEmbedded } from '../store/embedded.ts'
import { systemClock } from './clock.ts'
import { makeDataDir } from './dataDir.ts'
import { createLog } from './log.ts'
import type { Settings } from './settings.ts'

/** The database of this machine's Patchbay, whether or not that runs, while `work` does. */
export async function withLocalDatabase<T>(
  settings: Settings,
  name: string,
  work: (db: Database, ownerUrl: Sealed) => Promise<T>,
): Promise<T> {
  await makeDataDir(settings.dataDir)
  const { databaseUrl } = settings
  const { url, stop } =
    databaseUrl === undefined
      ? await startEmbedded(join(settings.dataDir, 'postgres'), systemClock)
      : { url: databaseUrl, stop: async () => {} }
  try {
    const log = createLog(process, (line) => process.stderr.write(line))
    const db = await openDatabase({ url, name, log })
    return await work(db, url).finally(() => db.close())
  } finally {
    await stop()
  }
}
