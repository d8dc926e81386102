import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { ALIGNED_POINTS } from '../../capabilities/engines/onnx/faces/alignment.ts'
import { onnx } from '../../capabilities/engines/onnx/kind.ts'
import { readModels } from '../../capabilities/models/read-models.ts'
import type { Registry } from '../../capabilities/serving/registry.ts'
import { type Clock, systemClock } from '../../interface/clock.ts'
import { prepare } from '../../interface/prepare.ts'
import { engineCompliance } from '../compliance/engine.ts'
import { embeds, finds } from './face-graphs.ts'
import { errorOf, memoryLog, outputOf, registryOf } from './parts.ts'

type Colour = [red: number, green: number, blue: number]
/** Of the quarters of a face. */
const ADA: Colour[] = [
  [255, 255, 0],
  [0, 255, 255],
  [255, 0, 255],
  [255, 255, 255]
]
const BEN = ADA.toReversed()

/** A black picture of `side` pixels, with faces an eighth as large at these places of an eight by eight grid. */
async function photo(side: number, ...faces: [who: Colour[], column: number, row: number][]) {
  const cell = side / 8
  const composite = faces.flatMap(([who, column, row]) =>
    who.map(([r, g, b], i) => ({
      input: { create: { width: cell / 2, height: cell / 2, channels: 3, background: { r, g, b } } } as const,
      left: column * cell + ((i % 2) * cell) / 2,
      top: row * cell + (Math.floor(i / 2) * cell) / 2
    }))
  )
  const black = { width: side, height: side, channels: 3, background: 'black' } as const
  return await sharp({ create: black }).composite(composite).png().toBuffer()
}

const request = (task: string, input: unknown, params = {}) =>
  prepare({ id: randomUUID(), task: task as 'face-detection', input, params, budgetMs: 30_000 })

const home = await mkdtemp(join(tmpdir(), 'lumos-faces-'))
afterAll(() => rm(home, { recursive: true, force: true }))

async function put(name: string, files: Record<string, Buffer | string>, clock: Clock = systemClock) {
  const info = {
    ...{ name, version: '2', description: '', model_type: 'face' },
    runtimes: { onnx: { available: true, files: Object.keys(files) } },
    metadata: { license: 'none', author: 'a test', created_at: '2026-11-30' }
  }
  await mkdir(join(home, name))
  for (const [file, bytes] of Object.entries(files)) await writeFile(join(home, name, file), bytes)
  await writeFile(join(home, name, 'model_info.json'), JSON.stringify(info))
  const [found] = await readModels(join(home, name))
  return onnx.serve(found!, { clock, log: memoryLog(), env: {}, cores: 2 })
}

const image = await photo(640, [ADA, 1, 2], [BEN, 6, 5])
engineCompliance('faces', {
  make: async clock =>
    (await put('complying', { 'scrfd.onnx': finds(), 'arcface.onnx': embeds('faces') }, clock)).engine,
  slots: 4,
  requests: [
    request('face-detection', { image }, { embeddings: true }),
    request('face-verification', { images: [image, image] })
  ],
  refused: [[request('face-detection', { image: Buffer.from('none') }), 'INVALID_INPUT']],
  process: true
})

