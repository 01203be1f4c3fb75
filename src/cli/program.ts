import { Command, CommanderError } from 'commander'
import { type AppError, asAppError, errorCodes } from '../core/errors.ts'
import { isJsonObject } from '../core/json.ts'
import type { Cli } from './cli.ts'
import { escapeJson, escapeText } from './escape.ts'

interface Noun {
  summary: string
  load: () => Promise<(cli: Cli) => Command>
}

/** Every noun in a file of its own, loaded when it is the one asked for. */
const nouns: Readonly<Record<string, Noun>> = {
  node: {
    summary: 'Providers, resellers, customers and sites',
    load: async () => (await import('./nouns/node.ts')).nodeCommand,
  },
  tenant: {
    summary: 'Microsoft tenants and their connections',
    load: async () => (await import('./nouns/tenant.ts')).tenantCommand,
  },
  certificate: {
    summary: 'Certificates for signing in at Microsoft',
    load: async () => (await import('./nouns/certificate.ts')).certificateCommand,
  },
  egress: {
    summary: 'Where tenants may be sent to besides Microsoft',
    load: async () => (await import('./nouns/egress.ts')).egressCommand,
  },
  profile: {
    summary: 'Access profiles: which operations on which types',
    load: async () => (await import('./nouns/profile.ts')).profileCommand,
  },
  role: {
    summary: 'Roles, and who holds them where',
    load: async () => (await import('./nouns/role.ts')).roleCommand,
  },
  credential: {
    summary: 'When credentials end, and how the next one takes over',
    load: async () => (await import('./nouns/credential.ts')).credentialCommand,
  },
  alert: {
    summary: 'Who is told of what ends, and of tenants that cannot be reached',
    load: async () => (await import('./nouns/alert.ts')).alertCommand,
  },
  sync: {
    summary: 'Reading tenants in, and what it found',
    load: async () => (await import('./nouns/sync.ts')).syncCommand,
  },
  scope: {
    summary: 'What of a tenant syncs take in',
    load: async () => (await import('./nouns/scope.ts')).scopeCommand,
  },
  schedule: {
    summary: 'When tenants are synced by themselves',
    load: async () => (await import('./nouns/schedule.ts')).scheduleCommand,
  },
  subscription: {
    summary: 'What Microsoft was asked to notify of',
    load: async () => (await import('./nouns/subscription.ts')).subscriptionCommand,
  },
  model: {
    summary: 'What kinds of objects there are',
    load: async () => (await import('./nouns/model.ts')).modelCommand,
  },
  resource: {
    summary: "A tenant's objects: find, show, change",
    load: async () => (await import('./nouns/resource.ts')).resourceCommand,
  },
  user: {
    summary: 'People of a tenant: make, disable, delete, license',
    load: async () => (await import('./nouns/user.ts')).userCommand,
  },
  group: {
    summary: 'Groups of a tenant: who is in them',
    load: async () => (await import('./nouns/group.ts')).groupCommand,
  },
  transaction: {
    summary: 'Changes, and their way back',
    load: async () => (await import('./nouns/transaction.ts')).transactionCommand,
  },
  job: {
    summary: 'What waits or runs, and who works it',
    load: async () => (await import('./nouns/job.ts')).jobCommand,
  },
  event: {
    summary: 'What happens, as it happens',
    load: async () => (await import('./nouns/event.ts')).eventCommand,
  },
  audit: {
    summary: 'Who did what, when',
    load: async () => (await import('./nouns/audit.ts')).auditCommand,
  },
  person: {
    summary: 'Who may sign in',
    load: async () => (await import('./nouns/person.ts')).personCommand,
  },
  token: {
    summary: 'Access tokens for programs',
    load: async () => (await import('./nouns/token.ts')).tokenCommand,
  },
  login: {
    summary: 'Sign in at a server, for all commands that follow',
    load: async () => (await import('./nouns/session.ts')).loginCommand,
  },
  logout: {
    summary: 'Sign out: end the token that login brought',
    load: async () => (await import('./nouns/session.ts')).logoutCommand,
  },
  whoami: {
    summary: 'Who you are signed in as',
    load: async () => (await import('./nouns/session.ts')).whoamiCommand,
  },
}

