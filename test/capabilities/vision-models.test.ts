/** Pipelines of both engines on pictures, each with a model of its form: small, and most of them of random weights. */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { describe, it } from 'vitest'
import type { Engine } from '../../capabilities/host/engine.ts'
import { prepare } from '../../interface/prepare.ts'
import { definitionOf, type TaskName, type TaskOutput } from '../../interface/tasks/index.ts'
import { enginesHere } from './engines-here.ts'
import { reduces } from './onnx-graph.ts'
import { errorOf, outputOf } from './parts.ts'

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url))

const { folder, served } = enginesHere('lumos-vision-')

/** Writes a model of these files; a value that is no bytes is written as JSON. */
async function put(name: string, files: Record<string, object>): Promise<string> {
  await mkdir(join(folder, name, 'onnx'), { recursive: true })
  for (const [file, content] of Object.entries(files)) {
    const bytes = Buffer.isBuffer(content) ? content : JSON.stringify(content)
    await writeFile(join(folder, name, file), bytes)
  }
  return join(folder, name)
}

const answer = (engine: Engine, task: TaskName, input: object, params: object = {}) =>
  engine.infer(prepare({ id: randomUUID(), task, input, params: { ...params }, budgetMs: 20_000 }))
/** Held to the task's schema, as a registry does. */
async function ask<T extends TaskName>(model: Engine, task: T, input: object, params: object = {}) {
  const output = await outputOf<T>(answer(model, task, input, params))
  return definitionOf(task).output.parse(output) as TaskOutput<T>
}

const plain = (width: number, height: number, background: { r: number; g: number; b: number }) =>
  sharp({ create: { width, height, channels: 3, background } })
    .png()
    .toBuffer()
const GREEN = { r: 10, g: 200, b: 30 }

describe('transformers', () => {
  it('finds objects with a model of DETR, in boxes within the picture', async () => {
    const model = await served(join(FIXTURES, 'vision-models/rand-detr'))
    const image = await plain(120, 50, GREEN)
    const { objects } = await ask(model, 'object-detection', { image }, { threshold: 0 })
    assert.ok(objects.length > 0 && objects.length <= 10)
    for (const { label, box } of objects) {
      assert.match(label, /^(lamp|peer)$/)
      assert.ok(box.xmin < box.xmax && box.xmax <= 120 && box.ymin < box.ymax && box.ymax <= 50)
    }
    assert.deepEqual((await ask(model, 'object-detection', { image }, { threshold: 1 })).objects, [])
    const thin = await errorOf(answer(model, 'object-detection', { image: await plain(2000, 2, GREEN) }))
    assert.equal(thin.code, 'INVALID_INPUT')
    assert.match(thin.message, /2000 × 2 pixels/)
  })

  it('turns pictures into vectors with a model of ViT', async () => {
    const model = await served(join(FIXTURES, 'vision-models/rand-vit'))
    const images = [await plain(20, 20, GREEN), await plain(8, 90, { r: 255, g: 0, b: 0 })]
    const { dimensions, vectors } = await ask(model, 'image-feature-extraction', { images })
    assert.deepEqual([dimensions, vectors.byteLength], [16, 2 * 16 * 4])
  })

  it('describes a picture with a vision encoder and a text decoder, as long as is asked for', async () => {
    const model = await served(join(FIXTURES, 'vision-models/rand-ved'))
    const image = await plain(20, 20, GREEN)
    const { text } = await ask(model, 'image-to-text', { image })
    const { text: short } = await ask(model, 'image-to-text', { image }, { maxTokens: 2 })
    assert.ok(text.length > short.length && text.startsWith(short))
  })

  it('compares pictures with labels by the two towers of a CLIP model', async () => {
    const from = join(FIXTURES, 'tiny-clip')
    await mkdir(join(folder, 'clip/onnx'), { recursive: true })
    for (const name of ['config', 'preprocessor_config', 'tokenizer', 'tokenizer_config']) {
      await cp(join(from, `${name}.json`), join(folder, `clip/${name}.json`))
    }
    for (const tower of ['text', 'vision']) {
      await cp(join(from, `onnx/${tower}.onnx`), join(folder, `clip/onnx/${tower}_model.onnx`))
    }
    const model = await served(join(folder, 'clip'))
    const manifest = JSON.parse(await readFile(join(from, 'pictures/manifest.json'), 'utf8')) as {
      file: string
      label: string
    }[]
    const all = [...new Set(manifest.map(({ label }) => label))]
    let right = 0
    for (const { file, label } of manifest) {
      const image = await readFile(join(from, 'pictures', file))
      const { labels } = await ask(model, 'zero-shot-image-classification', { image }, { labels: all })
      if (labels[0]!.label === label) right++
    }
    assert.equal(right, 39)
    const unsaid = await errorOf(
      answer(model, 'zero-shot-image-classification', { image: await plain(9, 9, GREEN) })
    )
    assert.match(unsaid.message, /no label set; say which labels/)
  })

  it('says what is in a picture with a model for its classes', async () => {
    const graph = reduces('ReduceMean', {
      input: ['pixel_values', ['batch', 3, 8, 8]],
      output: ['logits', 2],
      axes: [2, 3]
    })
    const model = await served(
      await put('colours', {
        'config.json': {
          ...{ model_type: 'vit', architectures: ['ViTForImageClassification'] },
          id2label: { 0: 'red', 1: 'green', 2: 'blue' }
        },
        'preprocessor_config.json': {
          ...{ image_processor_type: 'ViTImageProcessor', do_resize: true, size: { height: 8, width: 8 } },
          ...{ do_rescale: true, rescale_factor: 0.1, do_normalize: false }
        },
        'onnx/model.onnx': graph
      })
    )
    const { labels } = await ask(model, 'image-classification', { image: await plain(30, 9, GREEN) })
    assert.deepEqual(
      labels.map(({ label }) => label),
      ['green', 'blue', 'red']
    )
  })
})

