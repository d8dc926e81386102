/** `completion`: scripts for shells, made from the program itself so that they cannot fall behind. */

import type { Command } from 'commander'
import { LumosError } from '../../../interface/errors.ts'
import type { Invocation } from '../../invocation.ts'

/** What may follow the words typed so far. */
interface Place {
  /** Command words, such as `config show`; empty at the start. */
  readonly path: string
  readonly words: readonly { readonly word: string; readonly summary: string }[]
  /** The name of a unit comes here. Only a node that runs has them. */
  readonly isUnit: boolean
}

/** What a shell runs for the names of units. */
const UNIT_NAMES = 'lumos-node units --names 2>/dev/null'

const SHELLS: Readonly<Record<string, (places: readonly Place[]) => string>> = { bash, zsh, fish }

export async function run({ args, output, program }: Invocation): Promise<void> {
  const shell = args[0]!
  const script = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined
  if (script === undefined) {
    throw new LumosError('USAGE', `There is no completion for "${shell}".`, {
      hint: 'Say bash, zsh or fish.'
    })
  }
  output.line(script(placesOf(program, [])))
}

function placesOf(command: Command, path: readonly string[]): Place[] {
  const global = path.length === 0 ? [] : rootOf(command).options
  const words = [
    ...command.commands.map(child => ({ word: child.name(), summary: child.description() })),
    ...[...command.options, ...global].map(({ long, description }) => ({
      word: long!,
      summary: description
    })),
    { word: '--help', summary: 'print help' }
  ]
  return [
    { path: path.join(' '), words, isUnit: command.registeredArguments[0]?.name() === 'unit' },
    ...command.commands.flatMap(child => placesOf(child, [...path, child.name()]))
  ]
}

const rootOf = (command: Command): Command => (command.parent === null ? command : rootOf(command.parent))

const plain = ({ words }: Place): string => words.map(({ word }) => word).join(' ')

/** The commands among the words typed: everything that is no option. */
const BASH_PATH = `local path="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done`

function bash(places: readonly Place[]): string {
  const cases = places.map(
    place => `    '${place.path}') words='${plain(place)}'${place.isUnit ? `" $(${UNIT_NAMES})"` : ''} ;;`
  )
  return `_lumos_node() {
  ${BASH_PATH}
  local words=''
  case "$path" in
${cases.join('\n')}
  esac
  local current="\${COMP_WORDS[COMP_CWORD]}"
  if [[ "$current" == @* ]]; then
    COMPREPLY=($(compgen -P @ -f -- "\${current#@}"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  fi
}
complete -o default -F _lumos_node lumos-node`
}

function zsh(places: readonly Place[]): string {
  const quoted = (text: string) => text.replaceAll("'", "'\\''").replaceAll(':', '\\:')
  const cases = places.map(({ path, words, isUnit }) => {
    const described = words.map(({ word, summary }) => `'${word}:${quoted(summary)}'`)
    return `    '${path}') described=(${described.join(' ')}${isUnit ? ` \${(f)"$(${UNIT_NAMES})"}` : ''}) ;;`
  })
  return `#compdef lumos-node
_lumos_node() {
  local -a described typed
  typed=(\${\${words[2,CURRENT-1]}:#-*})
  case "\${(j: :)typed}" in
${cases.join('\n')}
  esac
  _describe 'lumos-node' described || _files
}
compdef _lumos_node lumos-node`
}

function fish(places: readonly Place[]): string {
  const quoted = (text: string) => text.replaceAll("'", "\\'")
  const lines = places.flatMap(({ path, words, isUnit }) => {
    const at = `complete -c lumos-node -n "__lumos_node_at '${path}'"`
    const described = words.map(({ word, summary }) => {
      const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${word}`
      return `${at} ${what} -d '${quoted(summary)}'`
    })
    return [...described, ...(isUnit ? [`${at} -f -a '(${UNIT_NAMES})'`] : [])]
  })
  return `function __lumos_node_at
  set -l typed (string match -v -- '-*' (commandline -opc)[2..])
  test "$typed" = "$argv"
end
${lines.join('\n')}`
}
