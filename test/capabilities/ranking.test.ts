import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { transformers } from '../../capabilities/engines/transformers/kind.ts'
import type { Model } from '../../capabilities/host/engine.ts'
import { readModels } from '../../capabilities/models/read-models.ts'
import type { DoneChunk, OutputChunk } from '../../interface/chunks.ts'
import { systemClock } from '../../interface/clock.ts'
import { prepare } from '../../interface/prepare.ts'
import type { TaskOutput } from '../../interface/tasks/index.ts'
import { countsSecondText } from './onnx-graph.ts'
import { MODELS, memoryLog } from './parts.ts'

/** Its score of two texts is the number of tokens of the second. */
let model: Model
let home: string

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'lumos-ranking-'))
  const folder = join(home, 'counts')
  await mkdir(join(folder, 'onnx'), { recursive: true })
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
    await cp(join(MODELS, 'tiny-embed', name), join(folder, name))
  }
  const config = { architectures: ['BertForSequenceClassification'], id2label: { 0: 'LABEL_0' } }
  await writeFile(
    join(folder, 'config.json'),
    JSON.stringify({ ...config, model_type: 'bert', max_position_embeddings: 128 })
  )
  await writeFile(join(folder, 'onnx/model.onnx'), countsSecondText())
  const [found] = await readModels(folder)
  model = transformers.serve(found!, { clock: systemClock, log: memoryLog(), env: {}, cores: 2 })
  await model.engine.load()
})
afterAll(async () => {
  await model.engine.close()
  await rm(home, { recursive: true })
})

async function ranked(documents: readonly string[], params: object = {}) {
  const input = { query: 'read a file', documents }
  const request = {
    id: randomUUID(),
    task: 'text-ranking' as const,
    input,
    params: { ...params },
    budgetMs: 60_000
  }
  const [answer, done] = await Array.fromAsync(model.engine.infer(prepare(request)))
  const { results } = (answer as OutputChunk).output as TaskOutput<'text-ranking'>
  return { results, usage: (done as DoneChunk).usage }
}

/** Documents of 1 to 20 words, in disorder. */
const documents = Array.from({ length: 20 }, (_, at) => 'a '.repeat(1 + ((at * 7) % 20)))
const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value))

describe('a cross-encoder', () => {
  it('puts documents in the order of its scores, which are between 0 and 1', async () => {
    const { results, usage } = await ranked(documents)
    assert.deepEqual(
      results.map(({ index }) => documents[index]!.length / 2),
      Array.from({ length: 20 }, (_, at) => 20 - at)
    )
    // The document and the token that ends it.
    assert.ok(Math.abs(results.at(-1)!.score - sigmoid(2)) < 1e-6)
    // [CLS] query [SEP] document [SEP]
    assert.equal(usage.inputTokens, 20 * 6 + (20 * 21) / 2)
  })

  it('gives only the best where fewer are wanted', async () => {
    const { results } = await ranked(documents, { topN: 3 })
    assert.deepEqual(
      results.map(({ index }) => documents[index]!.length / 2),
      [20, 19, 18]
    )
  })

  it('refuses a document that it would have to cut', async () => {
    await assert.rejects(ranked(['a', 'a '.repeat(200)]), { code: 'CONTEXT_TOO_SMALL' })
  })
})
