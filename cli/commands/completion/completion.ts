/** `completion`: scripts for shells, made from the program itself so that they cannot fall behind. */

import type { Command, Option } from 'commander'
import { LumosError } from '../../../interface/errors.ts'
import type { Invocation } from '../../invocation.ts'
import { type NameKind, printNames } from './names.ts'
import { type Grammar, type Place, SHELLS } from './shells.ts'

interface CompletionOptions {
  readonly names?: string
}

export async function run(invocation: Invocation<CompletionOptions>): Promise<void> {
  const { args, options, output, program } = invocation
  if (options.names !== undefined) return printNames(options.names, invocation)
  const [shell = ''] = args
  const script = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined
  if (script === undefined) {
    throw new LumosError('USAGE', `There is no completion for "${shell}".`, {
      hint: 'Say bash, zsh or fish.'
    })
  }
  output.line(script(grammarOf(program)))
}

function grammarOf(program: Command): Grammar {
  const places = placesOf(program, [])
  const options = new Set(
    places.flatMap(({ words }) => words.filter(({ value }) => value).map(({ word }) => word))
  )
  return {
    places,
    valued: [...options],
    valueKinds: Object.entries(KINDS_OF_VALUES).filter(([option]) => options.has(option))
  }
}

function placesOf(command: Command, path: readonly string[]): Place[] {
  const global = path.length === 0 ? [] : rootOf(command).options
  const words = [
    ...command.commands.map(child => ({ word: child.name(), summary: child.description(), value: false })),
    ...[...command.options, ...global].filter(({ hidden }) => !hidden).map(optionOf),
    { word: '--help', summary: 'print help', value: false }
  ]
  const kinds = command.registeredArguments.map(argument => kindOf(path, argument.name()))
  return [
    { path: path.join(' '), words, kinds },
    ...command.commands.flatMap(child => placesOf(child, [...path, child.name()]))
  ]
}

const optionOf = ({ long, description, required, optional }: Option) => ({
  word: long!,
  summary: description,
  value: required || optional
})

const KINDS_OF_ARGUMENTS: Readonly<Record<string, NameKind>> = {
  model: 'model',
  'model|task': 'model',
  device: 'device',
  peer: 'device',
  to: 'device',
  space: 'space',
  'space-or-query': 'space',
  unit: 'unit',
  job: 'job',
  service: 'service'
}
const KINDS_OF_VALUES: Readonly<Record<string, NameKind>> = {
  '--model': 'model',
  '--peer': 'device',
  '--writer': 'device'
}
/** What `<name>` means under these commands. */
const KINDS_OF_NAMES: Readonly<Record<string, NameKind>> = { models: 'model', engine: 'engine' }

const kindOf = ([domain = '']: readonly string[], argument: string): NameKind | undefined =>
  argument === 'name' ? KINDS_OF_NAMES[domain] : KINDS_OF_ARGUMENTS[argument]

const rootOf = (command: Command): Command => (command.parent === null ? command : rootOf(command.parent))
