import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { AppError } from '../core/errors.ts'
import type { Latency, TenantSpec } from '../emulator/options.ts'
import { startEmulator } from '../emulator/start.ts'
import { systemClock } from './clock.ts'
import { defaultDataDir, makeDataDir } from './dataDir.ts'
import { stopSignal } from './signals.ts'

export const emulatorHelp = `Usage: patchbay emulator [options]

Runs an emulated Microsoft 365 until it is told to stop (SIGTERM, Ctrl-C). Prints one JSON object:
its address, its certificate authority, and how to sign in to each tenant.

  --port <port>       0 takes any free one (0)
  --tenants <count>   tenants, the second with the seed after the first's, and so on (1)
  --users <count>     users of each tenant (1000)
  --seed <number>     equal seeds make equal tenants (1)
  --names <seed>      uneven initials, differently for each seed (as in real lists)
  --latency <a,b,c>   answers take (a + b * rows) * (1 + calls in flight / c) milliseconds; c may be
                      left out (0,0)
  --budgets <share>   holds calls to this share of Microsoft's budgets, 1 is all (none)
  --control           lets faults be asked for under /_control/
  --loopback-http     takes http:// addresses of this machine for change notifications
  --notify-ca <file>  one more authority that such addresses are trusted by, PEM
  --data <path>       the data directory (PATCHBAY_DATA; /var/lib/patchbay as root, else ./.data)
  --json              nothing more: it prints JSON in any case
`

export async function emulator(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string', default: '0' },
      tenants: { type: 'string', default: '1' },
      users: { type: 'string', default: '1000' },
      seed: { type: 'string', default: '1' },
      names: { type: 'string' },
      latency: { type: 'string', default: '0,0' },
      budgets: { type: 'string' },
      'loopback-http': { type: 'boolean', default: false },
      'notify-ca': { type: 'string' },
      control: { type: 'boolean', default: false },
      data: { type: 'string' },
      // What it prints is JSON in any case.
      json: { type: 'boolean' },
    },
  })
  const dataDir = join(values.data ?? defaultDataDir(process.env), 'emulator')
  await makeDataDir(dataDir)
  const { 'notify-ca': notifyCa } = values
  // Listened for first: whoever reads the address may send the signal in the same moment.
  const stopped = stopSignal()
  const running = await startEmulator({
    dataDir,
    clock: systemClock,
    port: count('--port', values.port, 65_535),
    tenants: tenantSpecs(values),
    latency: latency(values.latency),
    notifications: {
      loopbackHttp: values['loopback-http'],
      ca: notifyCa === undefined ? undefined : await readFile(notifyCa, 'utf8'),
    },
    control: values.control,
  })
  const { url, caFile, tenants } = running
  process.stdout.write(`${JSON.stringify({ url, caFile, tenants }, null, 2)}\n`)
  await stopped
  await running.close()
  return 0
}

interface TenantValues {
  tenants: string
  users: string
  seed: string
  names?: string
  budgets?: string
}

/** As many as asked for, alike but for their seeds. */
function tenantSpecs({ tenants, users, seed, names, budgets }: TenantValues): TenantSpec[] {
  const seedMax = 2 ** 32
  const shared = {
    users: count('--users', users, 1_000_000),
    ...(names !== undefined && { names: { seed: count('--names', names, seedMax) } }),
    ...(budgets !== undefined && { budgetShare: share(budgets) }),
  }
  const first = count('--seed', seed, seedMax)
  return Array.from({ length: count('--tenants', tenants, 1_000) }, (_, index) => ({
    ...shared,
    seed: first + index,
  }))
}

function latency(text: string): Latency {
  const numbers = text.split(',').map(Number)
  const [fixedMs = 0, perRowMs = 0, inFlightDivisor = 0] = numbers
  if (numbers.length <= 3 && numbers.every((number) => number >= 0 && number <= 3_600_000)) {
    return { fixedMs, perRowMs, inFlightDivisor }
  }
  throw new AppError('bad-input', '--latency has to be two or three numbers: 135,0.331,16.')
}

function share(text: string): number {
  const number = Number(text)
  if (number > 0 && number <= 1_000) return number
  throw new AppError('bad-input', '--budgets has to be a number above 0: 1 is what is documented.')
}

function count(option: string, text: string, max: number): number {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
  if (number <= max) return number
  throw new AppError('bad-input', `${option} has to be a number from 0 to ${max}.`)
}
