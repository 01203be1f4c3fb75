import type { Command } from 'commander'
import { auditRoutes } from '../../contract/operations.ts'
import { type Cli, type CommonFlags, connect } from '../cli.ts'
import { integer, listVerb, noun, type PageFlags, pageOf } from '../command.ts'
import { printPage, valueText } from '../print.ts'

export function auditCommand(cli: Cli): Command {
  const audit = noun('audit', 'Who did what, when')

  listVerb(audit, 'list', 'the audit, newest first')
    .option('--tenant <id>', 'of this tenant only', integer)
    .action(async (flags: CommonFlags & PageFlags & { tenant?: number }) => {
      const tenant = flags.tenant === undefined ? {} : { tenantId: flags.tenant }
      const client = await connect(cli, flags, { audit: auditRoutes })
      const page = await client.audit.list({ query: { ...pageOf(flags), ...tenant } })
      printPage(cli, flags, page, ['id', 'at', 'who', 'did', 'to', 'detail'], (item) => [
        item.id,
        item.at,
        item.actor,
        item.action,
        item.subject,
        valueText(item.detail),
      ])
    })

  return audit
}
