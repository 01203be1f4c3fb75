import type { Flag, Words } from './words.ts'

/** For zsh, whose lists say beside each word what it is for. */
export function zshScript({ nouns }: Words): string {
  const cases = nouns.flatMap((noun) => [
    `      ${noun.name})`,
    ...described(
      noun.verbs.length > 0
        ? noun.verbs.flatMap(({ names, summary }) => names.map((name) => ({ name, summary })))
        : noun.options,
      8,
    ),
    '        ;;',
  ])
  const verbs = nouns.flatMap((noun) =>
    noun.verbs.flatMap(({ names, options, choices }) =>
      names.flatMap((name) => [
        `      '${noun.name} ${name}')`,
        ...values(options),
        ...described([...choices.map((one) => ({ name: one, summary: '' })), ...options], 8),
        '        ;;',
      ]),
    ),
  )
  return `#compdef patchbay
# zsh completion of patchbay. Put it in effect with: eval "$(patchbay completion zsh)"
_patchbay() {
  local -a found
  if (( CURRENT == 2 )); then
${described([...nouns, { name: 'help', summary: 'help for a command' }], 4).join('\n')}
  elif (( CURRENT == 3 )); then
    case $words[2] in
${cases.join('\n')}
    esac
  else
    case "$words[2] $words[3]" in
${verbs.join('\n')}
    esac
  fi
  if (( $#found )) && [[ $words[CURRENT] == -* || $CURRENT -le 3 ]]; then
    _describe 'patchbay' found
  else
    _files
  fi
}
compdef _patchbay patchbay
`
}

function described(items: readonly { name: string; summary: string }[], indent: number): string[] {
  const before = ' '.repeat(indent)
  const lines = items.map(({ name, summary }) => `${before}  ${quoted(`${name}:${summary}`)}`)
  return [`${before}found=(`, ...lines, `${before})`]
}

/** Behind an option with few values: those, and nothing else. */
function values(options: readonly Flag[]): string[] {
  return options
    .filter(({ choices }) => choices.length > 0)
    .map(({ name, choices }) => {
      return `        [[ $words[CURRENT-1] == ${name} ]] && { compadd -- ${choices.join(' ')}; return }`
    })
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
