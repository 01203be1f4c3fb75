import type { Command } from 'commander'
import type { Static } from 'typebox'
import { eventRoutes } from '../contract/operations.ts'
import { tenantRoutes } from '../contract/tenants.ts'
import { type Changes, transactionRoutes } from '../contract/transactions.ts'
import { type Cli, type CommonFlags, connect } from './cli.ts'
import { integer, waitOptions, yesOption } from './command.ts'
import { confirmed } from './confirm.ts'
import type { WaitFlags } from './follow.ts'
import { print } from './print.ts'
import { showTransaction } from './showTransaction.ts'
import { tenantOf } from './tenantOf.ts'
import { planText } from './transactionText.ts'

const routes = {
  transaction: transactionRoutes,
  event: eventRoutes,
  tenant: { list: tenantRoutes.list },
}

export type StepRequest = Static<typeof Changes>['steps'][number]

export interface ChangeFlags extends CommonFlags, WaitFlags {
  tenant?: number
  dryRun?: boolean
  yes?: boolean
}

/** What every verb takes that changes objects at Microsoft. */
export function changeOptions(command: Command): Command {
  return yesOption(waitOptions(command))
    .option('--tenant <id>', 'the tenant; may be left when there is only one', integer)
    .option('--dry-run', 'only show what would be sent and what would differ')
}

/** Plans the steps, or has them done as one transaction, once what has no way back is confirmed. */
export async function changeObjects(
  cli: Cli,
  flags: ChangeFlags,
  steps: readonly StepRequest[],
): Promise<void> {
  const api = await connect(cli, flags, routes)
  const params = { tenantId: await tenantOf(api, flags.tenant) }
  const body = { steps: [...steps] }
  if (flags.dryRun) {
    const plan = await api.transaction.plan({ params, body })
    print(cli, flags, plan, () => planText(plan))
    if (plan.steps.some(({ problem }) => problem !== null)) cli.outcome.exit = 1
    return
  }
  const headers = { 'idempotency-key': cli.newKey() }
  const started = await confirmed(
    cli,
    flags.yes,
    () => api.transaction.start({ params, headers, body }),
    () => api.transaction.start({ params, headers, body: { ...body, confirm: true } }),
  )
  await showTransaction(cli, flags, api, started)
}
