import type { Command } from 'commander'
import type { Static } from 'typebox'
import type { Client } from '../../client/client.ts'
import { type Role, roleRoutes } from '../../contract/access.ts'
import { type Cli, type CommonFlags, connect } from '../cli.ts'
import {
  choice,
  integer,
  listVerb,
  noun,
  type PageFlags,
  pageOf,
  verb,
  yesOption,
} from '../command.ts'
import { deleteConfirmed } from '../confirm.ts'
import { fields, print, printPage } from '../print.ts'

const routes = { role: roleRoutes }
const kinds = ['provider', 'reseller', 'customer', 'site'] as const

export function roleCommand(cli: Cli): Command {
  const role = noun('role', 'Roles, and who holds them where')
  addReads(role, cli)
  addWrites(role, cli)
  addGrants(role, cli)
  return role
}

async function client(cli: Cli, flags: CommonFlags): Promise<Client<typeof routes>['role']> {
  return (await connect(cli, flags, routes)).role
}

function addReads(role: Command, cli: Cli): void {
  listVerb(role, 'list', 'the roles').action(async (flags: CommonFlags & PageFlags) => {
    const page = await (await client(cli, flags)).list({ query: pageOf(flags) })
    printPage(cli, flags, page, ['id', 'name', 'given at a', 'profile', 'origin'], (item) => [
      ...[item.id, item.name, item.kind, item.profile, item.origin],
    ])
  })

  verb(role, 'show', 'one role')
    .argument('<id>', 'id of the role', integer)
    .action(async (roleId: number, flags: CommonFlags) => {
      show(cli, flags, await (await client(cli, flags)).show({ params: { roleId } }))
    })
}

function addWrites(role: Command, cli: Cli): void {
  verb(role, 'create <name>', 'make a role of an access profile')
    .requiredOption('--profile <id>', 'what it allows', integer)
    .addOption(choice('--kind <kind>', 'what it may be given at', kinds).makeOptionMandatory())
    .action(
      async (
        name: string,
        flags: CommonFlags & { profile: number; kind: (typeof kinds)[number] },
      ) => {
        const body = { name, profileId: flags.profile, kind: flags.kind }
        show(cli, flags, await (await client(cli, flags)).create({ body }))
      },
    )

  yesOption(verb(role, 'delete', 'delete a role that nobody holds'))
    .argument('<id>', 'id of the role', integer)
    .action(async (roleId: number, flags: CommonFlags & { yes?: boolean }) => {
      await deleteConfirmed(cli, flags.yes, { roleId }, await client(cli, flags))
      cli.terminal.err(`role ${roleId} is deleted\n`)
    })
}

function addGrants(role: Command, cli: Cli): void {
  listVerb(role, 'granted', 'who holds which role at the nodes within your scope')
    .option('--person <id>', 'of one person only', integer)
    .action(async (flags: CommonFlags & PageFlags & { person?: number }) => {
      const query = { ...pageOf(flags), ...(flags.person && { personId: flags.person }) }
      const page = await (await client(cli, flags)).granted({ query })
      const head = ['id', 'person', 'role', 'node', 'by', 'at']
      printPage(cli, flags, page, head, (item) => [
        ...[item.id, item.person ?? item.personId, item.role, item.nodeId],
        ...[item.grantedBy, item.grantedAt],
      ])
    })

  verb(role, 'grant', 'give a person a role at a node, of no more than you hold there yourself')
    .argument('<role>', 'id of the role', integer)
    .requiredOption('--person <id>', 'who gets it', integer)
    .requiredOption('--node <id>', 'where', integer)
    .action(async (roleId: number, flags: CommonFlags & { person: number; node: number }) => {
      const body = { roleId, personId: flags.person, nodeId: flags.node }
      const given = await (await client(cli, flags)).grant({ body })
      print(cli, flags, given, () =>
        fields([
          ['id', given.id],
          ['person', given.person ?? given.personId],
          ['role', given.role],
          ['node', given.nodeId],
        ]),
      )
    })

  verb(role, 'revoke', 'take a role from a person, at once')
    .argument('<id>', 'its id in `role granted`', integer)
    .action(async (grantId: number, flags: CommonFlags) => {
      await (await client(cli, flags)).revoke({ params: { grantId } })
      cli.terminal.err(`${grantId} is revoked\n`)
    })
}

function show(cli: Cli, flags: CommonFlags, role: Static<typeof Role>): void {
  print(cli, flags, role, () =>
    fields([
      ['id', role.id],
      ['name', role.name],
      ['given at a', role.kind],
      ['profile', role.profile],
      ['origin', role.origin],
    ]),
  )
}
