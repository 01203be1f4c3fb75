import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { AppError } from '../core/errors.ts'
import { startEmulator } from '../emulator/start.ts'
import { systemClock } from './clock.ts'
import { defaultDataDir, makeDataDir } from './dataDir.ts'
import { stopSignal } from './signals.ts'

export const emulatorHelp = `Usage: patchbay emulator [options]

Runs an emulated Microsoft 365 with one tenant until it is told to stop (SIGTERM, Ctrl-C). Prints
one JSON object: its address, its certificate authority, and how to sign in.

  --port <port>     0 takes any free one (0)
  --users <count>   users of the tenant (1000)
  --seed <number>   equal seeds make equal tenants (1)
  --control         lets faults be asked for under /_control/
  --data <path>     the data directory (PATCHBAY_DATA; /var/lib/patchbay as root, else ./.data)
`

export async function emulator(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string', default: '0' },
      users: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      control: { type: 'boolean', default: false },
      data: { type: 'string' },
    },
  })
  const dataDir = join(values.data ?? defaultDataDir(process.env), 'emulator')
  await makeDataDir(dataDir)
  // Listened for first: whoever reads the address may send the signal in the same moment.
  const stopped = stopSignal()
  const running = await startEmulator({
    dataDir,
    clock: systemClock,
    port: count('--port', values.port, 65_535),
    tenants: [
      {
        users: count('--users', values.users, 1_000_000),
        seed: count('--seed', values.seed, 2 ** 32),
      },
    ],
    control: values.control,
  })
  const { url, caFile, tenants } = running
  process.stdout.write(`${JSON.stringify({ url, caFile, tenants }, null, 2)}\n`)
  await stopped
  await running.close()
  return 0
}

function count(option: string, text: string, max: number): number {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
  if (number <= max) return number
  throw new AppError('bad-input', `${option} has to be a number from 0 to ${max}.`)
}
