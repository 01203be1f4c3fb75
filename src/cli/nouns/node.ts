import type { Command } from 'commander'
import type { Static } from 'typebox'
import type { Client } from '../../client/client.ts'
import { type Node, nodeRoutes } from '../../contract/nodes.ts'
import { type NodeKind, nodeKinds } from '../../core/hierarchy.ts'
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
import { confirmed, deleteConfirmed } from '../confirm.ts'
import { fields, print, printPage } from '../print.ts'

const routes = { node: nodeRoutes }

export function nodeCommand(cli: Cli): Command {
  const node = noun('node', 'Providers, resellers, customers and sites')
  addReads(node, cli)
  addWrites(node, cli)
  addDangerous(node, cli)
  return node
}

async function client(cli: Cli, flags: CommonFlags): Promise<Client<typeof routes>['node']> {
  return (await connect(cli, flags, routes)).node
}

function addReads(node: Command, cli: Cli): void {
  listVerb(node, 'list', 'the nodes within your scope, parents before children').action(
    async (flags: CommonFlags & PageFlags) => {
      const page = await (await client(cli, flags)).list({ query: pageOf(flags) })
      printPage(cli, flags, page, ['id', 'kind', 'name', 'path'], (item) => [
        item.id,
        item.kind,
        `${'  '.repeat(item.path.split('.').length - 2)}${item.name}`,
        item.path,
      ])
    },
  )

  verb(node, 'show', 'one node')
    .argument('<id>', 'id of the node', integer)
    .action(async (nodeId: number, flags: CommonFlags) => {
      show(cli, flags, await (await client(cli, flags)).show({ params: { nodeId } }))
    })
}

function addWrites(node: Command, cli: Cli): void {
  verb(node, 'create <name>', 'create a node below another')
    .requiredOption('--parent <id>', 'the node it stands below', integer)
    .addOption(choice('--kind <kind>', 'what it is', nodeKinds).makeOptionMandatory())
    .action(async (name: string, flags: CommonFlags & { parent: number; kind: NodeKind }) => {
      const body = { parentId: flags.parent, kind: flags.kind, name }
      show(cli, flags, await (await client(cli, flags)).create({ body }))
    })

  verb(node, 'rename', 'rename a node')
    .argument('<id>', 'id of the node', integer)
    .argument('<name>', 'its new name')
    .action(async (nodeId: number, name: string, flags: CommonFlags) => {
      const answer = await (await client(cli, flags)).rename({ params: { nodeId }, body: { name } })
      show(cli, flags, answer)
    })
}

function addDangerous(node: Command, cli: Cli): void {
  yesOption(verb(node, 'move', 'move a node, with everything below it, under another parent'))
    .argument('<id>', 'id of the node', integer)
    .requiredOption('--parent <id>', 'the node it is to stand below', integer)
    .action(async (nodeId: number, flags: CommonFlags & { parent: number; yes?: boolean }) => {
      const api = await client(cli, flags)
      const params = { nodeId }
      const parentId = flags.parent
      const answer = await confirmed(
        cli,
        flags.yes,
        () => api.move({ params, body: { parentId } }),
        async () => {
          const { name } = await api.show({ params })
          return await api.move({ params, body: { parentId, confirm: name } })
        },
      )
      show(cli, flags, answer)
    })

  yesOption(verb(node, 'delete', 'delete a node that holds no tenant and no node below it'))
    .argument('<id>', 'id of the node', integer)
    .action(async (nodeId: number, flags: CommonFlags & { yes?: boolean }) => {
      await deleteConfirmed(cli, flags.yes, { nodeId }, await client(cli, flags))
      cli.terminal.err(`node ${nodeId} is deleted\n`)
    })
}

function show(cli: Cli, flags: CommonFlags, node: Static<typeof Node>): void {
  print(cli, flags, node, () =>
    fields([
      ['id', node.id],
      ['name', node.name],
      ['kind', node.kind],
      ['parent', node.parentId],
      ['path', node.path],
      ['created', node.createdAt],
    ]),
  )
}
