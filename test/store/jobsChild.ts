import { Sealed } from '../../src/core/secret.ts'
import { openDatabase } from '../../src/store/database.ts'
import { createJobs } from '../../src/store/jobs/jobs.ts'
import { steppingHandlers } from './jobsWorld.ts'
import { quietLog, systemClock } from './testing.ts'

/** A worker as a process of its own: database, name, steps, milliseconds per step, heart rates. */
const [url = '', workerId = '', ...numbers] = process.argv.slice(2)
const [steps = 0, stepMs = 0, heartbeatMs = 0, heartbeatDeadMs = 0] = numbers.map(Number)
const db = await openDatabase({ url: new Sealed(url), name: workerId, log: quietLog, poolMax: 4 })
const handlers = steppingHandlers(db, workerId, steps, stepMs)
const jobs = createJobs({
  db,
  workerId,
  handlers,
  clock: systemClock,
  heartbeatMs,
  heartbeatDeadMs,
})
await jobs.start()
process.stdout.write('ready\n')
process.on('SIGTERM', async () => {
  await jobs.stop()
  await db.close()
})
