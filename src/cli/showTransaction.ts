import type { Static } from 'typebox'
import type { Client } from '../client/client.ts'
import type { eventRoutes } from '../contract/operations.ts'
import type { Started, TransactionDetail, transactionRoutes } from '../contract/transactions.ts'
import type { Cli, CommonFlags } from './cli.ts'
import { follow, type WaitFlags } from './follow.ts'
import { print } from './print.ts'
import { passwordText, transactionLine, transactionText } from './transactionText.ts'

type Api = Client<{
  transaction: Pick<typeof transactionRoutes, 'show'>
  event: typeof eventRoutes
}>

const under = new Set(['queued', 'running', 'undoing'])

/**
 * Prints a transaction; with `--wait` once it has ended, and then its end is the exit code. Its
 * passwords come with the answer that began it, and with no other.
 */
export async function showTransaction(
  cli: Cli,
  flags: CommonFlags & WaitFlags,
  api: Api,
  transaction: Static<typeof TransactionDetail> & Partial<Static<typeof Started>>,
): Promise<void> {
  const { passwords } = transaction
  const show = (one: Static<typeof TransactionDetail>) =>
    print(cli, flags, { ...one, ...(passwords && { passwords }) }, () =>
      [transactionText(one), passwordText(passwords ?? [])].join(''),
    )
  if (!flags.wait) return show(transaction)
  const { id } = transaction
  const query = { subject: `transaction:${id}`, after: '0-0' }
  const ended = await follow(
    cli,
    {
      name: `transaction ${id}`,
      events: (signal) => api.event.stream({ query }, { signal }),
      read: () => api.transaction.show({ params: { transactionId: id } }),
      ended: ({ state }) => !under.has(state),
      line: transactionLine,
    },
    flags.timeout,
  )
  show(ended)
  if (ended.state !== 'succeeded') cli.outcome.exit = ended.state === 'stuck' ? 5 : 1
}
