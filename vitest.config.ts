import { existsSync } from 'node:fs'
import { defineConfig } from 'vitest/config'
import { closingLine } from './test/closingLine.ts'

/**
 * PATCHBAY_TEST_POSTGRES says which PostgreSQL the tests run on: `embedded` (when unset), `debian`
 * (version 15 where Debian installs it, the oldest we support), or `both`: everything on the
 * embedded one and what speaks to the database once more on Debian's.
 */
const asked = process.env.PATCHBAY_TEST_POSTGRES ?? 'embedded'
const debianIsThere = existsSync('/usr/lib/postgresql/15/bin/postgres')

const shared = {
  environment: 'node' as const,
  pool: 'forks' as const,
  testTimeout: 30_000,
  hookTimeout: 60_000,
}

const embedded = {
  test: {
    ...shared,
    name: 'embedded',
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    env: { PATCHBAY_TEST_POSTGRES: 'embedded' },
  },
}

const debian = {
  test: {
    ...shared,
    name: 'debian',
    include: ['src/store/**/*.test.ts', 'test/store/**/*.test.ts', 'test/engine/**/*.test.ts'],
    env: { PATCHBAY_TEST_POSTGRES: 'debian' },
  },
}

function projects() {
  if (asked === 'debian') return [{ test: { ...debian.test, include: embedded.test.include } }]
  return asked === 'both' && debianIsThere ? [embedded, debian] : [embedded]
}

const notes =
  asked === 'both' && !debianIsThere
    ? ['PostgreSQL 15 is not installed here: the database tests ran on the embedded one only.']
    : []

export default defineConfig({
  test: {
    projects: projects(),
    // Two files at a time: each may have a PostgreSQL, an emulator and a server of its own.
    maxWorkers: 2,
    // A golden file changes only when asked to (`vitest run -u`), never by running the tests.
    update: 'none',
    reporters: ['default', closingLine(notes)],
  },
})
