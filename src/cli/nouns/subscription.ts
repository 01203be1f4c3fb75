import type { Command } from 'commander'
import { subscriptionRoutes } from '../../contract/notifications.ts'
import { type Cli, type CommonFlags, connect } from '../cli.ts'
import { integer, listVerb, noun, type PageFlags, pageOf } from '../command.ts'
import { printPage } from '../print.ts'

export function subscriptionCommand(cli: Cli): Command {
  const subscription = noun('subscription', 'What Microsoft was asked to notify of')
  listVerb(
    subscription,
    'list',
    'of which models changes are told, until when, and what went wrong',
  )
    .option('--tenant <id>', 'of this tenant only', integer)
    .action(async (flags: CommonFlags & PageFlags & { tenant?: number }) => {
      const tenant = flags.tenant === undefined ? {} : { tenantId: flags.tenant }
      const api = await connect(cli, flags, { subscription: subscriptionRoutes })
      const page = await api.subscription.list({ query: { ...pageOf(flags), ...tenant } })
      const head = ['id', 'tenant', 'model', 'active', 'until', 'error']
      printPage(cli, flags, page, head, (item) => [
        item.id,
        item.tenantId,
        item.model,
        item.active,
        item.expiresAt,
        item.error?.message,
      ])
    })
  return subscription
}
