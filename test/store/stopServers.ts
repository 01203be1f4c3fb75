import { temporaryFolder } from '../temporary.ts'
import { stopTestServers } from './testing.ts'

// `make clean`: tests leave their PostgreSQL running, so that the next run begins at once.
process.env.TMPDIR ??= temporaryFolder()
await stopTestServers()
