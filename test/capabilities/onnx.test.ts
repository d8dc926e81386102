import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { chmod, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32, deflateSync } from 'node:zlib'
import sharp, { type Sharp } from 'sharp'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { onnx } from '../../capabilities/engines/onnx/kind.ts'
import type { ModelHost } from '../../capabilities/models/found-model.ts'
import { readModels } from '../../capabilities/models/read-models.ts'
import type { Registry } from '../../capabilities/serving/registry.ts'
import { systemClock } from '../../interface/clock.ts'
import { TENSOR_TYPES, type Tensor, type TensorType } from '../../interface/tasks/tensor.ts'
import { repeats } from './graph-forger.ts'
import {
  digitFile,
  errorOf,
  float32,
  imageRequest,
  MODELS,
  memoryLog,
  outputOf,
  registryOf,
  tensorRequest
} from './parts.ts'

const PIXELS = 64
const DIGITS = 360

async function digitsRegistry(directory = MODELS, host: Partial<ModelHost> = {}): Promise<Registry> {
  const log = memoryLog()
  const [found] = await readModels(join(directory, 'digits-cnn'))
  return registryOf([onnx.serve(found!, { clock: systemClock, log, env: {}, cores: 2, ...host })])
}

const PICTURES = new URL('../fixtures/pictures/', import.meta.url)
const picture = (name: string): Promise<Buffer> => readFile(new URL(name, PICTURES))

/** The picture, then a black one. */
async function animated(first: Sharp): Promise<Buffer> {
  const frames = [await first.clone().png().toBuffer(), await first.clone().linear(0, 0).png().toBuffer()]
  return sharp(frames, { join: { animated: true } })
    .gif()
    .toBuffer()
}

const float32s = ({ data }: Tensor): Float32Array => new Float32Array(Uint8Array.from(data).buffer)

const likeliest = (logits: Float32Array): number => logits.indexOf(Math.max(...logits))

/** A PNG of one colour: its header says `side`, its data hold `rows`. */
function grayPng(side: number, rows: number): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
    const frame = Buffer.alloc(8 + body.length)
    frame.writeUInt32BE(data.length, 0)
    body.copy(frame, 4)
    frame.writeUInt32BE(crc32(body), 4 + body.length)
    return frame
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(side, 0)
  header.writeUInt32BE(side, 4)
  header.set([8, 0, 0, 0, 0], 8)
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  const pixels = deflateSync(Buffer.alloc(rows * (side + 1)))
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', pixels),
    chunk('IEND', Buffer.alloc(0))
  ])
}

