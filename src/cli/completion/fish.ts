import type { Flag, Words } from './words.ts'

/** For fish, which wants a line for each word and when it may come. */
export function fishScript({ nouns }: Words): string {
  const lines = [
    '# fish completion of patchbay. Put it in effect with: patchbay completion fish | source',
    'complete -c patchbay -f',
  ]
  for (const noun of nouns) {
    const behind = `__fish_seen_subcommand_from ${noun.name}`
    lines.push(word('__fish_use_subcommand', noun.name, noun.summary))
    lines.push(...noun.options.map((flag) => option(behind, flag)))
    const all = noun.verbs.flatMap(({ names }) => names).join(' ')
    for (const { names, summary, options, choices } of noun.verbs) {
      for (const name of names) {
        lines.push(word(`${behind}; and not __fish_seen_subcommand_from ${all}`, name, summary))
      }
      const within = `${behind}; and __fish_seen_subcommand_from ${names.join(' ')}`
      lines.push(...choices.map((choice) => word(within, choice, '')))
      lines.push(...options.map((flag) => option(within, flag)))
    }
  }
  return `${lines.join('\n')}\n`
}

function word(when: string, name: string, summary: string): string {
  return `complete -c patchbay -n ${quoted(when)} -a ${quoted(name)} -d ${quoted(summary)}`
}

function option(when: string, { name, summary, choices }: Flag): string {
  const values = choices.length > 0 ? ` -x -a ${quoted(choices.join(' '))}` : ''
  return `complete -c patchbay -n ${quoted(when)} -l ${name.slice(2)}${values} -d ${quoted(summary)}`
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
