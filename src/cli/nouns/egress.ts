import { type Command, InvalidArgumentError } from 'commander'
import type { Static } from 'typebox'
import { type EgressPolicy, egressRoutes } from '../../contract/egress.ts'
import { type Cli, type CommonFlags, connect } from '../cli.ts'
import { integer, noun, verb } from '../command.ts'
import { print, table } from '../print.ts'

const routes = { egress: egressRoutes }
type Policy = Static<typeof EgressPolicy>
type Ports = NonNullable<Policy['rules']>[number]['ports']

export function egressCommand(cli: Cli): Command {
  const egress = noun('egress', 'Where tenants may be sent to besides Microsoft')
  const api = async (flags: CommonFlags) => (await connect(cli, flags, routes)).egress

  verb(egress, 'show', 'the hosts and ranges in force at a node and below it')
    .argument('<node>', 'id of the node', integer)
    .action(async (nodeId: number, flags: CommonFlags) => {
      show(cli, flags, await (await api(flags)).show({ params: { nodeId } }))
    })

  verb(egress, 'allow', 'add a host or range; what the nodes above refuse stays refused')
    .argument('<node>', 'id of the node', integer)
    .argument('<target>', 'a host, *.example.com, a range such as 10.1.0.0/16, or public')
    .option('--ports <ports>', 'such as 3128,8080, or usual (if not given), or any', portsOf)
    .action(async (nodeId: number, target: string, flags: CommonFlags & { ports?: Ports }) => {
      const body = { target, ...(flags.ports !== undefined && { ports: flags.ports }) }
      show(cli, flags, await (await api(flags)).allow({ params: { nodeId }, body }))
    })

  verb(egress, 'forbid', 'take a host or range off the list')
    .argument('<node>', 'id of the node', integer)
    .argument('<target>', 'as `egress show` names it')
    .action(async (nodeId: number, target: string, flags: CommonFlags) => {
      show(cli, flags, await (await api(flags)).forbid({ params: { nodeId }, body: { target } }))
    })

  verb(egress, 'inherit', 'drop the list of a node: that of the node above it is in force again')
    .argument('<node>', 'id of the node', integer)
    .action(async (nodeId: number, flags: CommonFlags) => {
      show(cli, flags, await (await api(flags)).inherit({ params: { nodeId } }))
    })

  return egress
}

function portsOf(text: string): Ports {
  if (text === 'usual' || text === 'any') return text
  const ports = text.split(',').map((port) => (/^\d{1,5}$/.test(port) ? Number(port) : 0))
  if (ports.every((port) => port >= 1 && port <= 65_535)) return ports
  throw new InvalidArgumentError('It has to be usual, any, or port numbers such as 3128,8080.')
}

const origins: Readonly<Record<Policy['from'], string>> = {
  node: 'the list of this node',
  above: 'the list of a node above this one',
  default: 'no list was made: what Patchbay begins with',
}

function show(cli: Cli, flags: CommonFlags, policy: Policy): void {
  const rows = (policy.rules ?? []).map(({ target, ports, narrowed }) => [
    target,
    typeof ports === 'string' ? ports : ports.join(','),
    narrowed ? 'less than this: a list above is narrower' : '',
  ])
  print(cli, flags, policy, () => table(['target', 'ports', ''], rows))
  if (flags.json) return
  const hidden = policy.rules === null ? ', which is not yours to see' : ''
  const nothing = policy.rules?.length === 0 ? '; it is empty: Microsoft and nothing else' : ''
  cli.terminal.err(`${origins[policy.from]}${hidden}${nothing}\n`)
}
