/** `models verify`: whether the weights of this device are what they were when they came. */

import { LumosError } from '../../../interface/errors.ts'
import type { Begun } from '../../../units/begun.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { bytes } from '../../quantities.ts'
import { type FollowOptions, follow } from './follow.ts'

interface Verdict {
  readonly valid: boolean
  readonly files: number
  readonly bytes: number
  readonly issues: readonly { readonly model: string; readonly path: string; readonly problem: string }[]
}

export async function run({ args, options, output }: Invocation<FollowOptions>): Promise<void> {
  const node = findNode(options)
  const { data: begun } = await node.execute<Begun>('model.verify', { model_id: args[0] })
  const verdict = await follow<Verdict>(node, begun, output, options, ({ files, bytes: size, issues }) =>
    issues.length === 0
      ? `All is well: ${files} files, ${bytes(size)}.`
      : output.table(
          ['MODEL', 'FILE', 'PROBLEM'],
          issues.map(({ model, path, problem }) => [model, path, problem])
        )
  )
  if (verdict === undefined || verdict.valid) return
  throw new LumosError(
    'WEIGHTS_INVALID',
    `${verdict.issues.length} of ${verdict.files} files have problems.`,
    {
      hint: 'Fetch or import the model again: lumos-node models pull NAME'
    }
  )
}
