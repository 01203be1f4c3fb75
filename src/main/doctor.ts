import { parseArgs } from 'node:util'
import { escapeText } from '../cli/escape.ts'
import { systemClock } from './clock.ts'
import { readConnection } from './connection.ts'
import { findingsOf } from './doctorChecks.ts'
import type { Finding } from './findings.ts'

export const doctorHelp = `Usage: patchbay doctor [options]

Looks at this installation and says what to mend. It changes nothing, and needs no running server;
where one runs, it looks at the connections of its tenants too.

  --data <path>         the data directory (PATCHBAY_DATA; /var/lib/patchbay as root, else ./.data)
  --server <url>        address of Patchbay, when it is not this machine's
  --token-file <path>   file with the access token
  --json                print what was found as JSON

Ends with 1 when something failed; a warning is no failure.
`

/** Answers the exit code. */
export async function doctor(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: 'string' },
      server: { type: 'string' },
      'token-file': { type: 'string' },
      json: { type: 'boolean' },
    },
  })
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    ...(values.data !== undefined && { PATCHBAY_DATA: values.data }),
  }
  const { server, 'token-file': tokenFile } = values
  const findings = await findingsOf({
    ...{ env, given: { data: values.data }, clock: systemClock, node: process.versions.node },
    connect: (ours) =>
      readConnection(env, {
        server: server ?? env.PATCHBAY_SERVER ?? ours,
        ...(tokenFile !== undefined && { tokenFile }),
      }),
  })
  const failed = findings.some(({ outcome }) => outcome === 'failed')
  const outcome = failed ? 'failed' : 'passed'
  process.stdout.write(
    values.json
      ? `${JSON.stringify({ outcome, findings }, null, 2)}\n`
      : findings.map(textOf).join(''),
  )
  return failed ? 1 : 0
}

function textOf({ check, outcome, message, remedy }: Finding): string {
  const line = `${outcome.padEnd(8)} ${check.padEnd(18)} ${escapeText(message)}\n`
  return remedy === null ? line : `${line}${' '.repeat(28)}${escapeText(remedy)}\n`
}
