import type { Command } from 'commander'
import type { Static } from 'typebox'
import type { Client } from '../../client/client.ts'
import { consentRoutes } from '../../contract/consent.ts'
import { permissionRoutes } from '../../contract/permissions.ts'
import type { Tenant } from '../../contract/tenantFields.ts'
import { type ConnectionReport, tenantRoutes } from '../../contract/tenants.ts'
import { type Cli, type CommonFlags, connect } from '../cli.ts'
import {
  integer,
  listVerb,
  noun,
  type PageFlags,
  pageOf,
  several,
  verb,
  yesOption,
} from '../command.ts'
import { confirmed, deleteConfirmed } from '../confirm.ts'
import { type Cell, fields, print, printPage, table } from '../print.ts'
import { type FieldFlags, tenantFields } from '../tenantFields.ts'
import { addImport } from './tenantImport.ts'

const routes = { tenant: tenantRoutes }
const permissionsOf = { permission: permissionRoutes }
type TenantAnswer = Static<typeof Tenant>

export function tenantCommand(cli: Cli): Command {
  const tenant = noun('tenant', 'Microsoft tenants and their connections')
  addReads(tenant, cli)
  addPermissions(tenant, cli)
  addWrites(tenant, cli)
  addImport(tenant, cli)
  addDangerous(tenant, cli)
  return tenant
}

async function client(cli: Cli, flags: CommonFlags): Promise<Client<typeof routes>['tenant']> {
  return (await connect(cli, flags, routes)).tenant
}

function addReads(tenant: Command, cli: Cli): void {
  listVerb(tenant, 'list', 'the Microsoft tenants within your scope').action(
    async (flags: CommonFlags & PageFlags) => {
      const page = await (await client(cli, flags)).list({ query: pageOf(flags) })
      printPage(cli, flags, page, ['id', 'name', 'node', 'cloud', 'tenant id', 'state'], (item) => [
        item.id,
        item.name,
        item.nodeId,
        item.graph.cloud,
        item.graph.tenantId,
        item.connections.map(({ wire, state }) => `${wire} ${state}`).join(', '),
      ])
    },
  )

  verb(tenant, 'show', 'one tenant; of secrets only whether and when they were set')
    .argument('<id>', 'id of the tenant', integer)
    .action(async (tenantId: number, flags: CommonFlags) => {
      show(cli, flags, await (await client(cli, flags)).show({ params: { tenantId } }))
    })
}

function addPermissions(tenant: Command, cli: Cli): void {
  verb(tenant, 'permissions', 'the fewest permissions an app registration has to be granted')
    .option('--tenant <id>', 'for the features in use there, and whether it has them', integer)
    .option('--features <list>', 'for these: users, groups:read, passwords')
    .action(async (flags: CommonFlags & { tenant?: number; features?: string }) => {
      const { tenant: tenantId, features } = flags
      const api = (await connect(cli, flags, permissionsOf)).permission
      const list =
        tenantId === undefined
          ? await api.list({ query: { ...(features !== undefined && { features }) } })
          : await api.tenant({ params: { tenantId } })
      const granted = (has: boolean | null) => (has === null ? 'unknown' : has ? 'yes' : 'no')
      const rows = list.permissions.map((each) => [
        each.permission,
        granted(each.granted),
        each.for.join(', '),
      ])
      print(cli, flags, list, () => table(['permission', 'granted', 'for'], rows))
    })
}

function fieldOptions(command: Command): Command {
  return command
    .option('--description <text>', 'what it is for')
    .option('--cloud <name>', 'the Microsoft cloud, as the server names it')
    .option('--tenant-id <guid>', 'Directory (tenant) ID, or a domain of the tenant')
    .option('--client-id <guid>', 'Application (client) ID')
    .option('--secret-file <path>', 'file with the client secret; - is standard input')
    .option('--certificate <id>', 'certificate to sign in with', integer)
    .option('--field <group.name=value>', 'any other field, several times; := for JSON', several)
    .option('--field-file <group.name=path>', 'a secret field, read from a file', several)
    .addHelpText(
      'after',
      '\ndocs/tenant-fields.md lists the fields and says which are needed when.',
    )
}

function addWrites(tenant: Command, cli: Cli): void {
  fieldOptions(verb(tenant, 'add', 'attach a Microsoft tenant to a node').alias('create'))
    .requiredOption('--node <id>', 'the node it belongs to', integer)
    .requiredOption('--name <name>', 'its name here')
    .action(async (flags: CommonFlags & FieldFlags & { node: number; name: string }) => {
      const body = { nodeId: flags.node, name: flags.name, ...(await tenantFields(cli, flags)) }
      show(cli, flags, await (await client(cli, flags)).create({ body }))
    })

  fieldOptions(verb(tenant, 'set', 'change fields; what is not named stays').alias('update'))
    .argument('<id>', 'id of the tenant', integer)
    .option('--name <name>', 'its name here')
    .action(async (tenantId: number, flags: CommonFlags & FieldFlags & { name?: string }) => {
      const name = flags.name === undefined ? {} : { name: flags.name }
      const body = { ...name, ...(await tenantFields(cli, flags)) }
      show(cli, flags, await (await client(cli, flags)).update({ params: { tenantId }, body }))
    })
}

