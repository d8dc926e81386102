/** What the quantiser reads: a graph that somebody else has made. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { quantizeGraph } from '../../../capabilities/quantize/graph.ts'
import { MODELS } from '../../capabilities/parts.ts'
import type { Target } from '../target.ts'

export const QUANTIZE_TARGETS: readonly Target[] = [
  {
    name: 'graph to quantise',
    seeds: [readFileSync(join(MODELS, 'digits-cnn', 'onnx', 'model.onnx'))],
    // A graph of 38 KB takes a part of a millisecond.
    share: 0.2,
    read: bytes => quantizeGraph(Buffer.from(bytes)).tensors
  }
]
