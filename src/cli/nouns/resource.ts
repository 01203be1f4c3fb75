import type { Command } from 'commander'
import type { Static } from 'typebox'
import { type ResourceDetail, resourceRoutes } from '../../contract/resources.ts'
import { tenantRoutes } from '../../contract/tenants.ts'
import { badInput } from '../../core/errors.ts'
import { allowedRows } from '../allowed.ts'
import { parseAssignments } from '../assignments.ts'
import { type ChangeFlags, changeObjects, changeOptions } from '../changeObjects.ts'
import { type Cli, type CommonFlags, connect } from '../cli.ts'
import { integer, listVerb, noun, type PageFlags, pageOf, several, verb } from '../command.ts'
import { escapeText } from '../escape.ts'
import { modelPath } from '../modelPath.ts'
import { fields, print, printPage, valueText } from '../print.ts'
import { tenantOf } from '../tenantOf.ts'
import { addExport } from './resourceExport.ts'

const tenant = { list: tenantRoutes.list }
const routes = { resource: resourceRoutes, tenant }

export function resourceCommand(cli: Cli): Command {
  const resource = noun('resource', "A tenant's objects: find, show, change")
  addReads(resource, cli)
  addExport(resource, cli)
  addSet(resource, cli)
  return resource
}

interface TenantFlags extends CommonFlags {
  tenant?: number
}

/** `[tenant] <model> ...`: an id is a number and a model's name is not, so either may begin. */
function splitTenant(args: readonly string[], flags: TenantFlags, names: readonly string[]) {
  const [first = ''] = args
  const leads = /^\d+$/.test(first)
  const rest = leads ? args.slice(1) : args
  for (const [at, name] of names.entries()) {
    if (rest[at] === undefined) throw badInput(name, 'is needed; add --help for the order')
  }
  return { tenant: leads ? integer(first) : flags.tenant, rest }
}

function withTenant(command: Command, usage: string): Command {
  return command
    .usage(`[options] ${usage}`)
    .argument('<arguments...>', usage)
    .option('--tenant <id>', 'the tenant; may be left when there is only one', integer)
}

function addReads(resource: Command, cli: Cli): void {
  withTenant(listVerb(resource, 'list', 'objects of a model as last synced'), '[tenant] <model>')
    .option('--search <text>', 'in names and columns')
    .option('--filter <column=value>', 'also != ^= *= < <= > >=; several must all hold', several)
    .option('--sort <column>', 'by this column, -column for the reverse; by name without it')
    .action(async (args: string[], flags: TenantFlags & ListFlags) => {
      const { tenant, rest } = splitTenant(args, flags, ['model'])
      const [model = '', ...odd] = rest
      if (odd.length > 0) throw badInput(odd.join(' '), 'is one argument too many')
      const api = await connect(cli, flags, routes)
      const search = flags.search === undefined ? {} : { search: flags.search }
      const filter = flags.filter === undefined ? {} : { filter: flags.filter }
      const sort = flags.sort === undefined ? {} : { sort: flags.sort }
      const page = await api.resource.list({
        params: { tenantId: await tenantOf(api, tenant), ...modelPath(model) },
        query: { ...pageOf(flags), ...search, ...filter, ...sort },
      })
      const columns = Object.keys(page.items[0]?.columns ?? {})
      printPage(cli, flags, page, [...columns, 'key'], (item) => [
        ...columns.map((column) => valueText(item.columns[column])),
        item.key,
      ])
      if (!flags.json) {
        cli.terminal.err(`${page.countIsExact ? '' : 'more than '}${page.count} in all\n`)
      }
    })

  withTenant(
    verb(resource, 'show', 'one object with its links'),
    '[tenant] <model> <object>',
  ).action(async (args: string[], flags: TenantFlags) => {
    const { tenant, rest } = splitTenant(args, flags, ['model', 'object'])
    const [model = '', ref = ''] = rest
    const api = await connect(cli, flags, routes)
    const params = { tenantId: await tenantOf(api, tenant), ...modelPath(model), ref }
    const answer = await api.resource.show({ params })
    print(cli, flags, answer, () => detailText(answer))
  })

  withTenant(
    listVerb(resource, 'history', 'what changed on one object, when and by what'),
    '[tenant] <model> <object>',
  ).action(async (args: string[], flags: TenantFlags & PageFlags) => {
    const { tenant, rest } = splitTenant(args, flags, ['model', 'object'])
    const [model = '', ref = ''] = rest
    const api = await connect(cli, flags, routes)
    const params = { tenantId: await tenantOf(api, tenant), ...modelPath(model), ref }
    const page = await api.resource.history({ params, query: pageOf(flags) })
    printPage(cli, flags, page, ['at', 'by', 'changes'], (item) => [
      item.at,
      item.cause,
      item.changes
        .map(
          ({ property, before, after }) =>
            `${property}: ${valueText(before)} -> ${valueText(after)}`,
        )
        .join('; '),
    ])
  })
}

interface ListFlags extends PageFlags {
  search?: string
  sort?: string
  filter?: string[]
}

function addSet(resource: Command, cli: Cli): void {
  const usage = '[tenant] <model> <object> <name=value...>'
  changeOptions(verb(resource, 'set', 'change properties of an object'))
    .usage(`[options] ${usage}`)
    .argument('<arguments...>', usage)
    .addHelpText(
      'after',
      '\nname=text sets text, name:=json any other value, name= clears.\n' +
        'The change is a transaction: `patchbay transaction undo` puts it back.',
    )
    .action(async (args: string[], flags: ChangeFlags) => {
      const { tenant, rest } = splitTenant(args, flags, ['model', 'object', 'name=value'])
      const [model = '', ref = '', ...assignments] = rest
      const { application, name } = modelPath(model)
      const chosen = { ...flags, ...(tenant !== undefined && { tenant }) }
      await changeObjects(cli, chosen, [
        {
          do: 'update',
          model: `device/${application}/${name}`,
          ref,
          set: parseAssignments(assignments),
        },
      ])
    })
}

function detailText(object: Static<typeof ResourceDetail>): string {
  const rows = Object.entries(object.data).map(([name, value]): [string, string] => [
    name,
    valueText(value),
  ])
  const edges = [
    ...object.links.map(({ kind, key, name }) => `${kind} -> ${name ?? ''} (${key})`),
    ...object.linkedFrom.map(({ kind, key, name }) => `${kind} <- ${name ?? ''} (${key})`),
  ]
  const gone = object.removedAt === null ? [] : [['removed', object.removedAt] as const]
  const head = fields([
    ['key', object.key],
    ['name', object.name],
    ['changed', object.changedAt],
    ...gone,
    ...allowedRows(object.allowed),
  ])
  const links = edges.length > 0 ? `\n${edges.map((edge) => `${escapeText(edge)}\n`).join('')}` : ''
  return `${head}\n${fields(rows)}${links}`
}
