/** What is looked at before minutes of work: the data that the loss is measured on, then the room on the disk. */

import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, it } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import { type QuantizeComponents, quantizeModel } from '../../node/weights/quantize/quantize.ts'

const GRAPH_BYTES = 1000

let folder: string
let asked: number[]
let components: QuantizeComponents

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'lumos-quantize-')))
  for (const name of ['model', 'drafts', 'data']) await mkdir(join(folder, name))
  // No graph: work that began would say so.
  const graph = join(folder, 'model', 'model.onnx')
  await writeFile(graph, Buffer.alloc(GRAPH_BYTES))
  asked = []
  components = {
    catalogue: {
      found: [
        {
          ...{ id: 'digits', engine: 'onnx', tasks: ['image-classification'], hashes: {}, settings: {} },
          ...{ folder: join(folder, 'model'), parts: [graph] }
        }
      ]
    },
    registry: { infer: () => assert.fail('nothing is asked') },
    clock: systemClock,
    drafts: join(folder, 'drafts'),
    async checkRoom(bytes) {
      asked.push(bytes)
      throw new LumosError('WEIGHTS_FULL', 'no room')
    },
    add: () => assert.fail('nothing is added')
  }
})
afterAll(() => rm(folder, { recursive: true }))

const quantize = (data?: string) =>
  quantizeModel(components, { model: 'digits', name: 'small', data }, { id: 'job' })

it('a model becomes smaller only where the disk has room for it as it is', async () => {
  await assert.rejects(quantize(), { code: 'WEIGHTS_FULL' })
  assert.deepEqual(asked, [GRAPH_BYTES])
  assert.deepEqual(await readdir(components.drafts), [])
})

it.each(['data', 'none'])('a model is not begun with where %s holds nothing to ask it', async name => {
  asked.length = 0
  await assert.rejects(quantize(join(folder, name)), ({ code }: LumosError) => code !== 'WEIGHTS_FULL')
  assert.deepEqual([asked, await readdir(components.drafts)], [[], []])
})
