/** Weights of a real node: what its owner imports is kept, served and given out again. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it, onTestFinished } from 'vitest'
import type { JobInfo } from '../../interface/jobs.ts'
import { hasEnded } from '../../interface/jobs.ts'
import type { LumosNode } from '../../interface/node.ts'
import { addAll } from '../storage/weights/plain-unixfs.ts'
import { startNode } from './mesh-nodes.ts'

const DIGITS = join(import.meta.dirname, '../../models')
const FIXTURES = join(import.meta.dirname, '../fixtures')

async function temporary(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'weights-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A file that is none. */
async function listenAt(path: string): Promise<void> {
  const server = createServer().listen(path)
  onTestFinished(() => void server.close())
  await once(server, 'listening')
}

async function done(node: LumosNode, kind: string, input: unknown): Promise<JobInfo> {
  let last = node.jobs.begin(kind, input)
  for await (const job of node.jobs.watch(last.id)) {
    last = job
    if (hasEnded(job.state)) break
  }
  return last
}

/** Of no tensors. */
const SAFETENSORS = Buffer.from('\u0002\0\0\0\0\0\0\0{}')

/** A repository as the hub of Hugging Face keeps it: links into `blobs`. */
async function hubRepository(folder: string): Promise<string> {
  const repository = join(folder, 'models--org--tiny')
  const snapshot = join(repository, 'snapshots', 'abc')
  await mkdir(join(repository, 'blobs'), { recursive: true })
  await mkdir(snapshot, { recursive: true })
  await writeFile(join(repository, 'blobs', 'sha'), SAFETENSORS)
  await symlink('../../blobs/sha', join(snapshot, 'model.safetensors'))
  await writeFile(join(snapshot, 'config.json'), '{}')
  return snapshot
}

