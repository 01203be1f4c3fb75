import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openDatabase } from '../../src/store/database.ts'
import { startEmbedded } from '../../src/store/embedded.ts'
import { createJobs } from '../../src/store/jobs/jobs.ts'
import { addRun, addTransaction, notesOf, stateOf, steppingHandlers, until } from './jobsWorld.ts'
import { quietLog, systemClock } from './testing.ts'

test('after the database was away for seconds jobs go on where they were, and new ones soon', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'patchbay-outage-'))
  await chmod(folder, 0o755)
  const dataDir = join(folder, 'data')
  let server = await startEmbedded(dataDir, systemClock)
  const db = await openDatabase({ url: server.url, name: 'outage', log: quietLog })
  const changed: number[] = []
  const handlers = {
    ...steppingHandlers(db, 'x', 40, 50),
    transaction: async ({ id }: { id: number }) => {
      changed.push(id)
      return { done: true as const }
    },
  }
  const jobs = createJobs({ db, workerId: 'outage', handlers, clock: systemClock })
  await jobs.start()
  const id = await addRun(db, 1)
  await until('some steps', 10_000, async () => (await notesOf(db, id)).length > 10)

  process.kill(server.pid, 'SIGKILL')
  await systemClock.sleep(3_000)
  server = await startEmbedded(dataDir, systemClock)
  const back = Date.now()
  const transaction = await addTransaction(db, 2)
  await until('a new transaction', 5_000, async () => changed.includes(transaction))
  const left = 15_000 - (Date.now() - back)
  await until('the end', left, async () => (await stateOf(db, 'sync', id)) === 'succeeded')
  const steps = (await notesOf(db, id)).map((text) => Number(text.split(':')[1]))
  expect(steps).toEqual(Array.from({ length: 40 }, (_, index) => index + 1))

  await jobs.stop()
  await db.close()
  await server.stop()
  await rm(folder, { recursive: true })
}, 60_000)
