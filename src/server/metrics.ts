import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** A call out or a request in, as far as figures need it: names of routes and wires, no values. */
export interface CallFigure {
  wire: string
  status: number | undefined
  milliseconds: number
}

export interface RequestFigure {
  method: string
  route: string
  status: number
  milliseconds: number
}

/** The figures of one process, with its own registry: several may live in one test. */
export interface Metrics {
  request(figure: RequestFigure): void
  call(figure: CallFigure): void
  /** Prometheus' text. `jobs` is counted at that moment, by kind and state. */
  text(jobs: readonly { kind: string; state: string }[]): Promise<string>
  close(): void
}

/** From 5 ms, a list from the database, to 30 s, a call Microsoft holds back. */
const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  // Memory, garbage collection and the lag of the event loop.
  collectDefaultMetrics({ register: registry, prefix: 'patchbay_' })
  const requests = new Histogram({
    name: 'patchbay_request_seconds',
    help: 'Time to answer requests, by route',
    labelNames: ['method', 'route', 'status'],
    buckets: seconds,
    registers,
  })
  const calls = new Histogram({
    name: 'patchbay_call_seconds',
    help: 'Time of calls to Microsoft, by wire',
    labelNames: ['wire', 'status'],
    buckets: seconds,
    registers,
  })
  const jobs = new Gauge({
    name: 'patchbay_jobs',
    help: 'Syncs and transactions that wait or run',
    labelNames: ['kind', 'state'],
    registers,
  })
  return {
    request: ({ method, route, status, milliseconds }) =>
      requests.observe({ method, route, status }, milliseconds / 1_000),
    call: ({ wire, status, milliseconds }) =>
      calls.observe({ wire, status: status ?? 'none' }, milliseconds / 1_000),
    async text(found) {
      jobs.reset()
      for (const { kind, state } of found) jobs.inc({ kind, state })
      return await registry.metrics()
    },
    close: () => registry.clear(),
  }
}
