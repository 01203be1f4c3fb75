import { Command, InvalidArgumentError, Option } from 'commander'

/** A noun with its verbs. */
export function noun(name: string, summary: string): Command {
  return new Command(name).description(summary)
}

/** A verb, with what every verb takes. `usage` is its name and arguments: `show <id>`. */
export function verb(of: Command, usage: string, summary: string): Command {
  return common(of.command(usage), summary)
}

/** A verb about nothing but oneself: it has no noun. */
export function leaf(name: string, summary: string): Command {
  return common(new Command(name), summary)
}

function common(command: Command, summary: string): Command {
  return command
    .description(summary)
    .option('--json', "print the API's answer as JSON")
    .option('--server <url>', 'address of Patchbay')
    .option('--token-file <path>', 'file with the access token')
}

/** A verb that answers a page of a list. */
export function listVerb(of: Command, usage: string, summary: string): Command {
  return verb(of, usage, summary)
    .option('--limit <rows>', 'rows at most', integer)
    .option('--after <cursor>', 'go on where an earlier page ended')
}

export interface PageFlags {
  limit?: number
  after?: string
}

export function pageOf({ limit, after }: PageFlags): PageFlags {
  return { ...(limit !== undefined && { limit }), ...(after !== undefined && { after }) }
}

export function waitOptions(command: Command): Command {
  return command
    .option('--wait', 'follow it until it has ended')
    .option('--timeout <seconds>', 'with --wait: give up waiting (the work goes on)', integer)
}

export function yesOption(command: Command): Command {
  return command.option('--yes', 'do it without asking')
}

/** An id or a count, as an argument. */
export function integer(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It has to be a whole number.')
  return Number(text)
}

export function choice(flags: string, description: string, choices: readonly string[]): Option {
  return new Option(flags, description).choices([...choices])
}

/** An option that may be given several times. */
export function several(text: string, earlier: string[] = []): string[] {
  return [...earlier, text]
}
