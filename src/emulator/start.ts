import { randomBytes } from 'node:crypto'
import { loadCertificates } from './certificates.ts'
import { makeTenant } from './data/tenant.ts'
import { chooseNotificationFault, type FaultBook } from './faults/book.ts'
import { tokenKeys } from './login/keys.ts'
import { addTenant, newNotifier } from './notifications/notifier.ts'
import type { Emulator, EmulatorOptions } from './options.ts'
import { seededRandom } from './random.ts'
import { newCallBook } from './record.ts'
import { createEmulatorServer } from './server.ts'
import { emulatorClock, type State } from './state.ts'
import { accessTo } from './tenantAccess.ts'

/** Starts an emulated Microsoft 365 on one https address and resolves once it listens. */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const { host = '127.0.0.1', port = 0 } = options
  const clock = emulatorClock(options.clock)
  const certificates = await loadCertificates(options.dataDir, clock.now())
  const tenants = options.tenants.map((spec) => makeTenant(spec, clock))
  const faults: FaultBook = { faults: [] }
  const state: State = {
    clock,
    tenants: new Map(),
    keys: tokenKeys(certificates.tokenKey),
    pageKey: { secret: randomBytes(32) },
    random: seededRandom(tenants[0]?.seed ?? 0, 'requests'),
    controlled: options.control,
    checkAnswers: options.checkAnswers ?? false,
    gzip: options.gzip ?? true,
    latency: options.latency ?? { fixedMs: 0, perRowMs: 0, inFlightDivisor: 0 },
    buckets: new Map(),
    faults,
    calls: newCallBook(),
    notifier: newNotifier(
      options.notifications ?? {},
      certificates.caPem,
      (tenantId, path) => chooseNotificationFault(faults, tenantId, path)?.spec,
    ),
    violations: [],
    inFlight: new Map(),
  }
  for (const tenant of tenants) addTenant(state, tenant)
  const server = createEmulatorServer(state, certificates)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve())
  })
  const address = server.address()
  const listening = typeof address === 'object' && address !== null ? address.port : port
  return {
    url: `https://${host}:${listening}`,
    caFile: certificates.caFile,
    caPem: certificates.caPem,
    tenants: tenants.map(accessTo),
    close: () =>
      new Promise((resolve) => {
        state.notifier.closed.abort()
        state.notifier.waiting?.abort()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