describe('digits-cnn', () => {
  let registry: Registry
  const threads = Promise.withResolvers<number>()
  beforeAll(async () => {
    registry = await digitsRegistry(MODELS, { cores: 3, tuning: { keep: threads.resolve } })
  })
  afterAll(() => registry.stop())

  it('is offered for images and for tensors', () => {
    assert.deepEqual(
      registry.capabilities().map(({ model, task }) => [model, task]),
      [
        ['digits-cnn', 'image-classification'],
        ['digits-cnn', 'tensor']
      ]
    )
  })

  it('reads 357 of the 360 digits, one by one and all in one batch', async () => {
    const images = Array.from(await digitFile('images.u8'), value => value / 255)
    const labels = [...(await digitFile('labels.u8'))]

    const single: number[] = []
    for (let i = 0; i < DIGITS; i++) {
      const image = float32([1, 1, 8, 8], images.slice(i * PIXELS, (i + 1) * PIXELS))
      const { tensors } = await outputOf<'tensor'>(registry.infer(tensorRequest({ image })))
      single.push(likeliest(float32s(tensors.logits!)))
    }
    const image = float32([DIGITS, 1, 8, 8], images)
    const { tensors } = await outputOf<'tensor'>(registry.infer(tensorRequest({ image })))
    const logits = float32s(tensors.logits!)
    const batch = single.map((_, i) => likeliest(logits.subarray(i * 10, (i + 1) * 10)))

    assert.deepEqual(tensors.logits?.dims, [DIGITS, 10])
    assert.equal(single.filter((digit, i) => digit === labels[i]).length, 357)
    assert.deepEqual(batch, single)
  })

  it('says how many threads are best for it, once it has answered', async () => {
    assert.ok([1, 2].includes(await threads.promise))
  })

  it('says the same of a picture as of its pixels', async () => {
    const labels = [...(await digitFile('labels.u8'))]
    const pixels = await digitFile('images.u8')
    for (let digit = 0; digit < 10; digit++) {
      const place = labels.indexOf(digit)
      const values = Array.from(pixels.subarray(place * PIXELS, (place + 1) * PIXELS), value => value / 255)
      const { tensors } = await outputOf<'tensor'>(
        registry.infer(tensorRequest({ image: float32([1, 1, 8, 8], values) }))
      )
      const logits = float32s(tensors.logits!)
      const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0)

      const answer = await outputOf<'image-classification'>(
        registry.infer(imageRequest(await digitFile(`${digit}.png`), { topK: 10 }))
      )

      assert.equal(answer.labels[0]?.label, String(digit))
      assert.equal(answer.labels.length, 10)
      for (const { label, score } of answer.labels) {
        assert.ok(Math.abs(score - Math.exp(logits[Number(label)]!) / sum) < 1e-5)
      }
    }
  })

  it('gives as many labels as asked for, likeliest first', async () => {
    const image = await digitFile('3.png')
    const { labels } = await outputOf<'image-classification'>(
      registry.infer(imageRequest(image, { topK: 2 }))
    )
    assert.equal(labels.length, 2)
    assert.ok(labels[0]!.score > labels[1]!.score)
  })

  it('reads a picture of another size, format and depth', async () => {
    const seven = sharp(await digitFile('7.png')).resize(256, 256, { kernel: 'nearest' })
    const variants = [
      seven.clone().jpeg(),
      seven.clone().webp(),
      seven.clone().gif(),
      seven.clone().toColourspace('rgb16').png(),
      seven.clone().ensureAlpha().png(),
      seven.clone().toColourspace('cmyk').jpeg(),
      seven.clone().rotate(270).withMetadata({ orientation: 6 }).jpeg(),
      sharp(await animated(seven), { animated: true }).gif({ loop: 0 })
    ]
    for (const variant of variants) {
      const image = await variant.toBuffer()
      const { labels } = await outputOf<'image-classification'>(registry.infer(imageRequest(image)))
      assert.equal(labels[0]?.label, '7')
    }
  })

  it('reads a photo that decoders warn of: one of a Samsung phone ends its headers in an odd way', async () => {
    const { labels } = await outputOf<'image-classification'>(
      registry.infer(imageRequest(await picture('samsung.jpg')))
    )
    assert.equal(labels[0]?.label, '7')
  })

  it('puts a transparent picture on the background of its model, whatever colour is hidden there', async () => {
    const hidden = ['black', 'white', 'random'].map(async colour => {
      const image = await picture(`transparent-${colour}.png`)
      return outputOf<'image-classification'>(registry.infer(imageRequest(image)))
    })
    const [black, ...others] = await Promise.all(hidden)
    assert.equal(black!.labels[0]?.label, '7')
    for (const other of others) assert.deepEqual(other, black)
  })

  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8"/></svg>'
  it.each<[string, () => Buffer | Promise<Buffer>, RegExp]>([
    ['nothing', () => Buffer.alloc(0), /holds no bytes/],
    ['text', () => Buffer.from('seven'), /no picture in JPEG/],
    ['random bytes', () => createHash('sha512').update('seed').digest(), /no picture in JPEG/],
    ['a drawing that needs a renderer', () => Buffer.from(svg), /is SVG, which/],
    ['a truncated picture', async () => (await digitFile('7.png')).subarray(0, 80), /may be damaged/],
    [
      'the first half of a photo',
      async () => (await picture('samsung.jpg')).subarray(0, 535),
      /may be damaged/
    ],
    [
      'a photo that begins as another format',
      async () => Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), await picture('samsung.jpg')]),
      /may be damaged/
    ],
    ['a photo of an iPhone', () => picture('photo.heic'), /is HEIC, which is not supported.*Most Compatible/],
    ['a document', () => Buffer.from('%PDF-1.7'), /is PDF, which/],
    ['a header without pixels', () => grayPng(8, 0), /input\.image/],
    // By its header, before a pixel is decoded.
    ['a tiny file that claims a huge picture', () => grayPng(100_000, 1), /more than 67108864 pixels/],
    ['a small file of very many pixels', () => grayPng(10_000, 10_000), /more than 67108864 pixels/]
  ])('refuses %s as no picture, and goes on', async (_, make, why) => {
    const { code, message } = await errorOf(registry.infer(imageRequest(await make())))
    assert.equal(code, 'INVALID_INPUT')
    assert.match(message, /input\.image/)
    assert.match(message, why)
    assert.equal(registry.models()[0]?.warm, true)
  })

  const pixels = Array<number>(PIXELS).fill(0)
  const good = float32([1, 1, 8, 8], pixels)
  it.each([
    ['an unknown name', { picture: good }, /"picture": expected one of image, got an unknown name/],
    ['no tensor', {}, /"image": expected float32\[batch_size,1,8,8\], got nothing/],
    ['a tensor too many', { image: good, more: good }, /"more"/],
    ['another type', { image: { type: 'int32', dims: [1, 1, 8, 8], data: good.data } }, /float32.*int32/],
    ['another rank', { image: float32([1, 64], pixels) }, /got float32\[1,64\]/],
    ['another size', { image: float32([1, 1, 4, 16], pixels) }, /got float32\[1,1,4,16\]/]
  ])('refuses %s, saying what it wants', async (_, tensors, why) => {
    const { code, message } = await errorOf(registry.infer(tensorRequest(tensors)))
    assert.equal(code, 'INVALID_INPUT')
    assert.match(message, why)
  })

  it('refuses a tensor with a byte too few', () => {
    const image = { ...good, data: good.data.subarray(1) }
    assert.throws(() => tensorRequest({ image }), {
      code: 'INVALID_INPUT',
      details: { field: 'input.tensors.image' }
    })
  })

  it('takes numbers that are none: they are values like others', async () => {
    const image = float32([1, 1, 8, 8], Array(PIXELS).fill(Number.NaN))
    const { tensors } = await outputOf<'tensor'>(registry.infer(tensorRequest({ image })))
    assert.equal(float32s(tensors.logits!).length, 10)
  })

  it('takes a view that is not aligned', async () => {
    const shifted = new Uint8Array(good.data.byteLength + 1).subarray(1)
    shifted.set(good.data)
    const { tensors } = await outputOf<'tensor'>(
      registry.infer(tensorRequest({ image: { ...good, data: shifted } }))
    )
    const aligned = await outputOf<'tensor'>(registry.infer(tensorRequest({ image: good })))
    assert.deepEqual(tensors, aligned.tensors)
  })

  it('gives every one of many callers its own answer', async () => {
    const answers = Array.from({ length: 40 }, async (_, i) => {
      const image = await digitFile(`${i % 10}.png`)
      const { labels } = await outputOf<'image-classification'>(registry.infer(imageRequest(image)))
      return labels[0]?.label
    })
    assert.deepEqual(
      await Promise.all(answers),
      answers.map((_, i) => String(i % 10))
    )
  })

  it('gives pictures and tensors of one run each its own answer, and refuses only what is damaged', async () => {
    const image = await digitFile('7.png')
    const damaged = errorOf(registry.infer(imageRequest(image.subarray(0, 60))))
    const seen = Array.from({ length: 12 }, () =>
      outputOf<'image-classification'>(registry.infer(imageRequest(image)))
    )
    const rows = [1, 3, 1, 2, 1]
    const read = rows.map(count =>
      outputOf<'tensor'>(
        registry.infer(
          tensorRequest({ image: float32([count, 1, 8, 8], Array<number>(count * PIXELS).fill(1)) })
        )
      )
    )
    assert.equal((await damaged).code, 'INVALID_INPUT')
    for (const { labels } of await Promise.all(seen)) assert.equal(labels[0]?.label, '7')
    const answers = await Promise.all(read)
    const alone = float32s(answers[0]!.tensors.logits!)
    for (const [n, { tensors }] of answers.entries()) {
      assert.deepEqual(tensors.logits?.dims, [rows[n], 10])
      const logits = float32s(tensors.logits!)
      for (const [at, value] of logits.entries()) assert.ok(Math.abs(value - alone[at % 10]!) < 1e-4)
    }
  })

  it('is loaded once for both of its tasks', async () => {
    const fresh = await digitsRegistry()
    const changes: string[] = []
    fresh.onModel = ({ type }) => changes.push(type)
    const image = await digitFile('3.png')
    await Promise.all([
      outputOf(fresh.infer(imageRequest(image))),
      outputOf(fresh.infer(tensorRequest({ image: float32([1, 1, 8, 8], Array<number>(PIXELS).fill(0)) })))
    ])
    assert.deepEqual(changes, ['loaded'])
    await fresh.stop()
  })
})

