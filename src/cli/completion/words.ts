import type { Command } from 'commander'

/** What may be typed: nouns, their verbs, and the options of each, read off the program itself. */
export interface Words {
  nouns: Noun[]
}

interface Noun {
  name: string
  summary: string
  verbs: Verb[]
  /** Of a noun without verbs: a process such as `serve`. */
  options: Flag[]
}

interface Verb {
  names: string[]
  summary: string
  options: Flag[]
  /** What its first argument may be, where that is one of few. */
  choices: string[]
}

export interface Flag {
  name: string
  summary: string
  /** What its value may be; empty: anything. */
  choices: string[]
}

/** `helpOf`: the help of processes, whose options are not the program's. */
export function wordsOf(program: Command, helpOf: ReadonlyMap<string, string>): Words {
  return {
    nouns: program.commands.map((noun) => ({
      name: noun.name(),
      summary: noun.description(),
      // What a noun takes instead of verbs, as `completion` takes a shell, stands in their place.
      verbs: [
        ...(noun.registeredArguments[0]?.argChoices ?? []).map(bare),
        ...noun.commands.map((verb) => ({
          names: [verb.name(), ...verb.aliases()],
          summary: verb.description(),
          options: [...flagsOf(verb), help],
          choices: [...(verb.registeredArguments[0]?.argChoices ?? [])],
        })),
      ],
      options: flagsInHelp(helpOf.get(noun.name()) ?? ''),
    })),
  }
}

function bare(name: string): Verb {
  return { names: [name], summary: '', options: [help], choices: [] }
}

const help: Flag = { name: '--help', summary: 'what it takes', choices: [] }

function flagsOf(command: Command): Flag[] {
  return command.options.flatMap(({ long, description, argChoices }) =>
    long ? [{ name: long, summary: description, choices: [...(argChoices ?? [])] }] : [],
  )
}

/** `  --role <role>  all, api or worker (PATCHBAY_ROLE; all)`, as our processes write it. */
function flagsInHelp(text: string): Flag[] {
  return [...text.matchAll(/^ {2}(--[a-z-]+)(?: <[^>]+>)? +(.+)$/gm)].map(
    ([, name = '', summary]) => ({
      ...{ name, summary: summary ?? '', choices: [] },
    }),
  )
}
