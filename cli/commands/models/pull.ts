/** `models pull`: brings a model, and shows from where and how fast. */

import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InvalidInputError } from '../../../interface/errors.ts'
import type { MemberInfo } from '../../../interface/mesh.ts'
import { isPath } from '../../../interface/path-ref.ts'
import type { WeightSource } from '../../../interface/weights.ts'
import { fromTilde } from '../../../storage/home/home-path.ts'
import type { Begun } from '../../../units/begun.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { bytes } from '../../quantities.ts'
import { type FollowOptions, follow } from './follow.ts'

interface PullOptions extends FollowOptions {
  readonly name?: string
  readonly all?: boolean
}

interface Pulled {
  readonly model: string
  readonly cid: string
  readonly bytes: number
  readonly sources: readonly WeightSource[]
}

/** The node has another working directory. */
function refOf(given: string): string {
  if (!/^file:/i.test(given)) return isPath(given) ? resolve(fromTilde(given)) : given
  try {
    return fileURLToPath(given)
  } catch (cause) {
    throw new InvalidInputError(`"${given}" is no address of a file or folder of this device.`, { cause })
  }
}

export async function run({ args, options, output }: Invocation<PullOptions>): Promise<void> {
  const [given] = args as [string]
  const ref = refOf(given)
  const { name, all } = options
  const node = findNode(options)
  const { items } = (await node.execute<{ items: MemberInfo[] }>('mesh.members')).data
  const names = new Map(items.map(({ peer_id, name }) => [peer_id, name]))
  const { data: begun } = await node.execute<Begun>('model.pull', { ref, name, all })
  await follow<Pulled>(node, begun, output, options, ({ model, bytes: size, sources }) => {
    const from = sources.map(source => `${bytes(source.bytes)} from ${names.get(source.from) ?? source.from}`)
    return `${model} is here: ${bytes(size)}${from.length > 0 ? `, ${from.join(', ')}` : ''}.`
  })
}
