import type { Command } from 'commander'
import type { Static } from 'typebox'
import {
  disableable,
  type Schedule,
  scheduleRoutes,
  syncRuleRoutes,
} from '../../contract/schedules.ts'
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
} from '../command.ts'
import { modelPath } from '../modelPath.ts'
import { fields, print, printPage } from '../print.ts'
import { tenantOf } from '../tenantOf.ts'

const tenant = { list: tenantRoutes.list }
const routes = { schedule: scheduleRoutes, tenant }
const ruleRoutes = { syncRule: syncRuleRoutes, tenant }

export function scheduleCommand(cli: Cli): Command {
  const schedule = noun('schedule', 'When tenants are synced by themselves')
  addReads(schedule, cli)
  addWrites(schedule, cli)
  addSwitches(schedule, cli)
  addRules(schedule, cli)
  return schedule
}

function addReads(schedule: Command, cli: Cli): void {
  listVerb(schedule, 'list', 'schedules, each with when it is next due')
    .option('--tenant <id>', 'of this tenant only', integer)
    .action(async (flags: CommonFlags & PageFlags & { tenant?: number }) => {
      const tenant = flags.tenant === undefined ? {} : { tenantId: flags.tenant }
      const api = await connect(cli, flags, routes)
      const page = await api.schedule.list({ query: { ...pageOf(flags), ...tenant } })
      const head = ['id', 'tenant', 'name', 'when', 'next', 'last sync']
      printPage(cli, flags, page, head, (item) => [
        item.id,
        item.tenantId,
        item.name,
        whenText(item),
        item.dueAt ?? 'paused',
        item.lastSyncId,
      ])
    })

  verb(schedule, 'show', 'one schedule')
    .argument('<id>', 'id of the schedule', integer)
    .action(async (scheduleId: number, flags: CommonFlags) => {
      const api = await connect(cli, flags, routes)
      show(cli, flags, await api.schedule.show({ params: { scheduleId } }))
    })
}

interface WhenFlags {
  name?: string
  every?: number
  cron?: string
  timeZone?: string
  model?: string[]
  full?: boolean
}

function whenOptions(command: Command): Command {
  return command
    .option('--every <minutes>', 'every so many minutes', integer)
    .option('--cron <expression>', 'minute hour day month weekday: "30 2 * * MON-FRI"')
    .option('--time-zone <name>', 'that of the expression: Europe/Berlin (UTC)')
    .option('--model <model>', 'only this model, several times', several)
    .option('--full', 'read everything again instead of what changed')
    .option('--no-full', 'read what changed')
}

function whenOf(flags: WhenFlags) {
  return {
    ...(flags.name !== undefined && { name: flags.name }),
    ...(flags.every !== undefined && { everyMinutes: flags.every }),
    ...(flags.cron !== undefined && { cron: flags.cron }),
    ...(flags.timeZone !== undefined && { timeZone: flags.timeZone }),
    ...(flags.model !== undefined && { models: flags.model }),
    ...(flags.full !== undefined && { fullList: flags.full }),
  }
}

function addWrites(schedule: Command, cli: Cli): void {
  whenOptions(verb(schedule, 'create', 'sync a tenant by itself'))
    .argument('[tenant]', 'id of the tenant; may be left when there is only one', integer)
    .requiredOption('--name <name>', 'what it is called')
    .action(async (tenant: number | undefined, flags: CommonFlags & WhenFlags) => {
      const api = await connect(cli, flags, routes)
      const params = { tenantId: await tenantOf(api, tenant) }
      const body = { ...whenOf(flags), name: flags.name ?? '' }
      show(cli, flags, await api.schedule.create({ params, body }))
    })

  whenOptions(verb(schedule, 'set', 'change a schedule; it then acts with your rights'))
    .argument('<id>', 'id of the schedule', integer)
    .option('--name <name>', 'what it is called')
    .action(async (scheduleId: number, flags: CommonFlags & WhenFlags) => {
      const api = await connect(cli, flags, routes)
      const params = { scheduleId }
      show(cli, flags, await api.schedule.update({ params, body: whenOf(flags) }))
    })

  verb(schedule, 'delete', 'remove a schedule; a sync that is under way goes on')
    .argument('<id>', 'id of the schedule', integer)
    .action(async (scheduleId: number, flags: CommonFlags) => {
      const api = await connect(cli, flags, routes)
      await api.schedule.delete({ params: { scheduleId } })
      cli.terminal.err(`schedule ${scheduleId} is deleted\n`)
    })
}

function addSwitches(schedule: Command, cli: Cli): void {
  const switches = [
    ['pause', 'let it rest'],
    ['resume', 'let it go on, at its next time'],
  ] as const
  for (const [name, summary] of switches) {
    verb(schedule, name, summary)
      .argument('<id>', 'id of the schedule', integer)
      .action(async (scheduleId: number, flags: CommonFlags) => {
        const api = await connect(cli, flags, routes)
        show(cli, flags, await api.schedule[name]({ params: { scheduleId } }))
      })
  }
}

function addRules(schedule: Command, cli: Cli): void {
  verb(schedule, 'rules', 'what syncs of a tenant leave out or leave undone')
    .argument('[tenant]', 'id of the tenant; may be left when there is only one', integer)
    .action(async (tenant: number | undefined, flags: CommonFlags) => {
      const api = await connect(cli, flags, ruleRoutes)
      const params = { tenantId: await tenantOf(api, tenant) }
      const page = await api.syncRule.list({ params })
      printPage(cli, flags, page, ['model', 'left undone'], (item) => [
        item.model,
        item.disabled.join(', '),
      ])
    })

  verb(schedule, 'rule', 'leave a model out of syncs, or say what they leave undone of it')
    .argument('<model>', 'the model')
    .option('--tenant <id>', 'the tenant; may be left when there is only one', integer)
    .addOption(choice('--disable <operation...>', 'one or several; none: all is done', disableable))
    .action(async (model: string, flags: CommonFlags & RuleFlags) => {
      const api = await connect(cli, flags, ruleRoutes)
      const params = { tenantId: await tenantOf(api, flags.tenant), ...modelPath(model) }
      const rule = await api.syncRule.set({ params, body: { disabled: flags.disable ?? [] } })
      print(cli, flags, rule, () =>
        fields([
          ['model', rule.model],
          ['left undone', rule.disabled.join(', ') || 'nothing'],
        ]),
      )
    })
}

interface RuleFlags {
  tenant?: number
  disable?: (typeof disableable)[number][]
}

type ScheduleAnswer = Static<typeof Schedule>

function whenText({ everyMinutes, cron, timeZone }: ScheduleAnswer): string {
  return cron === null ? `every ${everyMinutes} min` : `${cron} (${timeZone})`
}

function show(cli: Cli, flags: CommonFlags, schedule: ScheduleAnswer): void {
  print(cli, flags, schedule, () =>
    fields([
      ['id', schedule.id],
      ['tenant', schedule.tenantId],
      ['name', schedule.name],
      ['models', schedule.models.join(', ') || 'all'],
      ['full list', schedule.fullList],
      ['when', whenText(schedule)],
      ['next', schedule.dueAt],
      ['paused', schedule.pausedWhy],
      ['last due', schedule.lastDueAt],
      ['last sync', schedule.lastSyncId],
      ['acts as', schedule.actsAs],
    ]),
  )
}
