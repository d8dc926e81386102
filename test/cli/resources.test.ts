/** Configurations of resources on the command line: what is wrong with them, their models from a hub, and a cache. */

import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { FakeHub } from '../weights/fake-hub.ts'
import { runCli } from './run-cli.ts'
import { startNode, temporaryHome } from './started-node.ts'

const PATIENCE_MS = 120_000

const INFO = {
  name: 'tiny',
  version: '1.0.0',
  description: 'as a hub has it',
  model_type: 'clip',
  runtimes: {
    onnx: { available: true, files: ['onnx/text.onnx'] },
    torch: { available: true, files: ['torch/model.pt'] }
  },
  datasets: { Ten: 'Ten.npz' },
  metadata: { license: 'MIT', author: 'test', created_at: '2026-01-01' }
}
const CONFIG = `metadata:
  region: other
  cache_dir: ~/.lumen
services:
  clip:
    models:
      default:
        model: acme/tiny
        runtime: onnx
`

it('a configuration is validated, its models are brought, and the store lists them', {
  timeout: PATIENCE_MS
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'resources-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const [file, wrong] = [join(folder, 'good.yaml'), join(folder, 'wrong.yaml')]
  await writeFile(file, CONFIG)
  await writeFile(wrong, CONFIG.replace('onnx', 'onyx'))

  const valid = await runCli(['resources', 'validate', file, '--json'])
  expect(JSON.parse(valid.stdout)).toMatchObject({
    valid: true,
    models: [{ model: 'acme/tiny', runtimes: ['onnx'], datasets: [], used_by: ['clip:default'] }]
  })
  const invalid = await runCli(['resources', 'validate', wrong])
  assert.equal(invalid.code, 8)
  assert.match(invalid.stdout, /wrong\.yaml:9:18: /)

  await using hub = await FakeHub.start()
  hub.put('model_info.json', JSON.stringify(INFO), { git: true })
  hub.put('onnx/text.onnx', Buffer.alloc(1000, 1))
  hub.put('torch/model.pt', Buffer.alloc(5000, 2))
  hub.put('Ten.npz', Buffer.alloc(300, 3))
  await using den = await startNode(await temporaryHome(), ['--name', 'den'], {
    env: { LUMOS_MODELS__BUILTIN: 'false', LUMOS_WEIGHTS__ORIGINS__HF: hub.url }
  })
  const download = async (...more: string[]) => {
    const { code, stdout, stderr } = await runCli(['resources', 'download', file, '--json', ...more], den)
    assert.equal(code, 0, `${stderr}${stdout}`)
    return JSON.parse(stdout).items
  }
  const size = JSON.stringify(INFO).length + 1000
  expect(await download()).toMatchObject([{ model: 'acme/tiny', bytes: size, error: null }])
  const before = hub.bytesSent
  await download('--force')
  assert.equal(hub.bytesSent - before, size)

  const list = await runCli(['resources', 'list'], den)
  assert.match(list.stdout, /^acme%2Ftiny +clip +onnx +- +[\d.]+ KiB +/m)
})