describe('a model of faces, its graphs made by this test', () => {
  let registry: Registry
  beforeAll(async () => {
    registry = registryOf([
      await put('antelopev2', {
        'scrfd_10g_bnkps.onnx': finds(),
        'glintr100.onnx': embeds('faces'),
        'genderage.onnx': 'x'
      }),
      await put('liar', { 'det_10g.onnx': finds(Number.NaN) })
    ])
  })
  afterAll(() => registry.stop())

  const detect = async (image: Uint8Array, params = {}) =>
    await outputOf<'face-detection'>(registry.infer(request('face-detection', { image }, params)))
  const verify = async (images: Uint8Array[], params = {}) =>
    await outputOf<'face-verification'>(registry.infer(request('face-verification', { images }, params)))

  it('is offered for the tasks that its graphs do', () => {
    assert.deepEqual(
      registry.capabilities().map(({ model, task }) => [model, task]),
      [
        ['antelopev2', 'face-detection'],
        ['antelopev2', 'face-verification'],
        ['liar', 'face-detection']
      ]
    )
  })

  it('finds each face once, where it is in pixels of the picture, whatever its form', async () => {
    const { faces } = await detect(await photo(640, [ADA, 1, 2], [BEN, 6, 5]))
    const boxes = faces.map(({ box }) => box).toSorted((a, b) => a.xmin - b.xmin)
    assert.deepEqual(boxes, [
      { xmin: 80, ymin: 160, xmax: 160, ymax: 240 },
      { xmin: 480, ymin: 400, xmax: 560, ymax: 480 }
    ])
    const narrow = sharp(await photo(640, [ADA, 1, 2])).extract({ left: 0, top: 0, width: 320, height: 640 })
    assert.deepEqual((await detect(await narrow.png().toBuffer())).faces[0]!.box, boxes[0])
  })

  it('gives the five points, and a vector of length 1 for each face where asked for', async () => {
    const image = await photo(640, [ADA, 1, 2], [BEN, 6, 5])
    assert.equal((await detect(image)).embeddings, undefined)

    const { faces, dimensions, embeddings } = await detect(image, { embeddings: true })
    assert.equal(dimensions, 48)
    const vectors = new Float32Array(Uint8Array.from(embeddings!).buffer)
    assert.equal(vectors.length, 96)
    for (const [i, { box, points }] of faces.entries()) {
      const length = Math.hypot(...vectors.subarray(i * 48, (i + 1) * 48))
      assert.ok(Math.abs(length - 1) < 1e-5)
      for (const [at, [x, y]] of points.entries()) {
        const [tx, ty] = ALIGNED_POINTS[at]!
        assert.ok(Math.abs(x! - box.xmin - (tx * 80) / 112) <= 1)
        assert.ok(Math.abs(y! - box.ymin - (ty * 80) / 112) <= 1)
      }
    }
  })

  it('says the same of several pictures at once as of each alone, and serves four requests', async () => {
    const places = [1, 2, 3, 4, 5, 6] as const
    const images = await Promise.all(places.map(row => photo(640, [ADA, 1, row], [BEN, 7 - row, row])))
    const ask = (image: Buffer) => detect(image, { embeddings: true })
    const alone = []
    for (const image of images) alone.push(await ask(image))
    assert.deepEqual(await Promise.all(images.map(ask)), alone)
    assert.equal(registry.capabilities()[0]?.slots, 4)
  })

  it('embeds the face as it is turned to the points: each part has the colour of its quarter', async () => {
    const { embeddings } = await detect(await photo(640, [ADA, 3, 3]), { embeddings: true })
    const vector = new Float32Array(Uint8Array.from(embeddings!).buffer)
    // The colour of the corner parts, which lie within one quarter each: the first of three planes is red.
    const corners = [0, 3, 12, 15]
    for (let plane = 0; plane < 3; plane++) {
      for (const [quarter, corner] of corners.entries()) {
        assert.equal(vector[plane * 16 + corner]! > 0, ADA[quarter]![plane]! > 127)
      }
    }
  })

  it('says that a face is the same at another place and size, and that another one is not', async () => {
    const ada = await photo(640, [ADA, 1, 2])
    const again = await verify([ada, await photo(320, [ADA, 6, 4])])
    assert.ok(again.similarity > 0.98, `${again.similarity}`)
    assert.equal(again.same, true)

    const other = await verify([ada, await photo(640, [BEN, 1, 2])])
    assert.ok(other.similarity < 0.4, `${other.similarity}`)
    assert.equal(other.same, false)
    const asked = await verify([ada, await photo(320, [ADA, 6, 4])], { threshold: 1 })
    assert.equal(asked.same, false)
  })

  it('finds none in pictures of one pixel, or of one row', async () => {
    for (const [width, height] of [
      [1, 1],
      [5000, 1],
      [1, 5000]
    ] as const) {
      const create = { width, height, channels: 3, background: 'black' } as const
      assert.deepEqual((await detect(await sharp({ create }).png().toBuffer())).faces, [])
    }
  })

  it('refuses to compare a picture without a face, naming it', async () => {
    const images = [await photo(640, [ADA, 1, 2]), await photo(640)]
    const none = await errorOf(registry.infer(request('face-verification', { images })))
    assert.deepEqual([none.code, none.details?.field], ['INVALID_INPUT', 'input.images.1'])
    const broken = await errorOf(
      registry.infer(request('face-verification', { images: [images[0], Buffer.from('none')] }))
    )
    assert.match(broken.message, /input\.images\.1 is no picture/)
  })

  it('fails with a code where a graph answers what is no number, and goes on', async () => {
    const image = await photo(640, [ADA, 1, 2])
    const liar = prepare({
      ...{ id: randomUUID(), task: 'face-detection', model: 'liar' },
      ...{ input: { image }, params: {}, budgetMs: 30_000 }
    })
    assert.equal((await errorOf(registry.infer(liar))).code, 'ENGINE_FAILED')
    assert.equal((await detect(image)).faces.length, 1)
  })
})