/** A detector of YOLO's form whose answer is what it sees: each column of a picture of 8 × 6 pixels is a place. */
const seesColumns = (more: object = {}) => ({
  ...{ name: 'columns', version: '1', description: '', model_type: 'yolo', task: 'object-detection' },
  runtimes: { onnx: { available: true, files: ['onnx/model.onnx'] } },
  metadata: { license: '', author: '', created_at: '' },
  inputs: [{ name: 'images', type: 'float32', shape: [1, 1, 6, 8] }],
  outputs: [{ name: 'output0', type: 'float32', shape: [1, 6, 8] }],
  labels: ['cat', 'dog'],
  preprocessing: { width: 8, height: 6, color: 'gray', range: [0, 255] },
  detection: { form: 'yolov8' },
  ...more
})
const columnsGraph = reduces('ReduceMax', {
  input: ['images', [1, 1, 6, 8]],
  output: ['output0', 3],
  axes: [1]
})

describe('onnx', () => {
  /** Middle, size, and a score of either label, of each place. */
  const scene = (...places: [number, number, number, number, number, number][]) => {
    const rows = Array.from({ length: 6 }, (_, row) =>
      Array.from({ length: 8 }, (_, at) => places[at]?.[row] ?? 0)
    )
    const raw = { width: 8, height: 6, channels: 1 } as const
    return sharp(Buffer.from(rows.flat()), { raw }).png().toBuffer()
  }

  it('finds objects with a model of the form of YOLO, each once', async () => {
    const model = await served(
      await put('columns', { 'model_info.json': seesColumns(), 'onnx/model.onnx': columnsGraph })
    )
    const image = await scene([2, 2, 2, 2, 1, 0], [2, 2, 2, 2, 1, 0], [2, 2, 2, 2, 0, 1], [7, 5, 4, 4, 0, 1])
    const { objects } = await ask(model, 'object-detection', { image })
    assert.deepEqual(objects, [
      { label: 'cat', score: 1, box: { xmin: 1, ymin: 1, xmax: 3, ymax: 3 } },
      { label: 'dog', score: 1, box: { xmin: 1, ymin: 1, xmax: 3, ymax: 3 } },
      { label: 'dog', score: 1, box: { xmin: 5, ymin: 3, xmax: 8, ymax: 6 } }
    ])
  })

  it('refuses an answer of a graph that is not in numbers, and goes on', async () => {
    const info = seesColumns({
      preprocessing: { width: 8, height: 6, color: 'gray', range: [1e300, 1e300] }
    })
    const model = await served(
      await put('infinite', { 'model_info.json': info, 'onnx/model.onnx': columnsGraph })
    )
    const { code, message } = await errorOf(answer(model, 'object-detection', { image: await scene() }))
    assert.equal(code, 'ENGINE_FAILED')
    assert.match(message, /answered Infinity for a number/)
    assert.equal(model.loaded, true)
  })
})
