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
  'node:worker_threads': {
    files: ['src/features/certificates/'],
    why: 'a PFX is opened beside the event loop and stopped when it takes too long',
  },
  'node:url': { files: everywhere, why: 'pure' },
  'node:util': { files: everywhere, why: 'pure' },
  'node:zlib': {
    files: ['src/net/', 'src/emulator/'],
    why: 'answers are inflated under the bound of net/answer; the emulated Graph compresses its own',
  },

  'node:net': {
    files: ['src/net/', 'src/store/embedded.ts'],
    why: 'the way out; a free local port',
  },
  'node:tls': {
    files: ['src/net/', 'src/emulator/notifications/'],
    why: 'certificates are verified in one place; whom the emulated service trusts',
  },
  'node:dns/promises': { files: ['src/main/'], why: 'the resolver is an argument of net' },
  undici: {
    files: ['src/net/', 'src/main/connection.ts', 'src/main/demoMicrosoft.ts'],
    why: 'the way out; a CLI that trusts the authority of its own server; the eyes of the demo',
  },
  fastify: { files: ['src/http/'], why: 'the one way in' },
  'node:http': {
    files: ['src/emulator/', 'src/main/browserLogin.ts'],
    why: 'it must be able to answer wrongly: cut, slow, late; where a browser comes back to',
  },
  'node:https': { files: ['src/emulator/'], why: 'as node:http' },

  'node:child_process': {
    files: ['src/store/embedded.ts', 'src/main/'],
    why: 'PostgreSQL as a child; the parts of a demo',
  },
  'node:fs': { files: ['src/main/', 'src/store/', 'src/engine/models/'], why: 'see fs/promises' },
  'node:fs/promises': {
    files: ['src/main/', 'src/store/', 'src/engine/models/', 'src/emulator/certificates.ts'],
    why: 'configuration; PostgreSQL and migrations; declared models; the emulated authority',
  },
  'node:os': { files: ['src/main/', 'src/store/'], why: 'the name of this node' },
  'node:readline': { files: ['src/main/'], why: 'what a process of ours announces' },
  'node:readline/promises': { files: ['src/main/'], why: 'questions at a terminal' },
  'node:process': { files: ['src/main/'], why: 'arguments and environment' },

  pg: { files: ['src/store/'], why: 'SQL lives in store' },
  'pg-copy-streams': { files: ['src/store/'], why: 'SQL lives in store' },
  kysely: { files: ['src/store/', '*/queries.ts'], why: 'SQL lives in store and in queries.ts' },
  '@dbos-inc/dbos-sdk': { files: ['src/store/jobs/'], why: 'one narrow port: it can be replaced' },
  '@dbos-inc/dbos-sdk/internal/dbos-executor': {
    files: ['src/store/jobs/engine.ts'],
    why: 'takes over the work of a dead node; the public interface has no way to',
  },
  '@dbos-inc/dbos-sdk/internal/sysdb_migrations/internal/migrations': {
    files: ['src/store/jobs/schema.ts'],
    why: "its tables belong to the owner of ours; the public way makes them the starter's",
  },
  '@dbos-inc/dbos-sdk/internal/sysdb_migrations/migration_runner': {
    files: ['src/store/jobs/schema.ts'],
    why: 'as the migrations it runs',
  },

  '@dbos-inc/dbos-sdk/internal/utils': {
    files: ['src/store/jobs/engine.ts'],
    why: 'how long it waits for a database that is away; there is no option',
  },

  'node-forge': {
    files: ['src/features/certificates/', 'src/emulator/certificates.ts'],
    why: 'makes and reads certificates, PFX; the emulated authority signs its server',
  },
  nodemailer: {
    files: ['src/connectors/mail/'],
    why: 'MIME and SMTP, over sockets that net opens',
  },
  'openid-client': { files: ['src/features/signIn/'], why: 'people sign in at their own provider' },
  croner: { files: ['src/features/schedules/'], why: 'when a schedule is next due, pure' },
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
  rule: 'reveal' | 'cast' | 'ambient' | 'banned'
  file: string
  /** How many there are; one more is a decision. */
  count?: number
  why: string
}

