import type { Command } from 'commander'
import type { Static } from 'typebox'
import type { Client } from '../../client/client.ts'
import { eventRoutes } from '../../contract/operations.ts'
import { removalStates, type Sync, syncRoutes } from '../../contract/syncs.ts'
import { tenantRoutes } from '../../contract/tenants.ts'
import { type Cli, type CommonFlags, connect } from '../cli.ts'
import {
  choice,
  integer,
  listVerb,
  noun,
  type PageFlags,
  pageOf,
  several,
  verb,
  waitOptions,
} from '../command.ts'
import { follow, type WaitFlags } from '../follow.ts'
import { fields, print, printPage } from '../print.ts'
import { syncLine, syncText } from '../syncText.ts'
import { tenantOf } from '../tenantOf.ts'

const routes = { sync: syncRoutes, event: eventRoutes, tenant: { list: tenantRoutes.list } }
type Api = Client<typeof routes>
type SyncAnswer = Static<typeof Sync>

export function syncCommand(cli: Cli): Command {
  const sync = noun('sync', 'Reading tenants in, and what it found')
  addStart(sync, cli)
  addReads(sync, cli)
  addDecisions(sync, cli)
  return sync
}

interface StartFlags extends CommonFlags, WaitFlags {
  model?: string[]
  full?: boolean
}

function addStart(sync: Command, cli: Cli): void {
  waitOptions(verb(sync, 'start', 'read a tenant in: all models, or those named'))
    .argument('[tenant]', 'id of the tenant; may be left when there is only one', integer)
    .option('--model <model>', 'only this model, several times', several)
    .option('--full', 'read everything again instead of what changed')
    .action(async (tenant: number | undefined, flags: StartFlags) => {
      const api = await connect(cli, flags, routes)
      const params = { tenantId: await tenantOf(api, tenant) }
      const models = flags.model === undefined ? {} : { models: flags.model }
      const full = flags.full ? { fullList: true } : {}
      const started = await api.sync.start({ params, body: { ...models, ...full } })
      await show(cli, flags, api, started)
    })

  waitOptions(verb(sync, 'show', 'one sync with its counts per model'))
    .argument('<id>', 'id of the sync', integer)
    .action(async (syncId: number, flags: CommonFlags & WaitFlags) => {
      const api = await connect(cli, flags, routes)
      await show(cli, flags, api, await api.sync.show({ params: { syncId } }))
    })
}

const under = new Set(['queued', 'running'])
const inPart = new Set(['succeeded-with-errors', 'awaiting-approval'])

async function show(
  cli: Cli,
  flags: CommonFlags & WaitFlags,
  api: Api,
  sync: SyncAnswer,
): Promise<void> {
  if (!flags.wait) return print(cli, flags, sync, () => syncText(sync))
  const query = { subject: `sync:${sync.id}`, after: '0-0' }
  const ended = await follow(
    cli,
    {
      name: `sync ${sync.id}`,
      events: (signal) => api.event.stream({ query }, { signal }),
      read: () => api.sync.show({ params: { syncId: sync.id } }),
      ended: ({ state }) => !under.has(state),
      line: syncLine,
    },
    flags.timeout,
  )
  print(cli, flags, ended, () => syncText(ended))
  if (ended.state !== 'succeeded') cli.outcome.exit = inPart.has(ended.state) ? 5 : 1
}

function addReads(sync: Command, cli: Cli): void {
  listVerb(sync, 'list', 'syncs, newest first')
    .option('--tenant <id>', 'of this tenant only', integer)
    .action(async (flags: CommonFlags & PageFlags & { tenant?: number }) => {
      const tenant = flags.tenant === undefined ? {} : { tenantId: flags.tenant }
      const api = await connect(cli, flags, routes)
      const page = await api.sync.list({ query: { ...pageOf(flags), ...tenant } })
      printPage(cli, flags, page, ['id', 'tenant', 'state', 'asked for', 'ended', 'by'], (item) => [
        item.id,
        item.tenantId,
        item.state,
        item.requestedAt,
        item.endedAt,
        item.requestedBy,
      ])
    })

  listVerb(sync, 'rejected', 'objects that were not taken in, each with its reason')
    .argument('<id>', 'id of the sync', integer)
    .action(async (syncId: number, flags: CommonFlags & PageFlags) => {
      const api = await connect(cli, flags, routes)
      const page = await api.sync.rejected({ params: { syncId }, query: pageOf(flags) })
      printPage(cli, flags, page, ['model', 'key', 'reason', 'at'], (item) => [
        item.model,
        item.key,
        item.reason,
        item.at,
      ])
    })

  listVerb(sync, 'removals', 'objects found gone, with what became of each')
    .argument('<id>', 'id of the sync', integer)
    .addOption(choice('--state <state>', 'only those', removalStates))
    .action(
      async (
        syncId: number,
        flags: CommonFlags & PageFlags & { state?: (typeof removalStates)[number] },
      ) => {
        const state = flags.state === undefined ? {} : { state: flags.state }
        const api = await connect(cli, flags, routes)
        const query = { ...pageOf(flags), ...state }
        const page = await api.sync.removals({ params: { syncId }, query })
        printPage(cli, flags, page, ['model', 'key', 'name', 'reason', 'state'], (item) => [
          item.model,
          item.key,
          item.name,
          item.reason,
          item.state,
        ])
      },
    )
}

function addDecisions(sync: Command, cli: Cli): void {
  verb(sync, 'cancel', 'stop a sync behind the page it is at; what was read stays')
    .argument('<id>', 'id of the sync', integer)
    .action(async (syncId: number, flags: CommonFlags) => {
      const api = await connect(cli, flags, routes)
      const answer = await api.sync.cancel({ params: { syncId } })
      print(cli, flags, answer, () =>
        fields([
          ['sync', answer.id],
          ['state', answer.state],
        ]),
      )
    })

  const decisions = [
    ['approve', 'let the held removals happen; each is checked again first'],
    ['refuse', 'keep the objects whose removal is held'],
  ] as const
  for (const [decision, summary] of decisions) {
    waitOptions(verb(sync, decision, summary))
      .argument('<id>', 'id of the sync', integer)
      .option('--model <model>', 'only of this model, several times', several)
      .action(async (syncId: number, flags: CommonFlags & WaitFlags & { model?: string[] }) => {
        const api = await connect(cli, flags, routes)
        const models = flags.model === undefined ? {} : { models: flags.model }
        const body = { decision, ...models }
        await show(cli, flags, api, await api.sync.decide({ params: { syncId }, body }))
      })
  }
}
