import { chmodSync, mkdirSync, readFileSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const memory = '/dev/shm'
/** A run was seen to take 0.7 GB of files and 3 GB besides. */
const roomBytes = 2 * 1024 ** 3
const availableBytes = 8 * 1024 ** 3

/**
 * Where tests keep their files: in memory where there is plenty of it, else where the system keeps
 * temporary ones. Every test's database is some thousand files, and making and removing them on a
 * disk (ext4) was a sixth of what a run takes.
 */
export function temporaryFolder(): string {
  try {
    const { bavail, bsize } = statfsSync(memory)
    const enough = bavail * bsize >= roomBytes && process.availableMemory() >= availableBytes
    if (!enough || !runsPrograms(memory)) return tmpdir()
    const folder = join(memory, `patchbay-tests-${process.getuid?.() ?? 0}`)
    mkdirSync(folder, { recursive: true })
    // As /tmp: a PostgreSQL or squid that root starts runs as somebody else.
    chmodSync(folder, 0o1777)
    return folder
  } catch {
    return tmpdir()
  }
}

/** Whether what lies there may be started, as the embedded PostgreSQL is. */
function runsPrograms(mount: string): boolean {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n')
  const options = mounts.map((line) => line.split(' ')).findLast(([, at]) => at === mount)?.[3]
  return options !== undefined && !options.split(',').includes('noexec')
}
