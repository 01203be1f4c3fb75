import type { Command } from 'commander'
import { exportRoutes } from '../../contract/exports.ts'
import { tenantRoutes } from '../../contract/tenants.ts'
import { badInput } from '../../core/errors.ts'
import { type Cli, type CommonFlags, connect } from '../cli.ts'
import { choice, integer, several, verb } from '../command.ts'
import { escapeText } from '../escape.ts'
import { modelPath } from '../modelPath.ts'
import { tenantOf } from '../tenantOf.ts'

const routes = { export: exportRoutes, tenant: { list: tenantRoutes.list } }
const formats = ['csv', 'json'] as const
type Format = (typeof formats)[number]

interface ExportFlags extends CommonFlags {
  tenant?: number
  format?: Format
  search?: string
  filter?: string[]
}

/** Writes a model's objects as they come: as they are into a file, escaped onto a screen. */
export function addExport(resource: Command, cli: Cli): void {
  verb(resource, 'export', 'all objects of a model to standard output, for a file')
    .argument('<model>', 'the model')
    .addOption(choice('--format <format>', 'csv, which it is otherwise, or json', formats))
    .option('--tenant <id>', 'the tenant; may be left when there is only one', integer)
    .option('--search <text>', 'in names and columns')
    .option('--filter <column=value>', 'only those; several must all hold', several)
    .action(async (model: string, flags: ExportFlags) => {
      const format = formatOf(flags)
      const api = await connect(cli, flags, routes)
      const params = { tenantId: await tenantOf(api, flags.tenant), ...modelPath(model) }
      const query = {
        ...(flags.search !== undefined && { search: flags.search }),
        ...(flags.filter !== undefined && { filter: flags.filter }),
      }
      for await (const text of api.export[format]({ params, query })) {
        await cli.terminal.outAll(cli.terminal.outIsScreen ? shown(text) : text)
      }
    })
}

/** `--json` means here what it means everywhere. */
function formatOf({ format, json }: ExportFlags): Format {
  if (!json) return format ?? 'csv'
  if (format === 'csv') throw badInput('--json', 'goes with --format json only')
  return 'json'
}

function shown(text: string): string {
  return text.split(/\r?\n/).map(escapeText).join('\n')
}
