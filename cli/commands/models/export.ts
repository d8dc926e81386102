/** `models export`: copies the files of a model into a folder. */

import { resolve } from 'node:path'
import { fromTilde } from '../../../storage/home/home-path.ts'
import type { Begun } from '../../../units/begun.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { bytes } from '../../quantities.ts'
import { type FollowOptions, follow } from './follow.ts'

interface Exported {
  readonly path: string
  readonly bytes: number
}

export async function run({ args, options, output }: Invocation<FollowOptions>): Promise<void> {
  const [model, path] = args as [string, string]
  const node = findNode(options)
  const asked = { model_id: model, path: resolve(fromTilde(path)) }
  const { data: begun } = await node.execute<Begun>('model.export', asked)
  await follow<Exported>(
    node,
    begun,
    output,
    options,
    ({ path: place, bytes: size }) => `${bytes(size)} of ${model} are in ${place}.`
  )
}
