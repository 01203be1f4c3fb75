/**
 * What reaches out of the process (files, sockets, programs, the database) or carries weight is
 * for few files. `files` are path beginnings; one that begins with a star means that file name in
 * any folder. A module that is not listed may not be imported in `src` at all. Everything here has
 * its reason beside it, so that adding a line is a decision.
 */
export interface Reach {
  files: readonly string[]
  why: string
}

const everywhere = ['src/']

export const modules: Readonly<Record<string, Reach>> = {
  'node:assert': { files: everywhere, why: 'pure' },
  'node:async_hooks': { files: ['src/store/'], why: 'the scope of a transaction' },
  'node:buffer': { files: everywhere, why: 'pure' },
  'node:crypto': {
    files: everywhere,
    why: 'reaches nothing; core is kept free of it by layers.ts',
  },
  'node:events': { files: everywhere, why: 'pure' },
  'node:path': { files: everywhere, why: 'pure' },
  'node:stream': { files: everywhere, why: 'pure' },
  'node:stream/promises': { files: everywhere, why: 'pure' },
  'node:timers/promises': { files: everywhere, why: 'waiting, with a signal' },
  'node:url': { files: everywhere, why: 'pure' },
  'node:util': { files: everywhere, why: 'pure' },
  'node:zlib': { files: ['src/net/'], why: 'answers are inflated under the bound of net/answer' },

  'node:net': {
    files: ['src/net/', 'src/store/embedded.ts'],
    why: 'the way out; a free local port',
  },
  'node:tls': { files: ['src/net/'], why: 'certificates are verified in one place' },
  'node:dns': { files: ['src/main/'], why: 'the resolver is an argument of net' },
  undici: { files: ['src/net/', 'src/main/cli'], why: 'one fetch; the CLI calls our own server' },
  fastify: { files: ['src/http/'], why: 'the one way in' },

  'node:child_process': {
    files: ['src/store/embedded.ts', 'src/main/'],
    why: 'PostgreSQL as a child; the parts of a demo',
  },
  'node:fs': { files: ['src/main/', 'src/store/', 'src/engine/models/'], why: 'see fs/promises' },
  'node:fs/promises': {
    files: ['src/main/', 'src/store/', 'src/engine/models/'],
    why: 'configuration; embedded PostgreSQL and migrations; declared models',
  },
  'node:os': { files: ['src/main/', 'src/store/'], why: 'the name of this node' },
  'node:process': { files: ['src/main/'], why: 'arguments and environment' },

  pg: { files: ['src/store/'], why: 'SQL lives in store' },
  'pg-copy-streams': { files: ['src/store/'], why: 'SQL lives in store' },
  kysely: { files: ['src/store/', '*/queries.ts'], why: 'SQL lives in store and in queries.ts' },
  '@dbos-inc/dbos-sdk': { files: ['src/store/jobs'], why: 'one narrow port: it can be replaced' },

  'node-forge': { files: ['src/features/certificates'], why: 'makes and reads certificates, PFX' },
  yaml: { files: ['src/engine/models/', 'src/main/'], why: 'declared models; configuration' },
  commander: { files: ['src/cli/', 'src/main/'], why: 'arguments of the command line' },
  pino: { files: ['src/main/'], why: 'others get a log as an argument' },
  'prom-client': { files: ['src/server/', 'src/main/'], why: 'metrics' },
  typebox: { files: everywhere, why: 'schemas as values, pure' },
  'typebox/compile': { files: everywhere, why: 'checks values against schemas, pure' },
  'typebox/system': { files: ['src/http/'], why: 'bounds how many faults one check gathers' },
  'typebox/format': { files: everywhere, why: 'formats of schemas, pure' },
  'typebox/value': { files: everywhere, why: 'checks values against schemas, pure' },
}

/**
 * The exceptions to the rules of habits.test.ts and reach.test.ts, one per file and rule. An
 * exception nobody uses is a finding too, so the list cannot outlive its reasons.
 */
export interface Exception {
  rule: 'reveal' | 'cast' | 'ambient'
  file: string
  /** For casts: how many; one more is a decision. */
  count?: number
  why: string
}

export const exceptions: readonly Exception[] = [
  { rule: 'reveal', file: 'src/net/dispatcher.ts', why: 'the Proxy-Authorization header' },
  { rule: 'reveal', file: 'src/net/destination.ts', why: 'a fingerprint, to pool by credentials' },
  { rule: 'reveal', file: 'src/store/database.ts', why: 'the password of the database' },
  { rule: 'reveal', file: 'src/store/prepare.ts', why: 'the role of the application is made' },
  { rule: 'reveal', file: 'src/store/embedded.ts', why: 'the password of the embedded server' },
  {
    rule: 'reveal',
    file: 'src/connectors/microsoft/tokenRequest.ts',
    why: 'the client secret in the body of the token request',
  },
  {
    rule: 'reveal',
    file: 'src/connectors/microsoft/assertion.ts',
    why: 'the private key signs the client assertion',
  },
  {
    rule: 'cast',
    file: 'src/http/handlers.ts',
    count: 1,
    why: 'a mapped type cannot be walked with the types of its keys kept',
  },
  {
    rule: 'cast',
    file: 'src/catalogue/graph.ts',
    count: 1,
    why: 'TypeScript infers another type per entry of a large JSON file',
  },
  {
    rule: 'cast',
    file: 'src/catalogue/permissions.ts',
    count: 1,
    why: 'TypeScript infers another type per entry of a large JSON file',
  },
]
