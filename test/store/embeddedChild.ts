import { startEmbedded } from '../../src/store/embedded.ts'
import { systemClock } from './testing.ts'

const { pid, adopted } = await startEmbedded(process.argv[2] ?? '', systemClock)
process.stdout.write(JSON.stringify({ pid, adopted }))
setInterval(() => {}, 60_000)
