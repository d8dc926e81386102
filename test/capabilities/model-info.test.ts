import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'vitest'
import type { OnnxSettings } from '../../capabilities/engines/onnx/engine.ts'
import type { FoundModel } from '../../capabilities/models/found-model.ts'
import { ModelFolder } from '../../capabilities/models/model-folder.ts'
import { readModels } from '../../capabilities/models/read-models.ts'
import { systemClock } from '../../interface/clock.ts'
import { MODELS } from './parts.ts'

const complete = (name: string, more: object = {}) => ({
  name,
  version: '1.0.0',
  description: 'A model.',
  model_type: 'cnn',
  runtimes: { onnx: { available: true, files: ['onnx/model.onnx'] } },
  datasets: {},
  metadata: { license: 'MIT', author: 'someone', created_at: '2026-01-01' },
  ...more
})

const settingsOf = ({ settings }: FoundModel) => settings as OnnxSettings
const imageOf = (found: FoundModel) => {
  const { model } = settingsOf(found)
  return model.form === 'classifier' ? model.image : undefined
}

const onnx = (...files: string[]) => ({ runtimes: { onnx: { available: true, files } } })

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'lumos-models-'))
})
afterEach(() => rm(home, { recursive: true }))

async function put(path: string, content: unknown = 'graph'): Promise<void> {
  const file = join(home, path)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content))
}

async function found(directory: string) {
  const folder = new ModelFolder(join(home, directory), { clock: systemClock, optional: true, onChange() {} })
  await folder.start()
  folder.stop()
  return { models: folder.models, reasons: folder.leftOut.map(({ code, reason }) => `${code} ${reason}`) }
}

