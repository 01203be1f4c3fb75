import { parseArgs } from 'node:util'
import { limits } from '../core/limits.ts'
import { systemClock } from './clock.ts'
import { createLog } from './log.ts'
import { readSettings } from './settings.ts'
import { stopSignal } from './signals.ts'
import { startPatchbay } from './start.ts'

export const serveHelp = `Usage: patchbay serve [options]

Serves the API and works jobs until it is told to stop (SIGTERM, Ctrl-C).

  --role <role>  all, api or worker (PATCHBAY_ROLE; all)
  --host <host>  where it listens (PATCHBAY_HOST; 127.0.0.1)
  --port <port>  0 takes any free one (PATCHBAY_PORT; 7400)
  --data <path>  the data directory (PATCHBAY_DATA; /var/lib/patchbay as root, else ./.data)

DATABASE_URL names a PostgreSQL of version 15 or newer; without it Patchbay runs its own.
The data directory may hold patchbay.json; docs/cli.md describes it.
`

/** Runs until a signal. Answers the exit code. */
export async function serve(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      role: { type: 'string' },
      host: { type: 'string' },
      port: { type: 'string' },
      data: { type: 'string' },
    },
  })
  const log = createLog(process, (line) => process.stderr.write(line))
  // A disk without space under the log stops nobody: what is done is on record in the database.
  process.stderr.on('error', () => {})
  const stopped = stopSignal()
  const settings = await readSettings(process.env, values)
  const patchbay = await startPatchbay(settings, systemClock, log)
  if (settings.role !== 'worker' && !/^(127\.|localhost$|::1$)/.test(settings.host)) {
    log.warn({ host: settings.host }, 'tokens cross the network in the clear: put TLS before it')
  }
  log.info({ signal: await stopped }, 'stopping')
  // Whatever hangs: the process ends, and what it worked on is taken over by another.
  setTimeout(() => process.exit(1), limits.stopMs).unref()
  await patchbay.close()
  return 0
}
