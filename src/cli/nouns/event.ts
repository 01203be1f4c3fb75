import type { Command } from 'commander'
import type { ServerEvent } from '../../client/events.ts'
import { eventRoutes } from '../../contract/operations.ts'
import { isJsonObject } from '../../core/json.ts'
import { type Cli, type CommonFlags, connect } from '../cli.ts'
import { noun, verb } from '../command.ts'
import { escapeJson, escapeText } from '../escape.ts'
import { valueText } from '../print.ts'

export function eventCommand(cli: Cli): Command {
  const event = noun('event', 'What happens, as it happens')

  verb(event, 'follow [subject]', 'events as they happen, of all or of one thing (sync:3)')
    .option('--after <id>', 'begin behind this event; 0-0 is the beginning')
    .action(async (subject: string | undefined, flags: CommonFlags & { after?: string }) => {
      const client = await connect(cli, flags, { event: eventRoutes })
      const about = subject === undefined ? {} : { subject }
      const after = flags.after === undefined ? {} : { after: flags.after }
      for await (const told of client.event.stream({ query: { ...about, ...after } })) {
        cli.terminal.out(flags.json ? `${escapeJson(JSON.stringify(told))}\n` : line(told))
      }
    })

  return event
}

function line({ id, event, data }: ServerEvent): string {
  if (!isJsonObject(data)) return `${escapeText(`${id}  ${event}`)}\n`
  const { at, subject, data: detail } = data
  return `${escapeText([at, event, subject, detail].map(valueText).join('  '))}\n`
}
