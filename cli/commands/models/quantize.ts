/** `models quantize`: makes a model with smaller weights. */

import { resolve } from 'node:path'
import type { Quantized } from '../../../interface/weights.ts'
import { fromTilde } from '../../../storage/home/home-path.ts'
import type { Begun } from '../../../units/begun.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { bytes } from '../../quantities.ts'
import { type FollowOptions, follow } from './follow.ts'

interface QuantizeOptions extends FollowOptions {
  readonly out: string
  readonly data?: string
}

export async function run({ args, options, output }: Invocation<QuantizeOptions>): Promise<void> {
  const [model] = args as [string]
  const node = findNode(options)
  const data = options.data === undefined ? undefined : resolve(fromTilde(options.data))
  const { data: begun } = await node.execute<Begun>('model.quantize', {
    model_id: model,
    name: options.out,
    data
  })
  await follow<Quantized>(node, begun, output, options, result =>
    [
      `${result.model} is here: ${bytes(result.bytes)}, before ${bytes(result.bytesBefore)}. Weights that became smaller: ${result.tensors}.`,
      ...lossOf(result)
    ].join('\n')
  )
}

function lossOf({ loss }: Quantized): string[] {
  if (loss === null) return ['What that changes was not measured: give it --data.']
  const { inputs, labelled, rightBefore, rightAfter, same, cosine } = loss
  return [
    ...(labelled === 0 ? [] : [`Right: ${rightAfter} of ${labelled}, before ${rightBefore}.`]),
    ...(cosine === null
      ? []
      : [`Vectors point the same way to ${cosine.toFixed(4)} (cosine; 1 is the same).`]),
    `Answers that say the same: ${same} of ${inputs}.`
  ]
}