/** A long-running part of Patchbay, started by this command line: `serve`. */
export interface Process {
  name: string
  summary: string
  load: () => Promise<{ help: string }>
}

const exitCodes = `
Exit codes: 0 done, 1 failed, 2 wrong usage or input, 3 not signed in or not permitted,
4 not found, 5 done in part (errors, approval awaited, or stuck), 6 timed out or unavailable.
Data goes to standard output, everything else to standard error.`

/** Runs one command line (without `node` and the script) and answers the exit code. */
export async function runCli(
  cli: Cli,
  args: readonly string[],
  about: { version: string; processes: readonly Process[] },
): Promise<number> {
  try {
    const wanted = args[0] === 'help' ? args[1] : args[0]
    const program = await build(cli, wanted, about)
    await program.parseAsync([...args], { from: 'user' })
    return cli.outcome.exit
  } catch (thrown) {
    // Commander has printed its help or its complaint already.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2
    const error = asAppError(thrown, 'The command')
    printError(cli, error, args.includes('--json'))
    return errorCodes[error.code].exit
  }
}

async function build(
  cli: Cli,
  wanted: string | undefined,
  { version, processes }: { version: string; processes: readonly Process[] },
): Promise<Command> {
  const program = new Command('patchbay')
    .description('Microsoft 365 for many customers at once')
    .version(version)
    .addHelpText('after', exitCodes)
  for (const [name, noun] of Object.entries(nouns)) {
    // Which words there are, all nouns together tell.
    if (name === wanted || wanted === completion.name) program.addCommand((await noun.load())(cli))
    else program.command(name).description(noun.summary)
  }
  for (const { name, summary } of processes) program.command(name).description(summary)
  if (wanted !== completion.name) program.command(completion.name).description(completion.summary)
  else {
    const { completionCommand } = await import('./nouns/completion.ts')
    program.addCommand(completionCommand(cli, program, () => helpOf(processes)))
  }
  settle(program, cli)
  return program
}

const completion = {
  name: 'completion',
  summary: 'A script with which your shell completes commands',
} as const

async function helpOf(processes: readonly Process[]): Promise<Map<string, string>> {
  const texts = processes.map(async ({ name, load }) => [name, (await load()).help] as const)
  return new Map(await Promise.all(texts))
}

/** Every command throws instead of ending the process, and writes where it is told. */
function settle(command: Command, cli: Cli): void {
  const { terminal } = cli
  command
    .exitOverride()
    .showHelpAfterError('Add --help for what it takes.')
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(escapeLines(text)),
      getOutHelpWidth: () => terminal.columns,
      getErrHelpWidth: () => terminal.columns,
    })
  for (const sub of command.commands) settle(sub, cli)
}

function escapeLines(text: string): string {
  return text.split('\n').map(escapeText).join('\n')
}

/** What failed, which fields, what Microsoft calls it; with --json the API's own problem. */
function printError(cli: Cli, error: AppError, json: boolean): void {
  if (json) {
    const problem = isJsonObject(error.cause) ? error.cause : problemOf(error)
    cli.terminal.err(`${escapeJson(JSON.stringify(problem))}\n`)
    return
  }
  const lines = [`error: ${error.message}`]
  // A single field stands in the message already.
  if (error.fields.length > 1) {
    lines.push(...error.fields.map(({ field, problem }) => `  ${shortField(field)}: ${problem}`))
  }
  if (error.foreignCode !== undefined) {
    const request = error.foreignRequestId ? `, request ${error.foreignRequestId}` : ''
    lines.push(`  Microsoft calls it ${error.foreignCode}${request}`)
  }
  if (error.retryAfterMs !== undefined) {
    lines.push(`  try again in ${Math.ceil(error.retryAfterMs / 1_000)} s`)
  }
  if (error.code === 'internal' && error.cause instanceof Error) {
    lines.push(`  ${error.cause.stack ?? error.cause.message}`)
  }
  cli.terminal.err(`${lines.map(escapeText).join('\n')}\n`)
}

function shortField(field: string): string {
  return field.replace(/^(body|path|query)\./, '')
}

function problemOf(error: AppError) {
  const { code, message, fields } = error
  return { code, status: error.status, detail: message, ...(fields.length > 0 && { fields }) }
}
