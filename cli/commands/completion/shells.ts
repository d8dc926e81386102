/**
 * The script of each shell. Commands and options stand in it; names come from the running node, one call for each press
 * of the key. Names of other devices pass no expansion of a shell.
 */

import type { NameKind } from './names.ts'

/** What may follow the words typed so far. */
export interface Place {
  /** Command words, such as `config show`; empty at the start. */
  readonly path: string
  readonly words: readonly Word[]
  /** Of each argument, the names that come there. */
  readonly kinds: readonly (NameKind | undefined)[]
}

interface Word {
  readonly word: string
  readonly summary: string
  /** Whether a value follows this option. */
  readonly value: boolean
}

export interface Grammar {
  readonly places: readonly Place[]
  /** Options that a value follows. */
  readonly valued: readonly string[]
  /** Those of them whose value is a name. */
  readonly valueKinds: readonly (readonly [option: string, kind: NameKind])[]
}

export const SHELLS: Readonly<Record<string, (grammar: Grammar) => string>> = { bash, zsh, fish }

const namesOf = (kind: string): string => `lumos-node completion --names ${kind} 2>/dev/null`

const NO_NAMES = '-'
const listOf = ({ kinds }: Place): string => kinds.map(kind => kind ?? NO_NAMES).join(' ')

/**
 * For bash and zsh: finds the place among the words typed, how many arguments follow it, and the option before the
 * cursor. The variable is not `path`, which zsh ties to the search path.
 */
const placeOf = ({
  places,
  valued
}: Grammar): string => `case "$prev" in ${valued.join('|')}) prev=''; continue ;; esac
    prev="$word"
    case "$word" in -*) continue ;; esac
    case "$place $word" in
      ${places.flatMap(({ path }) => (path === '' ? [] : [`' ${path}'`])).join('|')}) place="$place $word" ;;
      *) at=$((at + 1)) ;;
    esac`

/** For bash and zsh: the names that are the value of an option. */
const valueCases = ({ valued, valueKinds }: Grammar): string =>
  [
    ...valueKinds.map(([option, kind]) => `    ${option}) kind=${kind} ;;`),
    // Files, such as for --out.
    `    ${valued.join('|')}) OTHER ;;`
  ].join('\n')

const keyOf = ({ path }: Place): string => (path === '' ? "''" : `' ${path}'`)

function bash(grammar: Grammar): string {
  const cases = grammar.places.map(
    place =>
      `      ${keyOf(place)}) words='${place.words.map(({ word }) => word).join(' ')}'; kinds=(${listOf(place)}) ;;`
  )
  // Bash also cuts words at a colon, which names of models have.
  return `_lumos_node() {
  local place='' prev='' kind='' words='' current word quoted prefix i at=0 n=-1
  local -a typed=() kinds=()
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    if ((n >= 0)) && [[ "$word" == :* || "\${typed[n]}" == *: ]]; then
      typed[n]="\${typed[n]}$word"
    else
      n=$((n + 1))
      typed[n]="$word"
    fi
  done
  current="\${typed[n]}"
  for ((i = 0; i < n; i++)); do
    word="\${typed[i]}"
    ${placeOf(grammar)}
  done
  COMPREPLY=()
  case "$prev" in
${valueCases(grammar).replace('OTHER', 'return')}
    *)
      case "$place" in
${cases.join('\n')}
      esac
      kind="\${kinds[at]:-${NO_NAMES}}" ;;
  esac
  if [[ "$current" == @* ]]; then
    COMPREPLY=($(compgen -P @ -f -- "\${current#@}"))
    return
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [[ "$kind" != ${NO_NAMES} && "$current" != -* ]]; then
    while IFS= read -r word; do
      printf -v quoted %q "$word"
      [[ "$quoted" == "$current"* ]] && COMPREPLY[\${#COMPREPLY[@]}]="$quoted"
    done < <(${namesOf('"$kind"')})
  fi
  prefix="\${current%"\${current##*:}"}"
  if [[ -n "$prefix" ]]; then COMPREPLY=("\${COMPREPLY[@]#"$prefix"}"); fi
}
complete -o default -F _lumos_node lumos-node`
}

function zsh(grammar: Grammar): string {
  const quoted = (text: string) => text.replaceAll("'", "'\\''").replaceAll(':', '\\:')
  const cases = grammar.places.map(place => {
    const described = place.words.map(({ word, summary }) => `'${word}:${quoted(summary)}'`)
    return `      ${keyOf(place)}) described=(${described.join(' ')}); kinds=(${listOf(place)}) ;;`
  })
  return `#compdef lumos-node
_lumos_node() {
  local -a described kinds names
  local place='' prev='' kind='' word
  local -i at=0
  for word in "\${(@)words[2,CURRENT-1]}"; do
    ${placeOf(grammar)}
  done
  case "$prev" in
${valueCases(grammar).replace('OTHER', '_files; return')}
    *)
      case "$place" in
${cases.join('\n')}
      esac
      kind="\${kinds[at+1]:-${NO_NAMES}}" ;;
  esac
  if [[ "$kind" != ${NO_NAMES} && "\${words[CURRENT]}" != -* ]]; then
    names=("\${(@f)$(${namesOf('$kind')})}")
    names=("\${(@)names:#}")
    compadd -a names
  fi
  _describe 'lumos-node' described || (( \${#names} )) || _files
}
compdef _lumos_node lumos-node`
}

function fish({ places, valued, valueKinds }: Grammar): string {
  const quoted = (text: string) => text.replaceAll("'", "\\'")
  const kinds = new Map(valueKinds)
  const lines = places.flatMap(place => {
    const at = `complete -c lumos-node -n "__lumos_node_at '${place.path}'`
    const described = place.words.map(({ word, summary, value }) => {
      const kind = kinds.get(word)
      const values = kind === undefined ? (value ? ' -r' : '') : ` -x -a '(${namesOf(kind)})'`
      const what = word.startsWith('--') ? `-l ${word.slice(2)}${values}` : `-f -a ${word}`
      return `${at}" ${what} -d '${quoted(summary)}'`
    })
    const names = place.kinds.flatMap((kind, n) =>
      kind === undefined ? [] : [`${at} ${n}" -f -a '(${namesOf(kind)})'`]
    )
    return [...described, ...names]
  })
  return `function __lumos_node_at
  set -l place
  set -l arguments 0
  set -l is_value 0
  for word in (commandline -opc)[2..]
    if test $is_value = 1
      set is_value 0
    else if contains -- $word ${valued.join(' ')}
      set is_value 1
    else if not string match -q -- '-*' $word
      set -l next (string join ' ' -- $place $word)
      if contains -- $next ${places.map(({ path }) => `'${path}'`).join(' ')}
        set place $next
      else
        set arguments (math $arguments + 1)
      end
    end
  end
  test "$place" = "$argv[1]"; and test "$argv[2]" = "" -o "$argv[2]" = "$arguments"
end
${lines.join('\n')}`
}
