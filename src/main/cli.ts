import { randomUUID } from 'node:crypto'
import { runCli } from '../cli/program.ts'
import { AppError, asAppError, errorCodes } from '../core/errors.ts'
import { signInByBrowser } from './browserLogin.ts'
import { systemClock } from './clock.ts'
import { readConnection, readServer } from './connection.ts'
import { forgetToken, keepToken, keptToken } from './keptTokens.ts'
import { createTerminal } from './terminal.ts'
import { readVersion } from './version.ts'

interface Process {
  name: string
  summary: string
  load: () => Promise<{ help: string; run: (args: readonly string[]) => Promise<number> }>
}

/** What runs until it is stopped. Each is loaded only when asked for: they carry everything. */
const processes: readonly Process[] = [
  {
    name: 'serve',
    summary: 'Serve the API and work jobs',
    load: async () => {
      const { serve, serveHelp } = await import('./serve.ts')
      return { help: serveHelp, run: serve }
    },
  },
  {
    name: 'emulator',
    summary: 'Run an emulated Microsoft 365',
    load: async () => {
      const { emulator, emulatorHelp } = await import('./emulator.ts')
      return { help: emulatorHelp, run: emulator }
    },
  },
  {
    name: 'key',
    summary: 'Rotate the master key, check that every secret opens',
    load: async () => {
      const { key, keyHelp } = await import('./key.ts')
      return { help: keyHelp, run: key }
    },
  },
  {
    name: 'backup',
    summary: 'Write all of the database to a file while Patchbay runs',
    load: async () => {
      const { backup, backupHelp } = await import('./backup.ts')
      return { help: backupHelp, run: backup }
    },
  },
  {
    name: 'restore',
    summary: 'Fill an empty database from a backup',
    load: async () => {
      const { restore, restoreHelp } = await import('./backup.ts')
      return { help: restoreHelp, run: restore }
    },
  },
  {
    name: 'doctor',
    summary: 'Look at this installation and say what to mend',
    load: async () => {
      const { doctor, doctorHelp } = await import('./doctor.ts')
      return { help: doctorHelp, run: doctor }
    },
  },
  {
    name: 'demo',
    summary: 'Run everything with an emulated tenant, ready to look at',
    load: async () => {
      const { demo, demoHelp } = await import('./demo.ts')
      return { help: demoHelp, run: demo }
    },
  },
]

/** One command line, without `node` and the script. Answers the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const asksHelp = args[0] === 'help'
  const process = processes.find(({ name }) => name === args[asksHelp ? 1 : 0])
  if (process) return await runProcess(process, asksHelp ? ['--help'] : args.slice(1))
  const terminal = createTerminal()
  const { env } = globalThis.process
  const cli = {
    terminal,
    connection: readConnection.bind(undefined, env),
    signIn: {
      server: readServer.bind(undefined, env),
      byBrowser: signInByBrowser,
      kept: keptToken.bind(undefined, env),
      keep: keepToken.bind(undefined, env),
      forget: forgetToken.bind(undefined, env),
    },
    clock: systemClock,
    newKey: randomUUID,
    outcome: { exit: 0 },
  }
  return await runCli(cli, args, { version: await readVersion(), processes })
}

async function runProcess(wanted: Process, args: readonly string[]): Promise<number> {
  const { help, run } = await wanted.load()
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(help)
    return 0
  }
  try {
    return await run(args)
  } catch (thrown) {
    const usage =
      thrown instanceof TypeError &&
      'code' in thrown &&
      String(thrown.code).startsWith('ERR_PARSE_ARGS')
    const error = usage
      ? new AppError('bad-input', `${thrown.message}\n\n${help}`)
      : asAppError(thrown, `patchbay ${wanted.name}`)
    process.stderr.write(`error: ${error.message}\n`)
    if (error.code === 'internal') process.stderr.write(`${String(error.cause)}\n`)
    return errorCodes[error.code].exit
  }
}
