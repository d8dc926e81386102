/** `connect`: changes the configuration of a program where it is a file, and prints what to enter where it is none. */

import { LumosError } from '../../../interface/errors.ts'
import { textGeneration } from '../../../interface/tasks/text-generation.ts'
import type { ModelList } from '../../../units/model.ts'
import { findNode, homeFlag, type NodeClient } from '../../client.ts'
import { changeForeignFile } from '../../foreign-config.ts'
import type { Invocation } from '../../invocation.ts'
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
  const { model, takesImages } = await chosenModel(running, options.model)
  const home = homeFlag(options)
  const node: Node = {
    url: running.info.gateway,
    model,
    takesImages,
    showToken: `lumos-node${home} token show`,
    newToken: `lumos-node${home} token create ${name}`
  }
  const { file, steps } = PLACES[name](node)
  const change = file && (await changeForeignFile(file, options, output))
  output.data({ program: name, model, change: change ?? null, steps }, () =>
    [...(change === undefined ? [] : [wordsOf(change, name)]), ...steps].join('\n')
  )
}

/** @param named a model that may come to the mesh later. */
async function chosenModel(
  node: NodeClient,
  named: string | undefined
): Promise<Pick<Node, 'model' | 'takesImages'>> {
  const { data } = await node.execute<ModelList>('model.list', { type: textGeneration.name })
  const found = named === undefined ? data.items[0] : data.items.find(({ id }) => id === named)
  const model = named ?? found?.id
  if (model !== undefined)
    return { model, takesImages: found?.providers.some(one => one.takes_images) ?? false }
  throw new LumosError('MODEL_NOT_FOUND', 'No model of the mesh generates text.', {
    hint: 'Get one: lumos-node models pull NAME, or name one with --model.'
  })
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
