import type { Flag, Words } from './words.ts'

/**
 * For bash from 3.2 on, which macOS still brings. All words stand in the script: to ask Patchbay at
 * every press of Tab would take a tenth of a second each.
 */
export function bashScript({ nouns }: Words): string {
  const verbs = nouns.map(({ name, verbs, options }) => {
    const words = verbs.length > 0 ? verbs.flatMap((verb) => verb.names) : names(options)
    return `      ${name}) words='${words.join(' ')}' ;;`
  })
  const all = nouns.flatMap((noun) =>
    noun.verbs.flatMap((verb) =>
      verb.names.map((name) => ({ ...verb, of: `${noun.name} ${name}` })),
    ),
  )
  const values = all.flatMap(({ of, options }) =>
    options
      .filter(({ choices }) => choices.length > 0)
      .map(({ name, choices }) => `      '${of} ${name}') words='${choices.join(' ')}' ;;`),
  )
  const rest = all.map(({ of, options, choices }) => {
    return `        '${of}') words='${[...choices, ...names(options)].join(' ')}' ;;`
  })
  return `# bash completion of patchbay. Put it in effect with: eval "$(patchbay completion bash)"
_patchbay() {
  local words='' current=\${COMP_WORDS[COMP_CWORD]} noun=\${COMP_WORDS[1]:-} verb=\${COMP_WORDS[2]:-}
  if [ "$COMP_CWORD" -eq 1 ]; then
    words='${nouns.map(({ name }) => name).join(' ')} help --help --version'
  elif [ "$COMP_CWORD" -eq 2 ]; then
    case $noun in
${verbs.join('\n')}
    esac
  else
    case "$noun $verb \${COMP_WORDS[COMP_CWORD-1]}" in
${values.join('\n')}
      *) case "$noun $verb" in
${rest.join('\n')}
      esac ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current" || :))
}
complete -o default -F _patchbay patchbay
`
}

function names(flags: readonly Flag[]): string[] {
  return flags.map(({ name }) => name)
}
