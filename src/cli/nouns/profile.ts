import type { Command } from 'commander'
import type { Static } from 'typebox'
import type { Client } from '../../client/client.ts'
import { type AccessProfile, profileRoutes } from '../../contract/access.ts'
import { type Operation, operations, type Permission } from '../../core/actor.ts'
import { badInput } from '../../core/errors.ts'
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
import { deleteConfirmed } from '../confirm.ts'
import { fields, print, printPage, table } from '../print.ts'

const routes = { profile: profileRoutes }

interface ProfileFlags extends CommonFlags {
  allow?: string[]
  description?: string
  name?: string
}

export function profileCommand(cli: Cli): Command {
  const profile = noun('profile', 'Access profiles: which operations on which types')
  addReads(profile, cli)
  addWrites(profile, cli)
  return profile
}

async function client(cli: Cli, flags: CommonFlags): Promise<Client<typeof routes>['profile']> {
  return (await connect(cli, flags, routes)).profile
}

function addReads(profile: Command, cli: Cli): void {
  listVerb(profile, 'list', 'the access profiles').action(
    async (flags: CommonFlags & PageFlags) => {
      const page = await (await client(cli, flags)).list({ query: pageOf(flags) })
      printPage(cli, flags, page, ['id', 'name', 'origin', 'description'], (item) => [
        ...[item.id, item.name, item.origin, item.description],
      ])
    },
  )

  verb(profile, 'show', 'one access profile')
    .argument('<id>', 'id of the profile', integer)
    .action(async (profileId: number, flags: CommonFlags) => {
      show(cli, flags, await (await client(cli, flags)).show({ params: { profileId } }))
    })
}

const allowUsage = 'such as device/msgraph/*=Read,Update; also =all and =none'

function addWrites(profile: Command, cli: Cli): void {
  verb(profile, 'create <name>', 'make an access profile of what you hold yourself')
    .requiredOption('--allow <type=operations>', allowUsage, several)
    .option('--description <text>', 'what it is for')
    .action(async (name: string, flags: ProfileFlags) => {
      const body = { name, permissions: permissionsOf(flags.allow ?? []), ...described(flags) }
      show(cli, flags, await (await client(cli, flags)).create({ body }))
    })

  verb(profile, 'update', 'change an access profile, for everybody who holds it')
    .argument('<id>', 'id of the profile', integer)
    .option('--allow <type=operations>', `in place of all it allows now, ${allowUsage}`, several)
    .option('--name <name>', 'another name')
    .option('--description <text>', 'what it is for')
    .action(async (profileId: number, flags: ProfileFlags) => {
      const body = {
        ...(flags.name !== undefined && { name: flags.name }),
        ...(flags.allow !== undefined && { permissions: permissionsOf(flags.allow) }),
        ...described(flags),
      }
      show(cli, flags, await (await client(cli, flags)).update({ params: { profileId }, body }))
    })

  yesOption(verb(profile, 'delete', 'delete an access profile that no role is made of'))
    .argument('<id>', 'id of the profile', integer)
    .action(async (profileId: number, flags: CommonFlags & { yes?: boolean }) => {
      await deleteConfirmed(cli, flags.yes, { profileId }, await client(cli, flags))
      cli.terminal.err(`profile ${profileId} is deleted\n`)
    })
}

function described({ description }: ProfileFlags) {
  return description === undefined ? {} : { description }
}

/** `device/msgraph/*=Read,Bulk Update`: operations in any case. */
function permissionsOf(texts: readonly string[]): { type: string; operations: Operation[] }[] {
  return texts.map((text) => {
    const [, type, list] = /^([^=]+)=(.*)$/.exec(text) ?? []
    if (type === undefined || list === undefined) throw badInput('--allow', `is ${allowUsage}.`)
    if (list === 'all') return { type, operations: [...operations] }
    if (list === 'none') return { type, operations: [] }
    return { type, operations: list.split(',').map(operationOf) }
  })
}

function operationOf(text: string): Operation {
  const found = operations.find((name) => name.toLowerCase() === text.trim().toLowerCase())
  if (found === undefined) {
    throw badInput('--allow', `knows no operation ${text}; there are ${operations.join(', ')}.`)
  }
  return found
}

function show(cli: Cli, flags: CommonFlags, profile: Static<typeof AccessProfile>): void {
  print(cli, flags, profile, () => {
    const head = fields([
      ['id', profile.id],
      ['name', profile.name],
      ['origin', profile.origin],
      ['description', profile.description],
    ])
    const row = ({ type, operations: allowed }: Permission) => [type, allowed.join(', ') || 'none']
    return `${head}\n${table(['type', 'operations'], profile.permissions.map(row))}`
  })
}
