import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import { InvalidInputError } from '../../interface/errors.ts'
import { chooseFiles } from '../../node/weights/origins/choose.ts'

const GB = 1e9
const entries = (sizes: Record<string, number> | readonly string[]) =>
  Array.isArray(sizes)
    ? sizes.map(path => ({ path, bytes: 1 }))
    : Object.entries(sizes).map(([path, bytes]) => ({ path, bytes }))
const chosen = (
  sizes: Record<string, number> | readonly string[],
  more: { file?: string; all?: boolean; memoryBytes?: number } = {}
) => chooseFiles(entries(sizes), { memoryBytes: 16 * GB, ...more }).map(({ path }) => path)

const HUB = [
  '.gitattributes',
  'README.md',
  'LICENSE',
  'config.json',
  'tokenizer.json',
  'tokenizer_config.json'
]
const BESIDE = HUB.slice(1)

describe('what is taken of a repository', () => {
  it('is one export for ONNX, in the form that the engine opens, and no other weights', () => {
    const others = [
      'model.safetensors',
      'pytorch_model.bin',
      'tf_model.h5',
      'openvino/openvino_model.xml',
      'onnx/model.onnx',
      'onnx/model_fp16.onnx',
      'picture.png'
    ]
    assert.deepEqual(chosen([...HUB, ...others, '1_Pooling/config.json', 'onnx/model_quantized.onnx']), [
      ...BESIDE,
      '1_Pooling/config.json',
      'onnx/model_quantized.onnx'
    ])
    assert.deepEqual(chosen([...HUB, 'onnx/model.onnx', 'onnx/model.onnx_data', 'onnx/model_fp16.onnx']), [
      ...BESIDE,
      'onnx/model.onnx',
      'onnx/model.onnx_data'
    ])
  })

  it('is all graphs, where they are no model that the engine opens', () => {
    const graphs = ['onnx/encoder_model.onnx', 'onnx/decoder_model.onnx']
    assert.deepEqual(chosen([...HUB, ...graphs]), [...BESIDE, ...graphs])
  })

  it('is safetensors before older forms', () => {
    const parts = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']
    const index = 'model.safetensors.index.json'
    assert.deepEqual(chosen([...HUB, 'pytorch_model.bin', ...parts, index, 'original/consolidated.pth']), [
      ...BESIDE,
      ...parts,
      index
    ])
    assert.deepEqual(chosen([...HUB, 'pytorch_model.bin']), [...BESIDE, 'pytorch_model.bin'])
  })

  const variants = {
    'm-F16.gguf': 14 * GB,
    'm-Q8_0.gguf': 8 * GB,
    'm-Q4_K_M.gguf': 5 * GB,
    'm-Q2_K.gguf': 3 * GB
  }

  it('is one GGUF variant: four bits where they fit, else what does', () => {
    const taken = (memoryBytes: number) =>
      chosen({ ...variants, 'README.md': 1, LICENSE: 1 }, { memoryBytes })
    assert.deepEqual(taken(64 * GB), ['m-Q4_K_M.gguf', 'LICENSE'])
    assert.deepEqual(taken(5 * GB), ['m-Q2_K.gguf', 'LICENSE'])
    assert.deepEqual(taken(1 * GB), ['m-Q2_K.gguf', 'LICENSE'])
  })

  it('is every part of a variant, and the one in its folder', () => {
    const parts = ['Q4_K_M/m-Q4_K_M-00001-of-00002.gguf', 'Q4_K_M/m-Q4_K_M-00002-of-00002.gguf']
    assert.deepEqual(chosen([...parts, 'Q8_0/m-Q8_0.gguf', 'mmproj-F16.gguf']), parts)
    assert.deepEqual(chosen([...parts, 'Q8_0/m-Q8_0.gguf'], { file: parts[1]! }), parts)
  })

  it('is the variant that was asked for, by its file or label', () => {
    assert.deepEqual(chosen(variants, { file: 'm-Q8_0.gguf' }), ['m-Q8_0.gguf'])
    assert.deepEqual(chosen(variants, { file: 'q8_0' }), ['m-Q8_0.gguf'])
    assert.throws(
      () => chosen(variants, { file: 'm-Q8_1.gguf' }),
      err => err instanceof InvalidInputError && /m-Q8_0\.gguf/.test(err.hint ?? '')
    )
  })

  it('is asked for by its file where there are several models', () => {
    assert.throws(
      () => chosen(['small-Q4_0.gguf', 'large-Q4_0.gguf']),
      err =>
        err instanceof InvalidInputError &&
        /2 models/.test(err.message) &&
        /large-Q4_0\.gguf/.test(err.hint ?? '')
    )
  })

  it('is a graph that was asked for, with what it needs', () => {
    const all = [
      ...HUB,
      '1_Pooling/config.json',
      'onnx/model.onnx',
      'onnx/model.onnx_data',
      'onnx/model_fp16.onnx'
    ]
    assert.deepEqual(chosen(all, { file: 'onnx/model.onnx' }), [
      ...BESIDE,
      '1_Pooling/config.json',
      'onnx/model.onnx',
      'onnx/model.onnx_data'
    ])
  })

  it('is a whole repository with a description of ours, or on request', () => {
    const ours = [
      'model_info.json',
      'onnx/text.onnx',
      'torch/model.pt',
      'rknn/rk3588/text.rknn',
      'ImageNet_10k.npz'
    ]
    assert.deepEqual(chosen(['.gitattributes', ...ours]), ours)
    assert.deepEqual(chosen([...HUB, 'model.bin', 'a.png'], { all: true }), [...HUB, 'model.bin', 'a.png'])
  })
})
