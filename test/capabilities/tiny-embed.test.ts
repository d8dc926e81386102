import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { transformers } from '../../capabilities/engines/transformers/kind.ts'
import type { Model } from '../../capabilities/host/engine.ts'
import { works } from '../../capabilities/host/engine-sandbox.ts'
import { readModels } from '../../capabilities/models/read-models.ts'
import type { DoneChunk, OutputChunk } from '../../interface/chunks.ts'
import { systemClock } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import { prepare } from '../../interface/prepare.ts'
import type { TaskOutput } from '../../interface/tasks/index.ts'
import { outsourced } from './onnx-graph.ts'
import { MODELS, memoryLog } from './parts.ts'

const check = JSON.parse(
  await readFile(new URL('../fixtures/tiny-embed/check.json', import.meta.url), 'utf8')
) as { texts: string[]; ids: number[][]; emb: number[][] }
const hasUserOfEngines = process.getuid?.() === 0 && (await works('user'))
/** Rounding of full numbers, added up in another order than where the model was trained. */
const DIFFERENCE_MAX = 1e-5

let model: Model

beforeAll(async () => {
  const [found] = await readModels(join(MODELS, 'tiny-embed'))
  model = transformers.serve(found!, { clock: systemClock, log: memoryLog(), env: {}, cores: 2 })
  await model.engine.load()
})
afterAll(() => model.engine.close())

async function vectorsOf(texts: readonly string[], params: object = {}, { engine } = model) {
  const request = {
    id: randomUUID(),
    task: 'feature-extraction' as const,
    input: { texts },
    params: { ...params }
  }
  const [answer, done] = await Array.fromAsync(engine.infer(prepare({ ...request, budgetMs: 60_000 })))
  const { dimensions, vectors } = (answer as OutputChunk).output as TaskOutput<'feature-extraction'>
  const numbers = new Float32Array(Uint8Array.from(vectors as Uint8Array).buffer)
  return {
    vectors: texts.map((_, at) => [...numbers.subarray(at * dimensions, (at + 1) * dimensions)]),
    usage: (done as DoneChunk).usage
  }
}

const furthest = (some: readonly number[][], others: readonly number[][]): number =>
  Math.max(...some.flatMap((vector, at) => vector.map((value, i) => Math.abs(value - others[at]![i]!))))

describe('tiny-embed', () => {
  it('gives the vectors that its training gave', async () => {
    const { vectors, usage } = await vectorsOf(check.texts)
    assert.ok(furthest(vectors, check.emb) < DIFFERENCE_MAX, `${furthest(vectors, check.emb)}`)
    assert.equal(usage.inputTokens, check.ids.flat().length)
  })

  it.runIf(hasUserOfEngines)(
    'gives them too where its weights lie in a file of their own, below a folder that its user may not enter',
    async () => {
      const home = await mkdtemp(join(tmpdir(), 'lumos-home '))
      const folder = join(home, 'tiny')
      try {
        await cp(join(MODELS, 'tiny-embed'), folder, { recursive: true })
        // It has the hash of the whole graph.
        await rm(join(folder, 'model_info.json'))
        const file = join(folder, 'onnx/model.onnx')
        const { graph, data } = outsourced(await readFile(file), 'model.onnx_data')
        await Promise.all([writeFile(file, graph), writeFile(`${file}_data`, data)])
        const [found] = await readModels(folder)
        const host = { clock: systemClock, log: memoryLog(), env: {}, cores: 2, sandbox: 'user' as const }
        const tiny = transformers.serve({ ...found!, tasks: ['feature-extraction'] }, host)
        await tiny.engine.load()
        const { vectors } = await vectorsOf(check.texts, {}, tiny).finally(() => tiny.engine.close())
        assert.ok(furthest(vectors, check.emb) < DIFFERENCE_MAX)
      } finally {
        await rm(home, { recursive: true })
      }
    }
  )

  it('reads a control token as the text that it is', async () => {
    const tokens = async (text: string) => (await vectorsOf([text])).usage.inputTokens!
    // Two brackets and letters.
    assert.ok((await tokens('a [SEP] b')) >= (await tokens('a , b')) + 2)
  })

  it('keeps the order of many texts of all lengths, and gives each the vector that it has alone', async () => {
    const texts = Array.from({ length: 40 }, (_, at) => check.texts[at % 5]!.repeat(1 + ((at * 7) % 5)))
    const { vectors } = await vectorsOf(texts)
    for (const at of [0, 7, 23, 39]) {
      const alone = await vectorsOf([texts[at]!])
      assert.ok(furthest(alone.vectors, [vectors[at]!]) < DIFFERENCE_MAX)
    }
    assert.deepEqual((await vectorsOf(texts)).vectors, vectors)
  })

  it('gives each of many callers the vectors that its texts have alone', async () => {
    assert.ok(model.slots >= 16)
    const alone = (await vectorsOf(check.texts)).vectors
    const callers = await Promise.all(
      Array.from({ length: 20 }, (_, at) => vectorsOf([check.texts[at % check.texts.length]!]))
    )
    for (const [at, { vectors }] of callers.entries()) {
      assert.ok(furthest(vectors, [alone[at % alone.length]!]) < DIFFERENCE_MAX)
    }
  })

  it('gives fewer numbers where fewer are wanted, of length 1 again', async () => {
    const [text] = check.texts
    const { vectors } = await vectorsOf([text!], { dimensions: 24 })
    const cut = check.emb[0]!.slice(0, 24)
    const length = Math.hypot(...cut)
    assert.ok(furthest(vectors, [cut.map(value => value / length)]) < DIFFERENCE_MAX)
  })

  it.each([
    ['more numbers than its vectors have', ['a'], { dimensions: 97 }, 'INVALID_INPUT', /96 numbers, not 97/],
    [
      'a text that it would have to cut',
      ['a', 'word '.repeat(200)],
      {},
      'CONTEXT_TOO_SMALL',
      /Text 1 has \d+ tokens.*128/
    ]
  ] as const)('refuses %s', async (_, texts, params, code, why) => {
    const thrown = await vectorsOf(texts, params).catch(err => err)
    assert.ok(thrown instanceof LumosError)
    assert.equal(thrown.code, code)
    assert.match(thrown.message, why)
  })
})
