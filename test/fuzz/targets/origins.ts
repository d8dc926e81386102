/** What origins send beside weights, and what repositories say of themselves: listings, descriptions, heads, configurations. */

import { Readable } from 'node:stream'
import { systemClock } from '../../../interface/clock.ts'
import type { HttpClient } from '../../../node/weights/origins/http-client.ts'
import { HuggingFace } from '../../../node/weights/origins/hugging-face.ts'
import { ModelScope } from '../../../node/weights/origins/model-scope.ts'
import { Ollama } from '../../../node/weights/origins/ollama.ts'
import { checkModelInfo } from '../../../node/weights/repositories/model-info.ts'
import { checkSafetensors } from '../../../node/weights/repositories/safetensors.ts'
import { checkConfiguration } from '../../../node/weights/resources/configuration.ts'
import type { Target } from '../target.ts'

const SHA256 = 'ab'.repeat(32)
const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

/** Answers everything with these bytes, and the question for a commit with one. */
const clientOf = (bytes: Uint8Array) =>
  ({
    clock: systemClock,
    async get(address: string) {
      const isCommit = address.includes('/revision/')
      const body = Readable.from([isCommit ? json({ sha: '0'.repeat(40) }) : Buffer.from(bytes)])
      return { url: new URL(address), status: 200, headers: {}, originHeaders: {}, body }
    }
  }) as unknown as HttpClient

const componentsOf = (bytes: Uint8Array) => ({
  ...{ client: clientOf(bytes), url: 'https://hub.example', memoryBytes: 1e9 },
  token: async () => undefined
})

function safetensors(head: unknown, dataBytes: number): Uint8Array {
  const text = Buffer.from(JSON.stringify(head))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  return Buffer.concat([length, text, Buffer.alloc(dataBytes)])
}

/** As much of a file as the check reads. */
const fileOf = (bytes: Uint8Array) =>
  ({
    read: async (into: Uint8Array, _: number, length: number, from: number) => {
      const part = bytes.subarray(from, from + length)
      into.set(part)
      return { bytesRead: part.length }
    }
  }) as unknown as Parameters<typeof checkSafetensors>[0]

const CONFIGURATION = `metadata: {version: "1.0", region: other, cache_dir: ~/.lumen}
services:
  clip:
    enabled: true
    models:
      default: {model: MobileCLIP2-S2, runtime: onnx, dataset: ImageNet_1k}
`
const INFO = {
  ...{
    name: 'x',
    version: '1',
    description: 'd',
    model_type: 'clip',
    source: { format: 'openclip', repo_id: 'o/x' }
  },
  runtimes: { onnx: { available: true, files: ['onnx/a.onnx'] } },
  datasets: {}
}

export const ORIGIN_TARGETS: readonly Target[] = [
  {
    name: 'hub tree',
    share: 0.3,
    seeds: [
      json([
        { type: 'file', path: 'config.json', size: 2, oid: 'ab'.repeat(20) },
        { type: 'file', path: 'onnx/a.onnx', size: 7, lfs: { oid: SHA256, size: 7 } },
        { type: 'directory', path: 'onnx' }
      ])
    ],
    words: ['type', 'file', 'path', 'size', 'oid', 'lfs', '../', '\\\\', 'con', '-1', '1e99'],
    read: bytes => new HuggingFace({ kind: 'hf', owner: 'o', name: 'x' }, componentsOf(bytes)).list()
  },
  {
    name: 'modelscope files',
    seeds: [
      json({ Success: true, Data: { Files: [{ Path: 'a.gguf', Size: 7, Sha256: SHA256, Type: 'blob' }] } })
    ],
    words: ['Success', 'Data', 'Files', 'Path', 'Size', 'Sha256', 'Type', 'tree', '../'],
    read: bytes => new ModelScope({ kind: 'ms', owner: 'o', name: 'x' }, componentsOf(bytes)).list()
  },
  {
    name: 'ollama manifest',
    seeds: [
      json({
        layers: [{ mediaType: 'application/vnd.ollama.image.model', digest: `sha256:${SHA256}`, size: 7 }]
      })
    ],
    words: ['layers', 'mediaType', 'digest', 'size', 'constructor', '__proto__'],
    read: bytes => new Ollama({ kind: 'ollama', name: 'x', tag: 'latest' }, componentsOf(bytes)).list()
  },
  {
    name: 'safetensors head',
    seeds: [safetensors({ w: { dtype: 'F16', shape: [2, 2], data_offsets: [0, 8] } }, 8)],
    words: ['dtype', 'shape', 'data_offsets', '__metadata__', '__proto__', 'BF16'],
    read: bytes => checkSafetensors(fileOf(bytes), bytes.byteLength)
  },
  {
    name: 'description of a repository',
    seeds: [json(INFO)],
    words: ['runtimes', 'onnx', 'rknn', 'devices', 'files', 'datasets', 'sha256', '__proto__', '../'],
    read: bytes => checkModelInfo(text(bytes), new Set(['onnx/a.onnx']))
  },
  {
    name: 'configuration of resources',
    share: 0.2,
    seeds: [Buffer.from(CONFIGURATION)],
    words: ['services', 'models', 'runtime', 'rknn', '&a', '*a', '<<:', '!!', '? ', '- ', '__proto__'],
    read: bytes => checkConfiguration('lumen.yaml', text(bytes))
  }
]