export const exceptions: readonly Exception[] = [
  { rule: 'reveal', file: 'src/net/dispatcher.ts', why: 'the Proxy-Authorization header' },
  { rule: 'reveal', file: 'src/net/destination.ts', why: 'a fingerprint, to pool by credentials' },
  { rule: 'reveal', file: 'src/store/database.ts', why: 'the password of the database' },
  { rule: 'reveal', file: 'src/store/backupTables.ts', why: 'the password of the database' },
  { rule: 'reveal', file: 'src/store/inspect.ts', why: 'the password of the database' },
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
    rule: 'reveal',
    file: 'src/connectors/graph/transport.ts',
    why: 'the access token in the Authorization header',
  },
  {
    rule: 'reveal',
    file: 'src/connectors/graph/bodyText.ts',
    why: 'a password in the body of a call to Microsoft',
  },
  {
    rule: 'reveal',
    file: 'src/features/transactions/transactions.ts',
    why: 'a password that was made here is shown once',
  },
  { rule: 'reveal', file: 'src/cli/nouns/user.ts', why: 'the body of a request to us' },
  { rule: 'reveal', file: 'src/cli/nouns/credential.ts', why: 'the body of a request to us' },
  {
    rule: 'reveal',
    file: 'src/features/tenants/addresses.ts',
    why: 'the address of a proxy is taken apart, to check it and to mask its password',
  },
  {
    rule: 'reveal',
    file: 'src/features/tenants/draft.ts',
    why: 'encrypted fields that are shown are compared and checked',
  },
  {
    rule: 'reveal',
    file: 'src/connectors/mail/mailer.ts',
    why: 'the password of the mail server',
  },
  {
    rule: 'reveal',
    file: 'src/features/alerts/deliver.ts',
    why: 'the key of a webhook signs what it is sent',
  },
  {
    rule: 'reveal',
    file: 'src/features/alerts/targets.ts',
    why: 'the key of a webhook is shown once, to who added it',
  },
  {
    rule: 'reveal',
    file: 'src/features/credentials/ends/read.ts',
    why: 'three characters of a secret say which of those at Microsoft it is',
  },
  { rule: 'reveal', file: 'src/store/vault.ts', why: 'sealing what goes in' },
  { rule: 'reveal', file: 'src/store/listening.ts', why: 'the password of the database' },
  { rule: 'reveal', file: 'src/store/jobs/jobs.ts', why: 'the password of the database' },
  { rule: 'reveal', file: 'src/features/signIn/secrets.ts', why: 'hashes of what is secret' },
  { rule: 'reveal', file: 'src/features/signIn/passwords.ts', why: 'the slow hash of a password' },
  {
    rule: 'reveal',
    file: 'src/features/signIn/openId.ts',
    why: "the client secret in a provider's token request",
  },
  {
    rule: 'reveal',
    file: 'src/features/people/commandLine.ts',
    why: 'the code goes to the command line through the browser; the verifier is hashed',
  },
  { rule: 'reveal', file: 'src/http/browser.ts', why: 'cookies, and what follows from a session' },
  { rule: 'reveal', file: 'src/server/handlers/people.ts', why: 'what is shown once' },
  { rule: 'reveal', file: 'src/server/handlers/session.ts', why: 'a token for a code, once' },
  { rule: 'reveal', file: 'src/server/handlers/consent.ts', why: 'a link, shown once' },
  { rule: 'reveal', file: 'src/main/keptTokens.ts', why: 'the file of tokens, mode 0600' },
  { rule: 'reveal', file: 'src/cli/nouns/session.ts', why: 'the body of a request to us' },
  {
    rule: 'reveal',
    file: 'src/client/client.ts',
    why: 'our own token in the Authorization header',
  },
  {
    rule: 'reveal',
    file: 'src/client/events.ts',
    why: 'our own token in the Authorization header',
  },
  { rule: 'reveal', file: 'src/cli/nouns/certificate.ts', why: 'the body of a request to us' },
  { rule: 'reveal', file: 'src/cli/tenantFields.ts', why: 'the body of a request to us' },
  { rule: 'reveal', file: 'src/main/dataDir.ts', why: 'the token file of the first administrator' },
  {
    rule: 'banned',
    file: 'test/connectors/tls.test.ts',
    count: 2,
    why: 'NODE_TLS_REJECT_UNAUTHORIZED is set to see that it does not count',
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
  {
    rule: 'cast',
    file: 'src/catalogue/graphErrors.ts',
    count: 1,
    why: 'TypeScript infers another type per entry of a large JSON file',
  },
  {
    rule: 'cast',
    file: 'src/emulator/graph/delta.ts',
    count: 2,
    why: 'the token was signed by ourselves, so it is what we wrote',
  },
  {
    rule: 'cast',
    file: 'src/emulator/login/keys.ts',
    count: 1,
    why: 'the token was signed by ourselves, so it is what we wrote',
  },
  {
    rule: 'cast',
    file: 'src/features/tenants/answer.ts',
    count: 2,
    why: 'groups and fields are those of the contract, walked by name',
  },
  {
    rule: 'cast',
    file: 'src/features/tenants/draft.ts',
    count: 1,
    why: 'fields are those of the contract, walked by name',
  },
  {
    rule: 'cast',
    file: 'src/features/tenants/fields.ts',
    count: 4,
    why: 'the contract is read as data, once, into typed paths',
  },
  {
    rule: 'cast',
    file: 'src/features/transactions/changes.ts',
    count: 1,
    why: 'checked by the contract to be an object of JSON',
  },
  {
    rule: 'cast',
    file: 'src/features/transactions/transactions.ts',
    count: 1,
    why: 'checked by the contract to be an object of JSON',
  },
  {
    rule: 'cast',
    file: 'src/store/scope.ts',
    count: 1,
    why: 'pg overloads query; TypeScript cannot pick the one Kysely uses',
  },
  {
    rule: 'cast',
    file: 'src/main/connection.ts',
    count: 3,
    why: 'undici declares the same fetch in types of its own',
  },
  {
    rule: 'cast',
    file: 'src/contract/type.ts',
    count: 1,
    why: 'builders of plain JSON Schema under the types of TypeBox, which is slow to load',
  },
]
