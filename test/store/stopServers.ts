import { stopTestServers } from './testing.ts'

// `make clean`: tests leave their PostgreSQL running, so that the next run begins at once.
await stopTestServers()
