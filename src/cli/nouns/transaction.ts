import type { Command } from 'commander'
import { eventRoutes } from '../../contract/operations.ts'
import { transactionRoutes } from '../../contract/transactions.ts'
import { type Cli, type CommonFlags, connect } from '../cli.ts'
import {
  integer,
  listVerb,
  noun,
  type PageFlags,
  pageOf,
  verb,
  waitOptions,
  yesOption,
} from '../command.ts'
import { confirmed } from '../confirm.ts'
import type { WaitFlags } from '../follow.ts'
import { printPage } from '../print.ts'
import { showTransaction } from '../showTransaction.ts'

const routes = { transaction: transactionRoutes, event: eventRoutes }

const verbs = [
  ['cancel', 'stop before the next step and undo those that are done'],
  ['undo', 'put back what a succeeded transaction changed'],
] as const

export function transactionCommand(cli: Cli): Command {
  const transaction = noun('transaction', 'Changes, and their way back')

  listVerb(transaction, 'list', 'transactions, newest first')
    .option('--tenant <id>', 'of this tenant only', integer)
    .action(async (flags: CommonFlags & PageFlags & { tenant?: number }) => {
      const tenant = flags.tenant === undefined ? {} : { tenantId: flags.tenant }
      const api = await connect(cli, flags, routes)
      const page = await api.transaction.list({ query: { ...pageOf(flags), ...tenant } })
      printPage(cli, flags, page, ['id', 'tenant', 'state', 'what', 'asked for', 'by'], (item) => [
        item.id,
        item.tenantId,
        item.state,
        item.title,
        item.requestedAt,
        item.requestedBy,
      ])
    })

  waitOptions(verb(transaction, 'show', 'one transaction with its steps'))
    .argument('<id>', 'id of the transaction', integer)
    .action(async (transactionId: number, flags: CommonFlags & WaitFlags) => {
      const api = await connect(cli, flags, routes)
      const answer = await api.transaction.show({ params: { transactionId } })
      await showTransaction(cli, flags, api, answer)
    })

  for (const [name, summary] of verbs) {
    waitOptions(verb(transaction, name, summary))
      .argument('<id>', 'id of the transaction', integer)
      .action(async (transactionId: number, flags: CommonFlags & WaitFlags) => {
        const api = await connect(cli, flags, routes)
        const params = { transactionId }
        const headers = { 'idempotency-key': cli.newKey() }
        const answer =
          name === 'cancel'
            ? await api.transaction.cancel({ params })
            : await api.transaction[name]({ params, headers })
        await showTransaction(cli, flags, api, answer)
      })
  }

  yesOption(waitOptions(verb(transaction, 'replay', 'ask for the same change again')))
    .argument('<id>', 'id of the transaction', integer)
    .action(async (transactionId: number, flags: CommonFlags & WaitFlags & { yes?: boolean }) => {
      const api = await connect(cli, flags, routes)
      const asked = { params: { transactionId }, headers: { 'idempotency-key': cli.newKey() } }
      const answer = await confirmed(
        cli,
        flags.yes,
        () => api.transaction.replay(asked),
        () => api.transaction.replay({ ...asked, body: { confirm: true } }),
      )
      await showTransaction(cli, flags, api, answer)
    })

  return transaction
}