describe('weights of a node', () => {
  it('a model that is imported is served by its name, given out again, and removed', async () => {
    await using node = await startNode('den')
    const path = join(DIGITS, 'digits-cnn')
    const isServed = () => node.models().some(({ model }) => model === 'digits-cnn')
    const { state, result } = await done(node, 'model.import', { path })
    assert.equal(state, 'done')
    const [info] = node.weights.list()
    assert.deepEqual(result, { model: 'digits-cnn', cid: info!.cid, bytes: info!.bytes, files: info!.files })
    assert.ok(isServed())
    assert.deepEqual(node.weights.show('digits-cnn').cid, node.weights.show(info!.cid).cid)

    const out = join(await temporary(), 'out')
    await node.weights.export('digits-cnn', out)
    for (const { path: at } of node.weights.show('digits-cnn').files)
      assert.deepEqual(await readFile(join(out, at)), await readFile(join(path, at)))
    await assert.rejects(node.weights.export('digits-cnn', out), { code: 'INVALID_INPUT' })

    node.weights.pin('digits-cnn')
    await assert.rejects(node.weights.remove('digits-cnn'), { code: 'INVALID_INPUT', message: /pinned/ })
    node.weights.unpin('digits-cnn')
    await node.loadModel('digits-cnn')
    await assert.rejects(node.weights.remove('digits-cnn'), { code: 'INVALID_INPUT', message: /in use/ })
    await node.weights.remove('digits-cnn', { force: true })
    assert.ok(!isServed())
    assert.deepEqual(node.weights.list(), [])
    assert.equal((await node.weights.du()).bytes, 0)
    assert.throws(() => node.weights.show('digits-cnn'), { code: 'WEIGHTS_NOT_FOUND' })
  })

  it('a model whose description has no hashes is opened from the store, where its files have a second name', async () => {
    const folder = await temporary()
    const path = join(folder, 'unhashed')
    await cp(join(DIGITS, 'digits-cnn'), path, { recursive: true })
    const info = JSON.parse(await readFile(join(path, 'model_info.json'), 'utf8'))
    await writeFile(
      join(path, 'model_info.json'),
      JSON.stringify({ ...info, name: 'unhashed', sha256: undefined })
    )
    const store = join(folder, 'store')
    await using node = await startNode('den', [], { settings: { 'weights.directory': store } })
    await node.weights.import(path)
    await node.loadModel('unhashed')
    const { path: graph } = node.weights.show('unhashed').files.find(file => file.path.endsWith('.onnx'))!
    assert.equal((await stat(join(store, 'models/unhashed', graph))).nlink, 2)
  })

  it('a model becomes a smaller one of another name, and says what that changed', async () => {
    await using node = await startNode('den')
    await node.weights.import(join(DIGITS, 'digits-cnn'))
    const data = join(await temporary(), 'data')
    for (const digit of ['3', '8']) {
      await mkdir(join(data, digit), { recursive: true })
      await cp(join(FIXTURES, 'digits', `${digit}.png`), join(data, digit, 'a.png'))
    }
    const wanted = { model: 'digits-cnn', name: 'digits-int8', data }
    const { state, result } = await done(node, 'model.quantize', wanted)
    assert.equal(state, 'done')
    const [before, after] = ['digits-cnn', 'digits-int8'].map(name => node.weights.show(name))
    assert.deepEqual(result, {
      ...{
        model: 'digits-int8',
        cid: after!.cid,
        bytes: after!.bytes,
        bytesBefore: before!.files.reduce(
          (sum, { path, bytes }) => sum + (path === 'train.py' ? 0 : bytes),
          0
        ),
        tensors: 2
      },
      loss: { inputs: 2, labelled: 2, rightBefore: 2, rightAfter: 2, same: 2, cosine: null }
    })
    assert.ok(after!.bytes < before!.bytes / 2)
    const info = JSON.parse(await readFile(join(after!.directory, 'model_info.json'), 'utf8'))
    const graph = after!.files.find(({ path }) => path === 'onnx/model.onnx')
    assert.deepEqual(info.sha256, { 'onnx/model.onnx': graph!.sha256 })
    assert.deepEqual((await node.weights.verify('digits-int8')).problems, [])

    const again = await done(node, 'model.quantize', wanted)
    assert.deepEqual([again.state, again.error?.code], ['failed', 'INVALID_INPUT'])
    const small = await done(node, 'model.quantize', { model: 'digits-int8', name: 'smaller' })
    assert.deepEqual([small.state, small.error?.code], ['failed', 'NOT_SUPPORTED'])
    const none = await done(node, 'model.quantize', { model: 'none', name: 'smaller' })
    assert.deepEqual([none.state, none.error?.code], ['failed', 'MODEL_NOT_FOUND'])
    assert.deepEqual(
      node.weights.list().map(({ model }) => model),
      ['digits-cnn', 'digits-int8']
    )
  })

  it('a repository of the hub, and one file, have the CIDs of a plain UnixFS import', async () => {
    await using node = await startNode('den')
    const folder = await temporary()
    const snapshot = await hubRepository(folder)
    const imported = await node.weights.import(snapshot)
    const plain = await addAll([
      { path: 'config.json', content: Buffer.from('{}') },
      { path: 'model.safetensors', content: SAFETENSORS }
    ])
    assert.deepEqual(imported, { model: 'org/tiny', cid: plain.cid, bytes: 12, files: 2 })

    const gguf = join(folder, 'some-model.bin')
    const bytes = Buffer.alloc(3_000_000, 'gguf')
    await writeFile(gguf, bytes)
    const progress: number[] = []
    const one = await node.weights.import(gguf, { name: 'a/b:q4', onProgress: n => progress.push(n) })
    assert.equal(one.cid, (await addAll([{ path: 'some-model.bin', content: bytes }])).cid)
    assert.equal(progress.at(-1), bytes.length)
    assert.deepEqual(
      progress,
      progress.toSorted((a, b) => a - b)
    )

    // A change of the source is none of the store's.
    await truncate(gguf, 5)
    assert.deepEqual((await node.weights.verify()).problems, [])
    // A second time, nothing is written anew.
    await writeFile(gguf, bytes)
    assert.deepEqual(await node.weights.import(gguf, { name: 'again' }), { ...one, model: 'again' })
    assert.equal((await node.weights.du()).bytes, bytes.length + 12)
  })

  it('what is no part of a model is left out, and what cannot be one is refused', async () => {
    await using node = await startNode('den', [], { settings: { 'weights.diskMax': 1000 } })
    const folder = await temporary()
    const at = async (name: string, make: (path: string) => Promise<unknown>): Promise<string> => {
      const path = join(folder, name)
      await mkdir(join(path, 'sub'), { recursive: true })
      await writeFile(join(path, 'sub', 'a.bin'), name)
      await make(path)
      return path
    }
    const invalid = { code: 'WEIGHTS_INVALID' }
    const hidden = await at('hidden', async path => {
      await mkdir(join(path, '.git'))
      await writeFile(join(path, '.git', 'config'), 'secret')
      await symlink('/etc/passwd', join(path, '.link'))
    })
    assert.equal((await node.weights.import(hidden)).files, 1)

    const refused = {
      out: await at('out', path => symlink('/etc/passwd', join(path, 'passwd'))),
      up: await at('up', path => symlink('../../hidden/sub/a.bin', join(path, 'sub', 'b.bin'))),
      dangling: await at('dangling', path => symlink('nowhere', join(path, 'b.bin'))),
      loop: await at('loop', path => symlink('.', join(path, 'sub', 'loop'))),
      socket: await at('socket', path => listenAt(join(path, 'socket'))),
      clash: await at('clash', path => writeFile(join(path, 'SUB'), '')),
      words: await at('words', path => writeFile(join(path, 'a\nb'), '')),
      head: await at('head', path => writeFile(join(path, 'a.safetensors'), 'no head')),
      nothing: join(folder, 'nothing'),
      empty: await at('empty', path => rm(join(path, 'sub'), { recursive: true }))
    }
    for (const [why, path] of Object.entries(refused))
      await assert.rejects(node.weights.import(path, { name: 'x' }), invalid, why)
    const info = await at('info', path => writeFile(join(path, 'model_info.json'), '{\n  "name": 7\n}'))
    await assert.rejects(node.weights.import(info), {
      code: 'WEIGHTS_INVALID',
      message: /model_info\.json:2:11: name: Invalid input: expected string/
    })
    await assert.rejects(node.weights.import('relative'), { code: 'INVALID_INPUT' })
    await assert.rejects(node.weights.import(hidden, { name: 'no name' }), { code: 'INVALID_INPUT' })

    const large = join(folder, 'large.bin')
    await writeFile(large, Buffer.alloc(2000))
    await assert.rejects(node.weights.import(large), {
      code: 'WEIGHTS_FULL',
      message: /need 2000 bytes more, and weights\.diskMax has room for 994 bytes/
    })
    assert.equal(node.weights.list().length, 1)
  })

  it('the home of the node, with its keys, is no model, nor is a folder above or a file in it', async () => {
    const home = await temporary()
    await using node = await startNode('den', [], { home })
    for (const path of [home, dirname(home), join(home, 'identity.key'), join(home, 'logs')]) {
      const { error } = await done(node, 'model.import', { path, name: 'mine' })
      assert.match(error!.message, /holds files of this node's own home/, path)
    }
    await cp(join(DIGITS, 'digits-cnn'), join(home, 'models/mine'), { recursive: true })
    const { state } = await done(node, 'model.import', { path: join(home, 'models/mine'), name: 'mine' })
    assert.equal(state, 'done')
  })

  it('another home cannot use its directory, and a restart keeps what was there', async () => {
    const directory = join(await temporary(), 'disk')
    const home = await temporary()
    const settings = { 'weights.directory': directory }
    const model = join(await temporary(), 'one.bin')
    await writeFile(model, 'weights')
    {
      await using node = await startNode('den', [], { home, settings })
      await node.weights.import(model)
      await assert.rejects(startNode('attic', [], { settings }), { code: 'HOME_LOCKED' })
    }
    await using node = await startNode('den', [], { home, settings })
    const [info] = node.weights.list()
    assert.equal(info!.state, 'whole')
    assert.equal(await readFile(join(info!.directory, 'one.bin'), 'utf8'), 'weights')
    assert.ok(info!.directory.startsWith(directory))
  })
})
