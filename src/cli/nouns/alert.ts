import type { Command } from 'commander'
import { alertRoutes } from '../../contract/alerts.ts'
import { type Cli, type CommonFlags, connect } from '../cli.ts'
import { integer, listVerb, noun, type PageFlags, pageOf, verb } from '../command.ts'
import { fields, print, printPage } from '../print.ts'

const routes = { alert: alertRoutes }

export function alertCommand(cli: Cli): Command {
  const alert = noun('alert', 'Who is told of what ends, and of tenants that cannot be reached')
  listVerb(alert, 'list', 'mailboxes and webhooks, and how the last alert fared').action(
    async (flags: CommonFlags & PageFlags) => {
      const page = await (await connect(cli, flags, routes)).alert.list({ query: pageOf(flags) })
      const head = ['id', 'node', 'kind', 'address', 'delivered', 'trouble']
      printPage(cli, flags, page, head, (item) => [
        item.id,
        item.nodeId,
        item.kind,
        item.address,
        item.deliveredAt,
        item.error,
      ])
    },
  )
  addChanges(alert, cli)
  return alert
}

interface AddFlags extends CommonFlags {
  node: number
  mail?: string
  webhook?: string
}

function addChanges(alert: Command, cli: Cli): void {
  verb(alert, 'add', 'have a mailbox or a webhook told of alerts at a node and below it')
    .requiredOption('--node <id>', 'the node', integer)
    .option('--mail <address>', 'a mailbox')
    .option('--webhook <url>', 'an https address that takes POSTs')
    .action(async (flags: AddFlags) => {
      const { node, mail, webhook } = flags
      const api = await connect(cli, flags, routes)
      const body = { nodeId: node, ...(mail && { mail }), ...(webhook && { webhook }) }
      const added = await api.alert.add({ body })
      print(cli, flags, added, () =>
        fields([
          ['id', added.target.id],
          [added.target.kind, added.target.address],
          ...(added.key === null
            ? []
            : [['key, shown only now', added.key] satisfies [string, string]]),
        ]),
      )
    })

  verb(alert, 'remove', 'tell a target no more')
    .argument('<id>', 'id of the target', integer)
    .action(async (targetId: number, flags: CommonFlags) => {
      await (await connect(cli, flags, routes)).alert.remove({ params: { targetId } })
      cli.terminal.err(`alert target ${targetId} is removed\n`)
    })

  verb(alert, 'test', 'send a target an alert that says it is a test')
    .argument('<id>', 'id of the target', integer)
    .action(async (targetId: number, flags: CommonFlags) => {
      const api = await connect(cli, flags, routes)
      const report = await api.alert.test({ params: { targetId } })
      print(cli, flags, report, () => `${report.message}\n`)
      if (!report.delivered) cli.outcome.exit = 1
    })
}
