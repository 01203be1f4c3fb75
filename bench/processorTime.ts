import { readdir, readFile } from 'node:fs/promises'
import type { BenchWorld } from './world.ts'

/** Linux counts processor time in hundredths of a second: proc_pid_stat(5), clock ticks. */
const ticksPerSecond = 100

/**
 * Processor time in seconds that a process and its children have used since they began: where it
 * adds up to more than the machine's processors had, no order of the work would have been faster.
 */
export async function processorSeconds(pid: number | undefined): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const all = await Promise.all(pids.map(readTimes))
  const ours = all.filter((one) => one !== undefined && (one.pid === pid || one.parent === pid))
  return ours.reduce((sum, one) => sum + (one?.ticks ?? 0), 0) / ticksPerSecond
}

/** What the server, the emulator and PostgreSQL have used, in this order. */
export function processorTimes(world: BenchWorld): Promise<number[]> {
  const { server, emulator, databasePid } = world
  return Promise.all([server.child.pid, emulator.child.pid, databasePid].map(processorSeconds))
}

async function readTimes(pid: string) {
  // It may have ended since the directory was read.
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  if (stat === undefined) return undefined
  // The name, in brackets, may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [, parent] = fields
  const used = fields.slice(11, 15).map(Number)
  return { pid: Number(pid), parent: Number(parent), ticks: used.reduce((a, b) => a + b, 0) }
}