describe('readModels', () => {
  it('finds what ships with the node, with its hash', async () => {
    const [model] = await readModels(join(MODELS, 'digits-cnn'))
    assert.equal(model?.id, 'digits-cnn')
    assert.deepEqual(model?.tasks, ['image-classification', 'tensor'])
    assert.equal(model.hashes['onnx/model.onnx']?.length, 64)
    assert.deepEqual(imageOf(model)?.std, [1])
  })

  it('serves any graph for tensors, whatever else its description says', async () => {
    await put(
      'm/plain/model_info.json',
      complete('org/plain:7b', { task: 'weather-forecast', mascot: 'owl' })
    )
    await put('m/plain/onnx/model.onnx')
    const { models, reasons } = await found('m')
    assert.deepEqual(reasons, [])
    assert.deepEqual(models[0]?.tasks, ['tensor'])
    assert.equal(models[0]?.id, 'org/plain:7b')
  })

  it('serves a graph that is described as the page on models shows', async () => {
    const page = await readFile(new URL('../../docs/models.md', import.meta.url), 'utf8')
    const shown = /```json\n(.*?)```/s.exec(page)![1]!
    await put('m/resnet/model_info.json', shown)
    await put('m/resnet/onnx/model.onnx')
    const { models, reasons } = await found('m')
    assert.deepEqual(reasons, [])
    assert.deepEqual(
      models.map(({ id, tasks }) => [id, tasks]),
      [['resnet', ['tensor']]]
    )
  })

  it('passes over files, says so of a folder without a description, and needs no directory', async () => {
    await put('m/readme.txt')
    await put('m/.cache/readme.txt')
    await put('m/empty/readme.txt')
    assert.deepEqual(await found('m'), {
      models: [],
      reasons: [
        'MODEL_INVALID it holds no model: neither a .gguf file, nor config.json with onnx/, nor model_info.json.'
      ]
    })
    assert.deepEqual(await found('nowhere'), { models: [], reasons: [] })
  })

  it.each([
    ['is no JSON', '{', /no JSON/],
    ['is not even an object', '7', /expected object/],
    ['has no name', { ...complete('x'), name: undefined }, /name/],
    ['has a name that a shell would act on', complete('$(rm)'), /name/],
    ['has no licence', { ...complete('x'), metadata: {} }, /metadata\.license/],
    ['lists no graph', complete('x', onnx('readme.md')), /one ONNX graph/],
    ['lists two graphs', complete('x', onnx('onnx/text.onnx', 'onnx/vision.onnx')), /2 are listed/],
    [
      'says that its graph is not there',
      complete('x', { runtimes: { onnx: { available: false } } }),
      /0 are listed/
    ],
    ['names a missing file', complete('x', onnx('onnx/other.onnx')), /missing/],
    ['leads up', complete('x', onnx('../secret.onnx')), /plain relative path/],
    ['leads up in the middle', complete('x', onnx('onnx/../../secret.onnx')), /plain relative path/],
    ['leads to the root', complete('x', onnx('/etc/secret.onnx')), /plain relative path/],
    ['leads to another drive', complete('x', onnx('C:\\secret.onnx')), /plain relative path/],
    ['leads out by a link', complete('x', onnx('link.onnx')), /leads out/],
    ['leads out by a linked folder', complete('x', onnx('links/secret.onnx')), /leads out/],
    ['names a folder', complete('x', onnx('folder.onnx')), /no file/],
    ['classifies without labels', complete('x', { task: 'image-classification' }), /labels/],
    ['holds a hash of another kind', complete('x', { sha256: { 'onnx/model.onnx': 'md5' } }), /sha256/],
    ['is far too large', complete('x', { description: 'x'.repeat(2 ** 20) }), /larger/]
  ])('skips a model whose description %s, and keeps the others', async (_, info, why) => {
    await put('secret.onnx')
    await put('m/broken/model_info.json', info)
    await put('m/broken/onnx/model.onnx')
    await put('m/broken/folder.onnx/file')
    await symlink(join(home, 'secret.onnx'), join(home, 'm/broken/link.onnx'))
    await symlink(home, join(home, 'm/broken/links'))
    await put('m/good/model_info.json', complete('good'))
    await put('m/good/onnx/model.onnx')

    const { models, reasons } = await found('m')

    assert.deepEqual(
      models.map(({ id }) => id),
      ['good']
    )
    assert.equal(reasons.length, 1)
    assert.match(reasons[0]!, /^MODEL_INVALID /)
    assert.match(reasons[0]!, why)
  })

  it('follows a link that stays inside the model', async () => {
    await put('m/x/model_info.json', complete('x'))
    await put('m/x/blobs/1', 'graph')
    await mkdir(join(home, 'm/x/onnx'))
    await symlink('../blobs/1', join(home, 'm/x/onnx/model.onnx'))
    const { models } = await found('m')
    assert.match(settingsOf(models[0]!).graphs.graph!, /blobs/)
  })

  it.each([
    ['llama.gguf', /engine install llama-cpp/],
    ['resnet.onnx', /needs a folder of its own|has no model_info\.json\.$/],
    ['llama.gguf.part', /download is not complete/]
  ])('says why %s is not served, beside the folders and in one of its own', async (name, why) => {
    await put(`m/${name}`)
    await put(`m/own/${name}`)
    await put('m/readme.md')
    await put('m/.DS_Store')
    await put('m/__MACOSX/readme.md')
    const { reasons } = await found('m')
    assert.equal(reasons.length, 2)
    for (const reason of reasons) assert.match(reason, why)
  })

  it('says what to do about models a folder deeper', async () => {
    await put('m/org/model/model_info.json', complete('x'))
    assert.deepEqual((await found('m')).reasons, [
      'MODEL_INVALID it has no model_info.json, and models inside: add this folder to models.directories.'
    ])
  })

  it('reads a description as Windows writes it', async () => {
    await put('m/x/onnx/model.onnx')
    await put('m/x/model_info.json', '')
    await writeFile(
      join(home, 'm/x/model_info.json'),
      Buffer.from(`\ufeff${JSON.stringify(complete('x'))}`, 'utf16le')
    )
    assert.deepEqual((await found('m')).reasons, [])
  })

  it('follows the links of a hub to the blobs of its repository, and to nothing beside them', async () => {
    await put('hub/blobs/abc', 'graph')
    await put('hub/secret', 'secret')
    await put('hub/snapshots/1/model_info.json', complete('x'))
    await put('hub/snapshots/2/model_info.json', complete('y'))
    for (const [revision, target] of [
      ['1', 'blobs/abc'],
      ['2', 'secret']
    ]) {
      await mkdir(join(home, `hub/snapshots/${revision}/onnx`))
      await symlink(`../../../${target}`, join(home, `hub/snapshots/${revision}/onnx/model.onnx`))
    }
    const { models, reasons } = await found('hub/snapshots')
    assert.deepEqual(
      models.map(model => [settingsOf(model).graphs.graph, model.folder]),
      [['blobs/abc', await realpath(join(home, 'hub'))]]
    )
    assert.deepEqual(
      reasons.map(reason => /leads out/.test(reason)),
      [true]
    )
  })

  it('wants a mean and a deviation for each channel', async () => {
    const image = (more: object) =>
      complete('x', {
        task: 'image-classification',
        labels: ['a'],
        inputs: [{ name: 'in', type: 'float32', shape: [1, 3, 8, 8] }],
        outputs: [{ name: 'out', type: 'float32', shape: [1, 1] }],
        preprocessing: { width: 8, height: 8, ...more }
      })
    await put('m/x/onnx/model.onnx')
    for (const wrong of [
      { mean: [0.5] },
      { std: [1, 0, 1] },
      { color: 'gray', std: [1, 1, 1] },
      { width: 0 }
    ]) {
      await put('m/x/model_info.json', image(wrong))
      assert.match((await found('m')).reasons[0]!, /preprocessing/)
    }
    await put('m/x/model_info.json', image({ mean: [0.5, 0.5, 0.5] }))
    assert.deepEqual(imageOf((await found('m')).models[0]!)?.std, [1, 1, 1])
  })
})
