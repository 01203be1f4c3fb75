import { Argument, type Command } from 'commander'
import type { Cli } from '../cli.ts'
import { noun } from '../command.ts'
import { bashScript } from '../completion/bash.ts'
import { fishScript } from '../completion/fish.ts'
import { type Words, wordsOf } from '../completion/words.ts'
import { zshScript } from '../completion/zsh.ts'

const shells: Readonly<Record<string, (words: Words) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
}

/** `completion <shell>`: what that shell needs to complete our words. The program is complete. */
export function completionCommand(
  cli: Cli,
  program: Command,
  helpOf: () => Promise<ReadonlyMap<string, string>>,
): Command {
  return noun('completion', 'A script with which your shell completes commands')
    .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(Object.keys(shells)))
    .action(async (shell: string) => {
      const script = shells[shell]?.(wordsOf(program, await helpOf()))
      cli.terminal.out(script ?? '')
    })
}
