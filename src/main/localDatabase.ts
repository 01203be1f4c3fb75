import { join } from 'node:path'
import type { Sealed } from '../core/secret.ts'
import { type Database, openDatabase } from '../store/database.ts'
import { startEmbedded } from '../store/embedded.ts'
import { systemClock } from './clock.ts'
import { makeDataDir } from './dataDir.ts'
import { createLog } from './log.ts'
import type { Settings } from './settings.ts'

/** The PostgreSQL of this machine's Patchbay, whether or not that runs, while `work` does. */
export async function withLocalServer<T>(
  { dataDir, databaseUrl }: Settings,
  work: (ownerUrl: Sealed) => Promise<T>,
): Promise<T> {
  if (databaseUrl !== undefined) return await work(databaseUrl)
  await makeDataDir(dataDir)
  const server = await startEmbedded(join(dataDir, 'postgres'), systemClock)
  return await work(server.url).finally(() => server.stop())
}

/** The same as the application sees it, brought up to date. */
export async function withLocalDatabase<T>(
  url: Sealed,
  name: string,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  const log = createLog(process, (line) => process.stderr.write(line))
  const db = await openDatabase({ url, name, log })
  return await work(db).finally(() => db.close())
}
