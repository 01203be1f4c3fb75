import type { Command } from 'commander'
import { tokenRoutes } from '../../contract/tokens.ts'
import { type Operation, operations } from '../../core/actor.ts'
import { badInput } from '../../core/errors.ts'
import { limits } from '../../core/limits.ts'
import { type Cli, type CommonFlags, connect } from '../cli.ts'
import { integer, listVerb, noun, type PageFlags, pageOf, several, verb } from '../command.ts'
import { print, printPage } from '../print.ts'

const routes = { token: tokenRoutes }

export function tokenCommand(cli: Cli): Command {
  const token = noun('token', 'Access tokens for programs')

  listVerb(token, 'list', 'your tokens, and those of the people you manage').action(
    async (flags: CommonFlags & PageFlags) => {
      const client = await connect(cli, flags, routes)
      const page = await client.token.list({ query: pageOf(flags) })
      const columns = ['id', 'name', 'owner', 'scope', 'ends', 'last used']
      printPage(cli, flags, page, columns, (item) => [
        ...[item.id, item.name, item.owner ?? '', item.scope],
        ...[item.expiresAt ?? '', item.lastUsedAt ?? ''],
      ])
    },
  )

  addCreate(token, cli)

  verb(token, 'revoke', 'end a token at once')
    .argument('<id>', 'id of the token', integer)
    .action(async (tokenId: number, flags: CommonFlags) => {
      await (await connect(cli, flags, routes)).token.revoke({ params: { tokenId } })
      cli.terminal.err(`token ${tokenId} is ended\n`)
    })

  return token
}

interface CreateFlags extends CommonFlags {
  person?: number
  node?: number
  allow?: string[]
  days?: number
}

function addCreate(token: Command, cli: Cli): void {
  verb(token, 'create <name>', 'a new token, printed once')
    .option('--person <id>', 'whose it is; you, when left away', integer)
    .option('--node <id>', 'where it may act; wherever its owner may, when left away', integer)
    .option('--allow <type=operation,...>', 'what it may do, such as data/*=Read', several)
    .option('--days <days>', `when it ends; ${limits.tokenDaysDefault} when left away`, integer)
    .action(async (name: string, flags: CreateFlags) => {
      const { person: personId, node: nodeId, days, allow } = flags
      const body = {
        name,
        ...(personId !== undefined && { personId }),
        ...(nodeId !== undefined && { nodeId }),
        ...(days !== undefined && { days }),
        ...(allow && { permissions: allow.map(permissionOf) }),
      }
      const made = await (await connect(cli, flags, routes)).token.create({ body })
      cli.terminal.err(`Token ${made.id} works until ${made.expiresAt}. It is not shown again:\n`)
      print(cli, flags, made, () => `${made.token}\n`)
    })
}

function permissionOf(text: string): { type: string; operations: Operation[] } {
  const [type = '', names = ''] = text.split('=')
  const asked = names.split(',').map((name) => {
    const found = operations.find((each) => each.toLowerCase() === name.trim().toLowerCase())
    if (found === undefined || type === '') {
      throw badInput('--allow', `is a type and operations of ${operations.join(', ')}`)
    }
    return found
  })
  return { type, operations: asked }
}
