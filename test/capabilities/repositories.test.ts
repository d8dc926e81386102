import assert from 'node:assert/strict'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'vitest'
import type { TransformersSettings } from '../../capabilities/engines/transformers/engine.ts'
import { chooseGraphs } from '../../capabilities/engines/transformers/weights.ts'
import type { FoundModel } from '../../capabilities/models/found-model.ts'
import { readModels } from '../../capabilities/models/read-models.ts'
import { LumosError } from '../../interface/errors.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'lumos-repositories-'))
})
afterEach(() => rm(home, { recursive: true, force: true }))

/** Writes files of a folder; a value that is no text is written as JSON. */
async function put(folder: string, files: Record<string, unknown>): Promise<string> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(home, folder, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  }
  return join(home, folder)
}

const causal = { architectures: ['LlamaForCausalLM'], model_type: 'llama', max_position_embeddings: 512 }
const repository = (config: object, more: object = {}) => ({
  'config.json': config,
  'tokenizer.json': {},
  'tokenizer_config.json': {},
  'onnx/model.onnx': 'graph',
  ...more
})
const settingsOf = ({ settings }: FoundModel) => settings as TransformersSettings

const found = async (files: Record<string, unknown>): Promise<FoundModel> =>
  (await readModels(await put('m', files)))[0]!

async function reasonOf(files: Record<string, unknown>): Promise<string> {
  const thrown = await readModels(await put('m', files)).catch(err => err)
  assert.ok(thrown instanceof LumosError, 'It is a model.')
  assert.equal(thrown.code, 'MODEL_INVALID')
  return thrown.message
}