function addDangerous(tenant: Command, cli: Cli): void {
  yesOption(verb(tenant, 'test', 'Test Connection: sign in at Microsoft, read, and report'))
    .argument('<id>', 'id of the tenant', integer)
    .action(async (tenantId: number, flags: CommonFlags & { yes?: boolean }) => {
      const api = await client(cli, flags)
      const params = { tenantId }
      const report = await confirmed(
        cli,
        flags.yes,
        () => api.test({ params }),
        () => api.test({ params, body: { confirm: true } }),
      )
      print(cli, flags, report, () => reportText(report))
      if (report.outcome === 'failed') cli.outcome.exit = 1
    })

  verb(tenant, 'consent', "a link by which the tenant's administrator consents")
    .argument('<id>', 'id of the tenant', integer)
    .action(async (tenantId: number, flags: CommonFlags) => {
      const { consent } = await connect(cli, flags, { consent: consentRoutes })
      const made = await consent.invite({ params: { tenantId } })
      cli.terminal.err(`The link is worth one consent, until ${made.expiresAt}:\n`)
      print(cli, flags, made, () => `${made.url}\n`)
    })

  yesOption(verb(tenant, 'delete', 'remove a tenant with all that is held of it; not at Microsoft'))
    .argument('<id>', 'id of the tenant', integer)
    .action(async (tenantId: number, flags: CommonFlags & { yes?: boolean }) => {
      await deleteConfirmed(cli, flags.yes, { tenantId }, await client(cli, flags))
      cli.terminal.err(`tenant ${tenantId} is deleted\n`)
    })
}

function show(cli: Cli, flags: CommonFlags, tenant: TenantAnswer): void {
  const { graph } = tenant
  print(cli, flags, tenant, () =>
    fields([
      ['id', tenant.id],
      ['name', tenant.name],
      ['description', tenant.description],
      ['node', tenant.nodeId],
      ['cloud', graph.cloud],
      ['tenant id', graph.tenantId],
      ['client id', graph.clientId],
      ['secret', secretText(graph.clientSecret)],
      ['certificate', graph.certificateId],
      ...otherFields(tenant),
      ['removals without approval', tenant.sync.deleteThreshold],
      ...tenant.connections.map(({ wire, state, message }): [string, string] => [
        wire,
        `${state} ${message}`.trim(),
      ]),
      ['changed', tenant.updatedAt],
    ]),
  )
}

const shownAlready = [
  ...['graph.cloud', 'graph.tenantId', 'graph.clientId', 'graph.clientSecret'],
  ...['graph.certificateId', 'sync.deleteThreshold'],
]

/** Every other field that says something, by the name `--field` takes. */
function otherFields(tenant: TenantAnswer): [string, Cell][] {
  const { powershell, httpProxy, teams, graph, exchange, sync } = tenant
  const groups = { powershell, httpProxy, teams, graph, exchange, sync }
  return Object.entries(groups).flatMap(([group, members]) =>
    Object.entries(members).flatMap(([name, value]): [string, Cell][] => {
      const path = `${group}.${name}`
      if (shownAlready.includes(path)) return []
      if (value === null || value === false || value === 'none') return []
      if (typeof value !== 'object') return [[path, value]]
      return value.set ? [[path, secretText(value)]] : []
    }),
  )
}

function secretText(secret: TenantAnswer['graph']['clientSecret']): string {
  return secret.set ? `set ${secret.changedAt ?? ''}`.trim() : 'not set'
}

function reportText(report: Static<typeof ConnectionReport>): string {
  const rows = report.steps.map((step) => [step.step, step.outcome, step.message])
  const remedies = report.steps.flatMap(({ step, remedy }): [string, string][] =>
    remedy === null ? [] : [[step, remedy]],
  )
  const features = report.features.map(({ feature, inUse, available, missing }) => [
    feature,
    inUse ? 'yes' : 'no',
    available,
    missing.join(', '),
  ])
  return [
    table(['step', 'outcome', 'finding'], rows),
    remedies.length > 0 ? `\nwhat to do\n${fields(remedies)}` : '',
    features.length > 0
      ? `\n${table(['feature', 'in use', 'available', 'missing'], features)}`
      : '',
    `\nTest Connection of tenant ${report.tenantId}: ${report.outcome}\n`,
  ].join('')
}
