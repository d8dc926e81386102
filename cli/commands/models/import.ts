/** `models import`: makes a model of a file or folder. */

import { resolve } from 'node:path'
import type { Imported } from '../../../interface/weights.ts'
import { fromTilde } from '../../../storage/home/home-path.ts'
import type { Begun } from '../../../units/begun.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { bytes } from '../../quantities.ts'
import { type FollowOptions, follow } from './follow.ts'

interface ImportOptions extends FollowOptions {
  readonly name?: string
}

export async function run({ args, options, output }: Invocation<ImportOptions>): Promise<void> {
  const [path] = args as [string]
  const node = findNode(options)
  const asked = { path: resolve(fromTilde(path)), name: options.name }
  const { data: begun } = await node.execute<Begun>('model.import', asked)
  await follow<Imported>(
    node,
    begun,
    output,
    options,
    ({ model, cid, bytes: size, files }) => `${model} is here: ${bytes(size)} in ${files} files, as ${cid}.`
  )
}
