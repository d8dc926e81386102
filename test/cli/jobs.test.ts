/** Jobs of a real node as a process, which is killed in the middle of one. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, open, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'vitest'
import { findNode, type NodeClient } from '../../cli/client.ts'
import { zeros } from '../capabilities/onnx-graph.ts'
import { runCli } from './run-cli.ts'
import { startNode, temporaryHome } from './started-node.ts'

/** Takes long enough to read for a node to be killed in the middle; the disk holds none of it. */
const FILES = 8
const FILE_BYTES = 128 * 1024 * 1024
const WHOLE_SECOND = new Date('2026-01-01T00:00:00Z')

const info = (name: string, files: string[], sha256: Record<string, string>) => ({
  name,
  version: '1',
  description: '',
  model_type: 'test',
  runtimes: { onnx: { available: true, files: ['onnx/model.onnx', ...files] } },
  metadata: { license: 'MIT', author: 'test', created_at: '2026-01-01' },
  sha256
})

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

async function putModel(home: string, name: string, files: string[], hashes: Record<string, string>) {
  const folder = join(home, 'models', name)
  await mkdir(join(folder, 'onnx'), { recursive: true })
  await writeFile(join(folder, 'onnx/model.onnx'), zeros())
  for (const file of files) {
    await using made = await open(join(folder, file), 'w')
    await made.truncate(FILE_BYTES)
    await utimes(join(folder, file), WHOLE_SECOND, WHOLE_SECOND)
  }
  await writeFile(join(folder, 'model_info.json'), JSON.stringify(info(name, files, hashes)))
  return folder
}

/** The progress of a job once it is beyond `bytes`. */
async function past(node: NodeClient, bytes: number): Promise<{ done: number; total: number }> {
  for await (const item of node.watch({ names: ['job.progress'], since: 'oldest' })) {
    const { progress } = (item as { data: { progress: { done: number; total: number } } }).data
    if (progress.done > bytes) return progress
  }
  throw new Error('The node ended.')
}

describe('a check of models', () => {
  it('that kill -9 cut goes on from the file it had reached', { timeout: 120_000 }, async () => {
    const home = await temporaryHome()
    const files = Array.from({ length: FILES }, (_, n) => `part-${n}.bin`)
    const folder = await putModel(home, 'large', files, {
      'part-0.bin': sha256(Buffer.alloc(FILE_BYTES)),
      [files.at(-1)!]: '0'.repeat(64)
    })
    const first = await startNode(home, [], { env: { LUMOS_MODELS__BUILTIN: 'false' } })
    const node = findNode({ home })
    const { stdout } = await runCli(['models', 'check', 'large', '--no-wait', '--json'], { home })
    const { id } = JSON.parse(stdout)
    const { done, total } = await past(node, 2 * FILE_BYTES)
    assert.ok(done < total)
    const exited = once(first.child, 'exit')
    first.child.kill('SIGKILL')
    await exited

    // The first file is another one now, and looks the same: only reading it anew would show.
    await using part = await open(join(folder, 'part-0.bin'), 'r+')
    await part.write('damage')
    await utimes(join(folder, 'part-0.bin'), WHOLE_SECOND, WHOLE_SECOND)

    await using second = await startNode(home, [], { env: { LUMOS_MODELS__BUILTIN: 'false' } })
    assert.equal(second.home, home)
    const shown = await runCli(['job', 'show', id, '--wait', '--json'], { home })
    const job = JSON.parse(shown.stdout)
    assert.deepEqual([shown.code, job.state, job.progress.done], [0, 'done', total])
    const [model] = job.result.models
    assert.deepEqual(model.problems, [`the hash of ${files.at(-1)} is not the one in model_info.json`])
    assert.deepEqual([model.files, model.unverified], [FILES + 1, FILES - 1])
  })

  it('says which models are damaged and which an engine opens, and can be given up', {
    timeout: 120_000
  }, async () => {
    const home = await temporaryHome()
    await putModel(home, 'good', [], { 'onnx/model.onnx': sha256(zeros()) })
    await putModel(home, 'bad', [], { 'onnx/model.onnx': '0'.repeat(64) })
    const empty = await putModel(home, 'empty', [], {})
    await writeFile(join(empty, 'onnx/model.onnx'), 'no graph')
    await putModel(
      home,
      'large',
      Array.from({ length: FILES }, (_, n) => `part-${n}.bin`),
      {}
    )
    await using _node = await startNode(home, [], { env: { LUMOS_MODELS__BUILTIN: 'false' } })
    const check = (model: string) => runCli(['models', 'check', model], { home })

    const good = await check('good')
    assert.deepEqual([good.code, good.stderr], [0, ''])
    assert.match(good.stdout, /\ngood +1 +\d+ B +0 +none\n/)
    const bad = await check('bad')
    assert.equal(bad.code, 1)
    assert.match(bad.stdout, /the hash of onnx\/model\.onnx is not the one/)
    assert.match(bad.stderr, /1 of 1 models have problems.*E_MODEL_INVALID/)
    assert.match((await check('empty')).stdout, /the engine does not open it/)

    const { stdout } = await runCli(['models', 'check', 'large', '--no-wait', '--json'], { home })
    const { id } = JSON.parse(stdout)
    const cancelled = await runCli(['job', 'cancel', id, '--wait', '--json'], { home })
    assert.equal(JSON.parse(cancelled.stdout).state, 'cancelled')
    const shown = await runCli(['job', 'show', id, '--wait'], { home })
    assert.deepEqual([shown.code, /State: cancelled/.test(shown.stdout)], [130, true])
    const list = await runCli(['job', 'list'], { home })
    assert.match(list.stdout, new RegExp(`\\n${id} +model\\.check +cancelled .*large\\n`))
  })
})
