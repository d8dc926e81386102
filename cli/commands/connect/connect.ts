/** `connect`: changes the configuration of a program where it is a file, and prints what to enter where it is none. */

import { LumosError } from '../../../interface/errors.ts'
import { textGeneration } from '../../../interface/tasks/text-generation.ts'
import type { ModelList } from '../../../units/model.ts'
import { findNode, homeFlag, homeWords } from '../../client.ts'
import { changeForeignFile } from '../../foreign-config.ts'
import type { Invocation } from '../../invocation.ts'
import { printable } from '../../output.ts'
import { ownCommand } from '../../own-command.ts'
import { AGENT_TOKENS_MIN, type ChosenModel, hasRoom, modelFor } from './model.ts'
import { PROGRAMS, type Program } from './names.ts'
import { type Node, PLACES } from './programs.ts'

interface ConnectOptions {
  readonly find?: boolean
  readonly model?: string
  readonly print?: boolean
  readonly yes?: boolean
}

export async function run({ args, options, output }: Invocation<ConnectOptions>): Promise<void> {
  if (options.find) return (await import('./find.ts')).find(output)
  const name = PROGRAMS.find(known => known === args[0])
  if (name === undefined) {
    throw new LumosError(
      'USAGE',
      args[0] === undefined ? 'No program was named.' : `"${args[0]}" is no program that is known here.`,
      {
        hint: `One of ${PROGRAMS.join(', ')}. Others: docs/client.md has the address and the token that they need.`
      }
    )
  }
  const running = findNode(options)
  const { data } = await running.execute<ModelList>('model.list', { type: textGeneration.name })
  const model = modelFor(data.items, options.model)
  const home = homeFlag(options)
  const node: Node = {
    url: running.info.gateway,
    model,
    showToken: [...ownCommand(), ...homeWords(options), 'token', 'show'],
    newToken: `lumos-node${home} token create ${name}`
  }
  const { file, steps, isAgent = false } = PLACES[name](node)
  for (const words of notes(model, options.model, isAgent)) output.note(words)
  const change = file && (await changeForeignFile(file, options, output))
  output.data({ program: name, model: model.id, change: change ?? null, steps }, () =>
    [...(change === undefined ? [] : [wordsOf(change, name)]), ...steps].join('\n')
  )
}

/** What a person should know of the model before the program has it. */
function notes(model: ChosenModel, named: string | undefined, isAgent: boolean): string[] {
  const { id, contextTokens, leavesMesh } = model
  return [
    ...(named === undefined ? [`The model is ${id}. Another one: --model NAME`] : []),
    ...(leavesMesh ? [`${id} is on a server outside: what the program asks leaves the mesh.`] : []),
    ...(isAgent && !hasRoom(model)
      ? [
          `${id} has room for ${contextTokens} tokens. Agents begin with thousands: take a model with ${AGENT_TOKENS_MIN} or more.`
        ]
      : [])
  ].map(printable)
}

function wordsOf(
  { state, path, backup }: Awaited<ReturnType<typeof changeForeignFile>>,
  program: Program
): string {
  if (state === 'unchanged') return `${path} has it already.`
  if (state === 'printed') return 'Nothing was changed.'
  const kept = backup === null ? '' : ` What was there is in ${backup}.`
  return `${path} is changed.${kept} Start ${program} again.`
}