describe('a graph that answers what it is asked', () => {
  const types = Object.keys(TENSOR_TYPES) as TensorType[]
  const shapes = { scalar: [], nothing: [2, 0], matrix: [2, 3] }
  let directory: string
  let registry: Registry
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lumos-identity-'))
    await chmod(directory, 0o755)
    await writeFile(join(directory, 'model.onnx'), repeats(types))
    const settings = { graphs: { graph: 'model.onnx' }, files: [], model: { form: 'graph' } }
    const of = { id: 'repeats', engine: 'onnx', tasks: ['tensor'] as const, folder: directory }
    const found = { ...of, hashes: {}, parts: [], settings }
    registry = registryOf([onnx.serve(found, { clock: systemClock, log: memoryLog(), env: {}, cores: 2 })])
  })
  afterAll(async () => {
    await registry.stop()
    await rm(directory, { recursive: true })
  })

  it.each(Object.entries(shapes))('takes and gives elements of each type (%s)', async (_, dims) => {
    const count = dims.reduce((product, dim) => product * dim, 1)
    const asked = types.map(type => {
      const data = Uint8Array.from({ length: count * TENSOR_TYPES[type] }, (_, i) =>
        type === 'bool' ? i % 2 : i + 1
      )
      return [type, { type, dims, data }] as const
    })
    const { tensors } = await outputOf<'tensor'>(registry.infer(tensorRequest(Object.fromEntries(asked))))
    for (const [type, tensor] of asked) {
      const { data, ...given } = tensors[`same ${type}`]!
      assert.deepEqual({ ...given, data: Uint8Array.from(data) }, tensor)
    }
  })
})