describe('a repository of Hugging Face', () => {
  it.each([
    ['text-generation', causal, {}],
    ['text-generation', { architectures: ['GPT2LMHeadModel'] }, {}],
    ['feature-extraction', { architectures: ['BertModel'] }, {}],
    [
      'feature-extraction',
      { architectures: ['Qwen3ForCausalLM'] },
      { '1_Pooling/config.json': { pooling_mode_lasttoken: true } }
    ],
    ['text-ranking', { architectures: ['BertForSequenceClassification'], id2label: { 0: 'LABEL_0' } }, {}]
  ])('is served for %s by what its files say', async (task, config, more) => {
    const { tasks, engine, id } = await found(repository(config, more))
    assert.deepEqual([id, engine, tasks], ['m', 'transformers', [task]])
  })

  const seeing = (architecture: string, ...graphs: string[]) => ({
    'config.json': { architectures: [architecture] },
    'preprocessor_config.json': { size: { shortest_edge: 224 } },
    ...Object.fromEntries(graphs.map(name => [`onnx/${name}.onnx`, 'graph']))
  })
  const words = { 'tokenizer.json': {}, 'tokenizer_config.json': {} }

  it.each([
    [['image-classification'], seeing('ViTForImageClassification', 'model_quantized')],
    [['object-detection'], seeing('DetrForObjectDetection', 'model')],
    [['image-feature-extraction'], seeing('Dinov2Model', 'model')],
    [
      ['image-to-text'],
      { ...seeing('VisionEncoderDecoderModel', 'encoder_model', 'decoder_model_merged_quantized'), ...words }
    ],
    [
      ['zero-shot-image-classification', 'image-feature-extraction', 'feature-extraction'],
      { ...seeing('CLIPModel', 'model', 'vision_model', 'text_model'), ...words }
    ]
  ])('is served for %s of pictures', async (tasks, files) => {
    const model = await found(files)
    assert.deepEqual([model.engine, model.tasks], ['transformers', tasks])
  })

  it.each([
    [{ ...seeing('CLIPModel', 'model'), ...words }, /onnx\/vision_model\.onnx is missing/],
    [seeing('VisionEncoderDecoderModel', 'encoder_model'), /tokenizer\.json is missing/],
    [
      { ...seeing('ViTModel', 'model'), 'preprocessor_config.json': { size: 100_000 } },
      /preprocessor_config\.json: size/
    ]
  ])('of pictures is left out with what is wrong, %#', async (files, why) => {
    assert.match(await reasonOf(files), why)
  })

  it('is fetched with all graphs that are one model together, each in its best format', () => {
    const clip = ['model.onnx', 'text_model.onnx', 'vision_model.onnx', 'vision_model_quantized.onnx']
    assert.deepEqual(chooseGraphs(clip), ['vision_model_quantized.onnx', 'text_model.onnx'])
    const words = ['encoder_model.onnx', 'decoder_model.onnx', 'decoder_model_merged.onnx']
    assert.deepEqual(chooseGraphs(words), ['encoder_model.onnx', 'decoder_model_merged.onnx'])
    assert.deepEqual(chooseGraphs(['model.onnx', 'model_q4.onnx']), ['model_q4.onnx'])
  })

  it('has the smallest bound that its files state', async () => {
    const tokenizer = (length: number) => ({ 'tokenizer_config.json': { model_max_length: length } })
    assert.equal((await found(repository(causal))).contextTokens, 512)
    assert.equal((await found(repository(causal, tokenizer(500)))).contextTokens, 500)
    assert.equal((await found(repository(causal, tokenizer(1e30)))).contextTokens, 512)
    assert.equal(
      (await found(repository({ architectures: ['BertModel'] }, tokenizer(1e30)))).contextTokens,
      undefined
    )
  })

  it.each([
    ['q8', ['model.onnx', 'model_quantized.onnx', 'model_fp16.onnx'], 'model'],
    ['q4', ['model.onnx', 'model_q4.onnx'], 'model'],
    ['fp32', ['model.onnx', 'model_q4f16.onnx'], 'model'],
    ['fp16', ['model_fp16.onnx', 'other.onnx'], 'model'],
    ['q8', ['decoder_model_merged_quantized.onnx', 'decoder_model.onnx'], 'decoder_model_merged']
  ])('is opened in the format %s of those that are there', async (dtype, names, graph) => {
    const { 'onnx/model.onnx': _, ...rest } = repository(causal)
    const settings = settingsOf(
      await found({ ...rest, ...Object.fromEntries(names.map(name => [`onnx/${name}`, 'graph'])) })
    )
    assert.deepEqual([settings.dtype, settings.graph], [dtype, graph])
  })

  it('is opened in the format that its model_info.json lists', async () => {
    const info = {
      ...{ name: 'org/m', version: '1', description: '', model_type: 'llama', task: 'text-generation' },
      runtimes: { onnx: { available: true, files: ['onnx/model.onnx'] } },
      metadata: { license: '', author: '', created_at: '' }
    }
    const model = await found(
      repository(causal, { 'onnx/model_quantized.onnx': '', 'model_info.json': info })
    )
    assert.deepEqual([model.id, settingsOf(model).dtype], ['org/m', 'fp32'])
  })

  it('is made of its files, the weights beside its graph included', async () => {
    const files = repository(causal, {
      'onnx/model.onnx_data': '',
      'onnx/model.onnx_data_1': '',
      'README.md': ''
    })
    const model = await found(files)
    assert.equal(settingsOf(model).dataFiles, 2)
    assert.deepEqual(
      model.parts.map(part => part.slice(model.folder.length + 1)).sort(),
      Object.keys(files)
        .filter(name => name !== 'README.md')
        .sort()
    )
  })

  it('may have its chat template in a file of its own', async () => {
    assert.equal(settingsOf(await found(repository(causal))).template, undefined)
    const { template } = settingsOf(await found(repository(causal, { 'chat_template.jinja': '' })))
    assert.equal(template, 'chat_template.jinja')
  })

  it('pools as its files say, and by the mean where they say nothing', async () => {
    const pooling = async (more: object) =>
      settingsOf(await found(repository({ architectures: ['BertModel'] }, more))).pooling
    assert.equal(await pooling({}), 'mean')
    assert.equal(await pooling({ '1_Pooling/config.json': { pooling_mode_cls_token: true } }), 'cls')
  })

  it.each<[what: string, files: Record<string, unknown>, why: RegExp]>([
    ['without a tokenizer', { 'config.json': causal, 'onnx/model.onnx': '' }, /tokenizer.json is missing/],
    [
      'with PyTorch weights alone',
      { ...repository(causal), 'onnx/model.onnx': undefined, 'model.safetensors': '' },
      /model.safetensors, and an ONNX export/
    ],
    [
      'of another architecture',
      repository({ architectures: ['WhisperForConditionalGeneration'] }),
      /no engine of this node serves WhisperForConditionalGeneration/
    ],
    [
      'that sorts into classes',
      repository({ architectures: ['BertForSequenceClassification'], id2label: { 0: 'a', 1: 'b' } }),
      /no engine/
    ],
    ['without an architecture', repository({}), /no engine/],
    [
      'with a graph of another name',
      { ...repository(causal), 'onnx/model.onnx': undefined, 'onnx/encoder.onnx': '' },
      /holds encoder.onnx/
    ],
    [
      'with a config that is no JSON',
      repository(causal, { 'config.json': 'secret' }),
      /^config.json is no JSON\.$/
    ],
    ['with a config of another form', repository({ architectures: 'Llama' }), /config.json: architectures/],
    [
      'with a config that is too large',
      repository({ ...causal, filling: 'x'.repeat(1024 * 1024) }),
      /larger than 1048576 bytes/
    ],
    [
      'that pools in a way of its own',
      repository({ architectures: ['BertModel'] }, { '1_Pooling/config.json': {} }),
      /mean, cls and last/
    ]
  ])('%s is left out, and the reason is said', async (_, files, why) => {
    const present = Object.fromEntries(Object.entries(files).filter(([, content]) => content !== undefined))
    assert.match(await reasonOf(present), why)
  })

  it('follows no link out of its folder', async () => {
    await put('.', { secret: 'secret' })
    const folder = await put('m', repository(causal))
    await rm(join(folder, 'tokenizer.json'))
    await symlink('../secret', join(folder, 'tokenizer.json'))
    await assert.rejects(readModels(folder), /tokenizer.json leads out of the model's directory/)
  })

  it('lies in the cache of its hub, whose links lead to its blobs, under its name there', async () => {
    await put('hub/models--org--tiny', { 'blobs/keep': '' })
    const source = await put('source', repository(causal, { 'onnx/model.onnx_data': '' }))
    const snapshot = join(home, 'hub/models--org--tiny/snapshots/1')
    await mkdir(join(snapshot, 'onnx'), { recursive: true })
    for (const name of ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'onnx/model.onnx']) {
      const blob = join(home, 'hub/models--org--tiny/blobs', name.replaceAll('/', '-'))
      await cp(join(source, name), blob)
      await symlink(blob, join(snapshot, name))
    }
    const [model] = await readModels(snapshot)
    assert.equal(model!.id, 'org/tiny')
    assert.equal(settingsOf(model!).directory, 'snapshots/1')
    assert.ok(model!.parts.every(part => dirname(part).endsWith('blobs')))

    await symlink(join(home, 'hub/models--org--tiny/blobs/keep'), join(snapshot, 'onnx/model.onnx_data'))
    await assert.rejects(readModels(snapshot), /model.onnx_data is a link/)
  })
})
