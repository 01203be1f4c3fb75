import { spawn } from 'node:child_process'
import { adminTokenFile } from '../../src/main/dataDir.ts'
import { launcher } from '../../src/main/version.ts'
import { median, type Report } from '../report.ts'
import { type BenchWorld, openWorld } from '../world.ts'

/** In pairs, one right behind the other, so that what else the machine does weighs on both. */
const pairs = 21
/** The first runs of a new checkout compile what later ones find compiled. */
const warmUps = 3

/** How much longer a command that asks the server takes than Node itself. */
export async function run(report: Report): Promise<void> {
  const world = await openWorld(10)
  try {
    await measure(world, report)
  } finally {
    await world.close()
  }
}

async function measure(world: BenchWorld, report: Report): Promise<void> {
  await world.attach('Contoso')
  const connection = [
    ...['--server', world.server.url ?? ''],
    ...['--token-file', adminTokenFile(world.dataDir)],
  ]
  const command = [launcher, 'tenant', 'list', '--json', ...connection]
  for (let time = 0; time < warmUps; time += 1) await timeOf(command)
  const bare: number[] = []
  const more: number[] = []
  for (let pair = 0; pair < pairs; pair += 1) {
    const node = await timeOf(['-e', '0'])
    bare.push(node)
    more.push((await timeOf(command)) - node)
  }
  report({ figure: 'node -e 0, median', value: median(bare), unit: 'ms' })
  report({
    figure: 'tenant list --json beyond it, median of pairs',
    value: median(more),
    unit: 'ms',
    goal: '<= 200',
  })
}

/** Milliseconds from the start of a process to its end. */
async function timeOf(args: readonly string[]): Promise<number> {
  const began = performance.now()
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const code = await new Promise((resolve) => child.on('exit', resolve))
  if (code !== 0) throw new Error(`node ${args.join(' ')} ended with ${code}`)
  return performance.now() - began
}
