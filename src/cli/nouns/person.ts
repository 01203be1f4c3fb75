import type { Command } from 'commander'
import type { Static } from 'typebox'
import type { Client } from '../../client/client.ts'
import { type Person, personRoutes } from '../../contract/people.ts'
import { badInput } from '../../core/errors.ts'
import { type Cli, type CommonFlags, connect } from '../cli.ts'
import { integer, listVerb, noun, type PageFlags, pageOf, verb, yesOption } from '../command.ts'
import { confirmed } from '../confirm.ts'
import { fields, print, printPage } from '../print.ts'

const routes = { person: personRoutes }

export function personCommand(cli: Cli): Command {
  const person = noun('person', 'Who may sign in')
  addReads(person, cli)
  addWrites(person, cli)
  addEnds(person, cli)
  return person
}

async function client(cli: Cli, flags: CommonFlags): Promise<Client<typeof routes>['person']> {
  return (await connect(cli, flags, routes)).person
}

function addReads(person: Command, cli: Cli): void {
  listVerb(person, 'list', 'the people of the nodes within your scope').action(
    async (flags: CommonFlags & PageFlags) => {
      const page = await (await client(cli, flags)).list({ query: pageOf(flags) })
      const columns = ['id', 'login', 'name', 'node', 'signs in by', 'disabled']
      printPage(cli, flags, page, columns, (item) => [
        ...[item.id, item.login, item.name, item.nodeId],
        ...[waysOf(item), item.disabledAt ?? ''],
      ])
    },
  )

  verb(person, 'show', 'one person')
    .argument('<id>', 'id of the person', integer)
    .action(async (personId: number, flags: CommonFlags) => {
      show(cli, flags, await (await client(cli, flags)).show({ params: { personId } }))
    })
}

interface WriteFlags extends CommonFlags {
  name?: string
  email?: string
  login?: string
  issuer?: string
  subject?: string
}

function writing(command: Command): Command {
  return command
    .option('--email <address>', 'their address of e-mail')
    .option('--issuer <url>', 'with --subject: the OpenID provider that vouches for them')
    .option('--subject <sub>', 'what that provider calls them')
}

function addWrites(person: Command, cli: Cli): void {
  writing(verb(person, 'create <login>', 'add a person, and print an invitation once'))
    .requiredOption('--node <id>', 'where they belong', integer)
    .requiredOption('--name <name>', 'what they are called')
    .action(async (login: string, flags: WriteFlags & { node: number; name: string }) => {
      const api = await client(cli, flags)
      const { node: nodeId, name } = flags
      const made = await api.create({ body: { nodeId, login, name, ...given(flags) } })
      show(cli, flags, made)
      if (made.identity === null) await invite(cli, flags, made.id)
    })

  verb(person, 'invite', 'print a new invitation, by which they choose a password')
    .argument('<id>', 'id of the person', integer)
    .action(async (personId: number, flags: CommonFlags) => await invite(cli, flags, personId))

  writing(verb(person, 'update', 'change a person'))
    .argument('<id>', 'id of the person', integer)
    .option('--name <name>', 'what they are called')
    .option('--login <login>', 'what they sign in with')
    .action(async (personId: number, flags: WriteFlags) => {
      const { name, login } = flags
      const body = { ...(name && { name }), ...(login && { login }), ...given(flags) }
      show(cli, flags, await (await client(cli, flags)).update({ params: { personId }, body }))
    })
}

function given({ email, issuer, subject }: WriteFlags) {
  if ((issuer === undefined) !== (subject === undefined)) {
    throw badInput('--issuer', 'goes together with --subject')
  }
  return {
    ...(email && { email }),
    ...(issuer && subject && { identity: { issuer, subject } }),
  }
}

function addEnds(person: Command, cli: Cli): void {
  for (const [name, disabled, summary] of [
    ['disable', true, 'keep a person out: sessions, tokens and streams end at once'],
    ['enable', false, 'let a person in again'],
  ] as const) {
    verb(person, name, summary)
      .argument('<id>', 'id of the person', integer)
      .action(async (personId: number, flags: CommonFlags) => {
        const api = await client(cli, flags)
        show(cli, flags, await api.update({ params: { personId }, body: { disabled } }))
      })
  }

  verb(person, 'sign-out', 'end every session of a person')
    .argument('<id>', 'id of the person', integer)
    .action(async (personId: number, flags: CommonFlags) => {
      await (await client(cli, flags)).signOut({ params: { personId } })
      cli.terminal.err(`person ${personId} is signed out everywhere\n`)
    })

  yesOption(verb(person, 'delete', 'remove a person with their sessions and tokens'))
    .argument('<id>', 'id of the person', integer)
    .action(async (personId: number, flags: CommonFlags & { yes?: boolean }) => {
      const api = await client(cli, flags)
      const params = { personId }
      await confirmed(
        cli,
        flags.yes,
        () => api.delete({ params }),
        async () => {
          const { login } = await api.show({ params })
          return await api.delete({ params, query: { confirm: login } })
        },
      )
      cli.terminal.err(`person ${personId} is removed\n`)
    })
}

/** Data goes to standard output alone: the invitation is the one thing to hand on. */
async function invite(cli: Cli, flags: CommonFlags, personId: number): Promise<void> {
  const made = await (await client(cli, flags)).invite({ params: { personId } })
  const { baseUrl } = await cli.signIn.server(flags)
  const link = `${baseUrl}/sign-in#invitation=${made.invitation}`
  cli.terminal.err(`The invitation works once, until ${made.expiresAt}. It is not shown again:\n`)
  print(cli, flags, made, () => `${link}\n`)
}

function show(cli: Cli, flags: CommonFlags, person: Static<typeof Person>): void {
  print(cli, flags, person, () =>
    fields([
      ['id', person.id],
      ['login', person.login],
      ['name', person.name],
      ['node', person.nodeId],
      ['e-mail', person.email],
      ['signs in by', waysOf(person)],
      ['disabled', person.disabledAt],
      ['created', person.createdAt],
    ]),
  )
}

function waysOf({ hasPassword, identity }: Static<typeof Person>): string {
  return [...(hasPassword ? ['password'] : []), ...(identity ? [identity.issuer] : [])].join(', ')
}
