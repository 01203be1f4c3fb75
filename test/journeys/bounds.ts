import { limits } from '../../src/core/limits.ts'

// Loaded into a server before it starts (NODE_OPTIONS): bounds that a test has no time to wait for.
Object.assign(limits, JSON.parse(process.env.PATCHBAY_TEST_BOUNDS ?? '{}'))
