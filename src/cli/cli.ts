import type { Client } from '../client/client.ts'
import { createClient } from '../client/client.ts'
import type { ClientOptions } from '../client/options.ts'
import type { Contract } from '../contract/route.ts'
import type { Clock } from '../core/clock.ts'
import type { Sealed } from '../core/secret.ts'

/** The person's side: where data, words and questions go. Data alone goes to `out`. */
export interface Terminal {
  out(text: string): void
  /** As `out`, and resolves once there is room for more: for what has no known end. */
  outAll(text: string): Promise<void>
  err(text: string): void
  /** Whether words or data go to a screen, and answers come from a keyboard. */
  errIsScreen: boolean
  outIsScreen: boolean
  inIsKeyboard: boolean
  columns: number
  ask(question: string): Promise<string>
  /** A file's bytes; `-` is standard input. Throws `bad-input` naming the file. */
  read(path: string): Promise<Uint8Array>
}

export interface ConnectionFlags {
  server?: string
  tokenFile?: string
}

export interface CommonFlags extends ConnectionFlags {
  json?: boolean
}

/** How the command line gets a token and where it keeps it. */
export interface CliSignIn {
  /** The server alone, for who is not signed in. */
  server(flags: ConnectionFlags): Promise<Omit<ClientOptions, 'token'>>
  /** `announce` is told what to open, and answers whether a browser is to be opened with it. */
  byBrowser(
    server: string,
    announce: (address: string) => boolean,
  ): Promise<{ code: Sealed; verifier: Sealed }>
  kept(server: string): Promise<Sealed | undefined>
  keep(server: string, token: Sealed): Promise<void>
  forget(server: string): Promise<void>
}

/** What every command gets. */
export interface Cli {
  terminal: Terminal
  connection(flags: ConnectionFlags): Promise<ClientOptions>
  signIn: CliSignIn
  clock: Clock
  /** For Idempotency-Key: a request that is sent twice is done once. */
  newKey(): string
  /** What the process ends with; commands that fail throw instead. */
  outcome: { exit: number }
}

/** The client of the routes a noun needs, and no more: loading all of them costs start-up time. */
export async function connect<C extends Contract>(
  cli: Cli,
  flags: ConnectionFlags,
  contract: C,
): Promise<Client<C>> {
  return createClient(contract, await cli.connection(flags))
}
