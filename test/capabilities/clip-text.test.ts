import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { type InferenceSession, Tensor } from 'onnxruntime-node'
import { it } from 'vitest'
import { TextTower } from '../../capabilities/engines/onnx/clip-text.ts'

const CLIP = fileURLToPath(new URL('../fixtures/tiny-clip/', import.meta.url))

it.each([8, 3, undefined])('a text graph of %s rows gets as many in each run', async fixed => {
  const runs: number[] = []
  const graph = {
    inputNames: ['input_ids'],
    inputMetadata: [{ name: 'input_ids', isTensor: true, type: 'int64', shape: [fixed ?? 'batch', 77] }],
    run: async ({ input_ids }: { input_ids: Tensor }) => {
      const [rows] = input_ids.dims as [number]
      runs.push(rows)
      return { text: new Tensor('float32', new Float32Array(rows * 2).fill(1), [rows, 2]) }
    }
  } as unknown as InferenceSession
  const tower = await TextTower.open(graph, 'text', {
    tokenizer: `${CLIP}tokenizer.json`,
    tokenizerConfig: `${CLIP}tokenizer_config.json`,
    maxTokens: 77
  })
  const { vectors } = await tower.vectorsOf(['red five', 'green two'], {})
  assert.equal(vectors.length, 2)
  assert.deepEqual(runs, [fixed ?? 2])
})
