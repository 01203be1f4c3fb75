import type { Command } from 'commander'
import { type ChangeFlags, changeObjects, changeOptions } from '../changeObjects.ts'
import type { Cli } from '../cli.ts'
import { noun, verb } from '../command.ts'
import { memberStep } from './user.ts'

export function groupCommand(cli: Cli): Command {
  const group = noun('group', 'Groups of a tenant: who is in them')
  const member = noun('member', 'Members of a group')
  const verbs = [
    ['add', 'put users or groups into a group', 'link'],
    ['remove', 'take users or groups out of a group', 'unlink'],
  ] as const
  for (const [name, summary, what] of verbs) {
    changeOptions(verb(member, name, summary))
      .argument('<group>', 'by key or name')
      .argument('<members...>', 'by key, name or sign-in name')
      .action((ref: string, members: string[], flags: ChangeFlags) =>
        changeObjects(
          cli,
          flags,
          members.map((to) => memberStep(what, ref, to)),
        ),
      )
  }
  group.addCommand(member)
  return group
}
