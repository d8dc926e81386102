import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { onnx } from '../../capabilities/engines/onnx/kind.ts'
import { labelSetOf } from '../../capabilities/engines/pictures/label-set.ts'
import { readModels } from '../../capabilities/models/read-models.ts'
import type { Registry } from '../../capabilities/serving/registry.ts'
import { systemClock } from '../../interface/clock.ts'
import { prepare } from '../../interface/prepare.ts'
import type { TaskName, TaskOutput } from '../../interface/tasks/index.ts'
import { errorOf, memoryLog, outputOf, registryOf } from './parts.ts'

const CLIP = new URL('../fixtures/tiny-clip/', import.meta.url)
const picture = (file: string): Promise<Buffer> => readFile(new URL(`pictures/${file}`, CLIP))
const manifest = JSON.parse(String(await picture('manifest.json'))) as { file: string; label: string }[]
const pictures = await Promise.all(manifest.map(({ file }) => picture(file)))
const { labels: LABELS } = labelSetOf(await readFile(new URL('digits.npz', CLIP)))

let registry: Registry
beforeAll(async () => {
  const [found] = await readModels(fileURLToPath(CLIP))
  registry = registryOf([onnx.serve(found!, { clock: systemClock, log: memoryLog(), env: {}, cores: 2 })])
})
afterAll(() => registry.stop())

const request = (task: TaskName, input: object, params: object = {}) =>
  prepare({ id: randomUUID(), task, input, params: { ...params }, budgetMs: 20_000 })
const ask = <T extends TaskName>(task: T, input: object, params: object = {}): Promise<TaskOutput<T>> =>
  outputOf<T>(registry.infer(request(task, input, params)))
const refusal = (task: TaskName, input: object, params: object = {}) =>
  errorOf(registry.infer(request(task, input, params)))

function rowsOf({ dimensions, vectors }: { dimensions: number; vectors: Uint8Array }): Float32Array[] {
  const numbers = new Float32Array(Uint8Array.from(vectors).buffer)
  return Array.from({ length: numbers.length / dimensions }, (_, row) =>
    numbers.subarray(row * dimensions, (row + 1) * dimensions)
  )
}
const product = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, at) => sum + value * b[at]!, 0)

/** How many of the test pictures get the label that they have. */
async function rightOf(params: object): Promise<number> {
  let right = 0
  for (const [at, image] of pictures.entries()) {
    const { labels } = await ask('zero-shot-image-classification', { image }, params)
    if (labels[0]!.label === manifest[at]!.label) right++
  }
  return right
}

describe('tiny-clip', () => {
  it('is one model for three tasks, which are not those of text models first', () => {
    assert.deepEqual(
      registry.capabilities().map(({ task }) => task),
      ['zero-shot-image-classification', 'image-feature-extraction', 'feature-extraction']
    )
  })

  it('knows 39 of 40 pictures by its own label set, and as many by the same labels as texts', async () => {
    assert.equal(await rightOf({}), 39)
    assert.equal(await rightOf({ labels: LABELS }), 39)
  })

  it('puts pictures and texts into one space', async () => {
    const texts = LABELS.map(label => `a photo of a ${label}`)
    const words = rowsOf(await ask('feature-extraction', { texts }))
    const seen = rowsOf(await ask('image-feature-extraction', { images: pictures }))
    assert.equal(seen.length, 40)
    const right = seen.filter((vector, at) => {
      const near = words.map(word => product(vector, word))
      return LABELS[near.indexOf(Math.max(...near))] === manifest[at]!.label
    })
    assert.equal(right.length, 39)
    for (const vector of [...seen, ...words]) assert.ok(Math.abs(product(vector, vector) - 1) < 1e-5)
  })

  it('gives scores that sum up to one, the likeliest first, and as many as are wanted', async () => {
    const [image] = pictures
    const { labels } = await ask('zero-shot-image-classification', { image }, { topK: 40 })
    assert.equal(labels.length, 40)
    assert.ok(Math.abs(labels.reduce((sum, { score }) => sum + score, 0) - 1) < 1e-9)
    assert.deepEqual(
      labels,
      labels.toSorted((a, b) => b.score - a.score)
    )
    const few = await ask('zero-shot-image-classification', { image }, { topK: 2, dataset: 'digits' })
    assert.deepEqual(few.labels, labels.slice(0, 2))
  })

  it('puts a label into the sentence that is asked for', async () => {
    const [image] = pictures
    const scoreOf = async (params: object) =>
      (await ask('zero-shot-image-classification', { image }, params)).labels.find(one =>
        one.label.includes('red')
      )!.score
    const bare = await scoreOf({ labels: ['red five', 'green two'], template: '{}' })
    const own = await scoreOf({ labels: ['a photo of a red five', 'a photo of a green two'], template: '{}' })
    assert.equal(await scoreOf({ labels: ['red five', 'green two'] }), own)
    assert.notEqual(bare, own)
  })

  it('reads a control token in a label as the text that it is', async () => {
    const [image] = pictures
    const labels = ['red five', 'red [SEP] five']
    const answer = await ask('zero-shot-image-classification', { image }, { labels })
    assert.notEqual(answer.labels[0]!.score, answer.labels[1]!.score)
  })

  it.each([
    [
      'a label set that it has not',
      { dataset: 'birds' },
      'INVALID_INPUT',
      /no label set "birds"; it has: digits/
    ],
    ['a label that it would have to cut', { labels: ['red '.repeat(60)] }, 'CONTEXT_TOO_SMALL', /room for 32/]
  ])('refuses %s', async (_, params, code, why) => {
    const [image] = pictures
    const refused = await refusal('zero-shot-image-classification', { image }, params)
    assert.equal(refused.code, code)
    assert.match(refused.message, why)
  })

  it('refuses one of several pictures that is none, and goes on', async () => {
    const refused = await refusal('image-feature-extraction', { images: [pictures[0], Buffer.from('seven')] })
    assert.equal(refused.code, 'INVALID_INPUT')
    assert.match(refused.message, /no picture in JPEG/)
    assert.equal(registry.models()[0]?.warm, true)
  })
})
