import type { Command } from 'commander'
import { tenantRoutes } from '../../contract/tenants.ts'
import { badInput } from '../../core/errors.ts'
import { isJsonObject, type JsonObject } from '../../core/json.ts'
import { type Cli, type CommonFlags, connect } from '../cli.ts'
import { integer, several, verb } from '../command.ts'
import { fields, print, table } from '../print.ts'
import { tenantFields } from '../tenantFields.ts'

interface ImportFlags extends CommonFlags {
  node: number
  dryRun?: boolean
  secretFile?: string
  fieldFile?: string[]
}

/** `tenant import`: a JSON export, and the secrets it does not hold from files of their own. */
export function addImport(tenant: Command, cli: Cli): void {
  verb(tenant, 'import', 'attach a tenant from a JSON export with the names of the reference')
    .argument('<file>', 'the export; - is standard input')
    .requiredOption('--node <id>', 'the node it belongs to', integer)
    .option('--dry-run', 'only say what would be imported, and what is missing')
    .option('--secret-file <path>', 'file with the client secret')
    .option('--field-file <group.name=path>', 'another secret field, read from a file', several)
    .action(async (file: string, flags: ImportFlags) => {
      const given = await readJson(cli, file)
      const { secretFile, fieldFile } = flags
      const secrets = await tenantFields(cli, {
        ...(secretFile !== undefined && { secretFile }),
        ...(fieldFile !== undefined && { fieldFile }),
      })
      const api = await connect(cli, flags, { tenant: tenantRoutes })
      const body = { nodeId: flags.node, fields: { ...given, ...secrets } }
      const dryRun = flags.dryRun ? { dryRun: true } : {}
      const answer = await api.tenant.import({ body: { ...body, ...dryRun } })
      print(cli, flags, answer, () =>
        [
          fields([
            ['tenant', answer.tenant?.id ?? 'not made: a dry run'],
            ['ignored', answer.ignored.join(', ') || 'nothing'],
          ]),
          '\n',
          table(
            ['in the export', 'here'],
            answer.fields.map((one) => [one.given, one.field]),
          ),
        ].join(''),
      )
      for (const { field, problem } of answer.missing) {
        cli.terminal.err(`still missing: ${field} ${problem}\n`)
      }
      if (answer.missing.length > 0) cli.outcome.exit = 5
    })
}

async function readJson(cli: Cli, file: string): Promise<JsonObject> {
  const text = new TextDecoder().decode(await cli.terminal.read(file))
  try {
    const value: unknown = JSON.parse(text)
    const [only, ...others] = Array.isArray(value) ? value : [value]
    if (isJsonObject(only) && others.length === 0) return only
  } catch {
    // Said below, as for JSON that is no object.
  }
  throw badInput(file, 'holds no JSON object of one tenant')
}
