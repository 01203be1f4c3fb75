import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../src/core/clock.ts'
import type { Sealed } from '../../src/core/secret.ts'
import type { Emulator, EmulatorOptions } from '../../src/emulator/options.ts'
import { startEmulator } from '../../src/emulator/start.ts'
import { readSettings } from '../../src/main/settings.ts'
import { startPatchbay } from '../../src/main/start.ts'
import { giveCertificates } from '../emulator/certificates.ts'
import { freshDatabase, systemClock } from '../store/testing.ts'
import { type Deeds, requireAllOnRecord } from '../writesOnRecord.ts'

/** A Patchbay as `patchbay serve` starts it, on a database of its own. */
export interface TestPatchbay {
  url: string
  dataDir: string
  databaseUrl: Sealed
  token: string
  tokenFile: string
  emulator: Emulator
  /** Every line of the log so far. */
  log: { level: string; fields: object; message: string }[]
  close(): Promise<void>
}

export async function startTestPatchbay(
  given: {
    role?: 'all' | 'api'
    /** Free at the moment; it is then known before the start. */
    port?: number
    /** Further members of patchbay.json, and how the emulated tenant notifies. */
    settings?: object
    notifications?: EmulatorOptions['notifications']
    clock?: Clock
    /** What it does to its own writes; where nothing, all and only what is on record was sent. */
    deeds?: Deeds
  } = {},
): Promise<TestPatchbay> {
  const dataDir = await mkdtemp(join(tmpdir(), 'patchbay-test-serve-'))
  const database = await freshDatabase()
  await giveCertificates(join(dataDir, 'emulator'))
  const emulator = await startEmulator({
    dataDir: join(dataDir, 'emulator'),
    clock: systemClock,
    tenants: [{ users: 40, seed: 7 }],
    control: true,
    ...(given.notifications && { notifications: given.notifications }),
  })
  const cloud = {
    name: 'emulator',
    login: emulator.url,
    graph: emulator.url,
    scope: 'https://graph.microsoft.com/.default',
    caFile: emulator.caFile,
    allowedAddresses: ['127.0.0.0/8'],
  }
  await writeFile(
    join(dataDir, 'patchbay.json'),
    JSON.stringify({ clouds: [cloud], ...given.settings }),
  )
  const env = { DATABASE_URL: database.url.reveal() }
  const settings = await readSettings(env, {
    data: dataDir,
    port: String(given.port ?? 0),
    role: given.role,
  })
  const log: TestPatchbay['log'] = []
  const note = (level: string) => (fields: object, message: string) => {
    log.push({ level, fields, message })
  }
  const patchbay = await startPatchbay(settings, given.clock ?? systemClock, {
    ...{ info: note('info'), warn: note('warn'), error: note('error') },
  })
  const tokenFile = join(dataDir, 'admin-token')
  return {
    url: patchbay.url ?? '',
    dataDir,
    databaseUrl: database.url,
    token: (await readFile(tokenFile, 'utf8')).trim(),
    tokenFile,
    emulator,
    log,
    async close() {
      await patchbay.close()
      try {
        await requireAllOnRecord(emulator, database.url, given.deeds)
      } finally {
        await emulator.close()
        await database.close()
        await rm(dataDir, { recursive: true })
      }
    },
  }
}