describe('a model file', () => {
  let directory: string
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lumos-models-'))
  })
  afterAll(() => rm(directory, { recursive: true }))

  /** A copy of digits-cnn with its graph and description changed. */
  async function changed(name: string, change: (graph: Buffer, info: Record<string, unknown>) => void) {
    const root = join(directory, name)
    await cp(join(MODELS, 'digits-cnn'), join(root, 'digits-cnn'), { recursive: true })
    const graphPath = join(root, 'digits-cnn/onnx/model.onnx')
    const infoPath = join(root, 'digits-cnn/model_info.json')
    const graph = await readFile(graphPath)
    const info = JSON.parse(await readFile(infoPath, 'utf8'))
    change(graph, info)
    await writeFile(graphPath, graph)
    await writeFile(infoPath, JSON.stringify(info))
    return digitsRegistry(root)
  }

  it.each<[string, (graph: Buffer, info: Record<string, unknown>) => void, RegExp]>([
    ['one flipped bit', graph => graph.writeUInt8(graph[20_000]! ^ 1, 20_000), /hash/],
    [
      'no graph inside',
      (graph, info) => {
        graph.fill(7)
        info.sha256 = {}
      },
      /cannot be loaded/
    ],
    [
      'another input than described',
      (_, info) => Object.assign((info.inputs as object[])[0]!, { name: 'x' }),
      /"x"/
    ]
  ])('with %s is refused at load', async (name, change, why) => {
    const registry = await changed(name.replaceAll(' ', '-'), change)
    const { code, message } = await errorOf(registry.infer(imageRequest(await digitFile('7.png'))))
    assert.equal(code, 'MODEL_INVALID')
    assert.match(message, why)
    await registry.stop()
  })
})
