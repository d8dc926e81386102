/** Every unit on real nodes, which are one mesh for a while: their answers are what the listing says, and no more. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import type { Engine } from '../../capabilities/host/engine.ts'
import type { AdoptedPort, Adoption } from '../../interface/adoption.ts'
import { newAnswerId } from '../../interface/answers.ts'
import type { DoneChunk } from '../../interface/chunks.ts'
import { systemClock } from '../../interface/clock.ts'
import type { EventName } from '../../interface/events.ts'
import type { InferenceChunk, InferenceRequest } from '../../interface/inference.ts'
import type { LumosNode } from '../../interface/node.ts'
import { TASK_NAMES } from '../../interface/tasks/index.ts'
import { LogReader } from '../../node/log/log-reader.ts'
import { SettingsFile } from '../../node/settings/settings-file.ts'
import { createUnits } from '../../units/index.ts'
import { memoryTokens } from '../gateway/memory-tokens.ts'
import { meets, startNode, until } from '../node/mesh-nodes.ts'
import { contextOf, OWNER } from './callers.ts'
import { wrongIn } from './json-schemas.ts'

const WAIT = { timeout: 10_000, interval: 50 }

/** A watcher hears of what is written once it watches. */
async function seen(change: Promise<unknown>, write: () => Promise<unknown>): Promise<void> {
  let isSeen = false
  void change.then(() => (isSeen = true))
  await vi.waitUntil(async () => {
    await write()
    return isSeen
  }, WAIT)
}

const BOX = { xmin: 0, ymin: 0, xmax: 1, ymax: 1 }
const PLACE = [0, 1]
const FLOAT = new Uint8Array([0, 0, 0x80, 0x3f])
/** Half a second of one sample each tenth. */
const WAVE = new Uint8Array(54)
WAVE.set(Buffer.from('RIFF'), 0)
WAVE.set(Buffer.from('WAVE'), 8)
WAVE[28] = 20

/** An output of each task that has no labels. */
const BRIEF: Readonly<Record<string, unknown>> = {
  'feature-extraction': { dimensions: 1, vectors: FLOAT },
  'text-ranking': { results: [{ index: 0, score: 0.5 }] },
  'object-detection': { objects: [{ label: 'cat', score: 0.9, box: BOX }] },
  'face-detection': {
    faces: [{ box: BOX, points: Array.from({ length: 5 }, () => PLACE), score: 0.9 }],
    ...{ dimensions: 1, embeddings: FLOAT }
  },
  'face-verification': { similarity: 0.5, same: true },
  'text-recognition': { lines: [{ text: 'one', score: 0.9, quad: Array.from({ length: 4 }, () => PLACE) }] },
  'image-to-text': { text: 'a cat' },
  'automatic-speech-recognition': { text: 'well', language: 'en', durationMs: 5 },
  'voice-activity-detection': { segments: [{ startMs: 0, endMs: 5 }] },
  translation: { texts: ['vel'] }
}

/** Does all tasks, in as few words as each allows. */
class BriefEngine implements Engine {
  readonly loaded = true
  readonly memoryBytes = 0
  async load(): Promise<void> {}
  async close(): Promise<void> {}

  async *infer({ task, input }: InferenceRequest): AsyncGenerator<InferenceChunk> {
    if (task === 'text-generation') yield { type: 'text', index: 0, text: 'yes' }
    else if (task === 'text-to-speech')
      yield { type: 'data', index: 0, part: 0, mime: 'audio/wav', bytes: WAVE }
    else if (task === 'text-to-image') {
      for (const part of [0, 1]) yield { type: 'data', index: part, part, mime: 'image/png', bytes: FLOAT }
    } else if (task === 'tensor') yield { type: 'output', index: 0, output: input }
    else
      yield {
        type: 'output',
        index: 0,
        output: BRIEF[task] ?? { labels: [{ label: task.slice(0, 4), score: 0.9 }] }
      }
    yield {
      type: 'done',
      index: task === 'text-to-image' ? 2 : 1,
      finishReason: 'stop',
      usage: { inputTokens: 1, outputTokens: 1 }
    }
  }
}

const brief = () => ({ id: 'brief', tasks: [...TASK_NAMES], slots: 1, engine: new BriefEngine() })

/** Takes no port. */
function adoptionOf(): Adoption {
  const adopted: AdoptedPort = {
    ...{ product: 'ollama', port: 11434, state: 'waiting', reason: 'taken', moveCommand: 'ollama serve' }
  }
  return { list: () => [adopted], adopt: async () => adopted, release: async () => true }
}

/** The units of a node; each answer is checked, and remembered in `called`. */
function faceOf(node: LumosNode, called: Set<string>) {
  const gatewayUrl = () => 'http://127.0.0.1:1'
  const home = mkdtempSync(join(tmpdir(), 'lumos-settings-'))
  onTestFinished(() => rmSync(home, { recursive: true }))
  writeFileSync(join(home, 'lumos.log'), `${JSON.stringify({ level: 'warn', msg: 'well', peerId: 'p' })}\n`)
  const settings = new SettingsFile({ home, env: {}, names: () => node.status() })
  const log = new LogReader(home, systemClock)
  const units = createUnits({
    ...{ node, gatewayUrl, rotateToken: () => 1, stop() {}, settings, log },
    ...{ tokens: memoryTokens().tokens, pageLink: () => gatewayUrl(), adoption: adoptionOf() }
  })
  const described = new Map(units.list().map(unit => [unit.name, unit]))
  const right = (what: string, schema: object | undefined, value: unknown) =>
    assert.equal(schema && wrongIn(schema, value), undefined, what)

  const events: [EventName, unknown][] = []
  for (const [name, schema] of node.events.schemas) {
    node.events.addEventListener(name, ({ detail }) => {
      events.push([name, detail])
      // Told to whoever listens, in the names of the code; what watchers get is checked below.
      assert.equal(schema.safeParse(detail).error, undefined, name)
    })
  }
  return {
    units,
    events,
    names: [...described.keys()],
    // biome-ignore lint/suspicious/noExplicitAny: answers of every form, which is what is checked here
    async call(name: string, input: object = {}): Promise<any> {
      called.add(name)
      const answer = await units.execute(name, input, contextOf(OWNER, { budgetMs: 30_000 }))
      right(name, described.get(name)!.output, answer)
      return answer
    },
    async *pieces(name: string, input: object = {}): AsyncGenerator<{ type: string }> {
      for await (const item of units.stream(name, input, contextOf(OWNER, { budgetMs: 30_000 }))) {
        right(`${name} in pieces`, described.get(name)!.item, item)
        yield item as { type: string }
      }
    }
  }
}

it('each unit answers what its schemas say, whole and in pieces', { timeout: 240_000 }, async () => {
  const called = new Set<string>()
  const engines = mkdtempSync(join(tmpdir(), 'lumos-engines-'))
  onTestFinished(() => rmSync(engines, { recursive: true }))
  const registry = 'http://127.0.0.1:1'
  const settings = {
    ...{ 'mesh.name': 'flat', 'engines.registry': registry, 'engines.directory': engines },
    'weights.origins.hf': registry
  }
  await using den = await startNode('den', [], { settings, models: [brief()] })
  await using attic = await startNode('attic', [], {
    settings: { 'swarm.peers': den.status().addresses, 'weights.origins.hf': registry }
  })
  const onDen = faceOf(den, called)
  const onAttic = faceOf(attic, called)

  // Alone.
  await onDen.call('mesh.status')
  await onDen.call('mesh.discovery')
  await onDen.call('mesh.show')
  await onDen.call('mesh.listen')
  await onDen.call('model.sandbox')
  await until(attic, 'mesh.seen', () => attic.mesh.nearby().length === 1)
  assert.equal((await onAttic.call('mesh.nearby')).items.length, 1)

  // By request: one that is approved, one that is denied.
  const joined = async (answer: 'mesh.approve' | 'mesh.deny', joining: Promise<unknown>) => {
    joining.catch(() => {})
    await once(den.events as unknown as EventTarget, 'mesh.join_requested')
    assert.equal((await onDen.call('mesh.requests')).items.length, 1)
    await onDen.call(answer, { peer: 'attic' })
    return joining
  }
  const watched = onDen.pieces('event.list', { names: ['mesh.member_joined'] })
  const first = watched.next()
  const pieces = await joined(
    'mesh.approve',
    Array.fromAsync(onAttic.pieces('mesh.join_nearby', { mesh: 'flat' }))
  )
  expect(pieces).toMatchObject([
    { type: 'found', mesh: 'flat' },
    { type: 'asking' },
    { type: 'joined', mesh: 'flat', name: 'attic' }
  ])
  assert.equal((await first).value!.type, 'event')
  await watched.return(undefined)
  await Promise.all([meets(den, attic), meets(attic, den)])

  // Together.
  assert.equal((await onDen.call('mesh.peers')).items.length, 1)
  assert.equal((await onDen.call('mesh.members')).items.length, 2)
  assert.equal((await onDen.call('wake.device', { device: 'attic' })).wake_ms, 0)
  assert.deepEqual((await onDen.call('wake.list')).items, [])
  await onDen.call('mesh.promote', { peer: 'attic' })
  assert.equal((await onAttic.call('model.list', { type: 'tensor' })).total, 1)
  assert.equal((await onAttic.call('model.estimate_resources', { model_id: 'brief' })).gpu_type, null)
  expect((await onAttic.call('inference.voices')).voices).toMatchObject([{ model_id: 'brief', voice: null }])
  assert.equal((await onAttic.call('model.get', { model_id: 'brief' })).tasks.length, TASK_NAMES.length)
  assert.equal((await onAttic.call('inference.explain', { model: 'brief' })).items.length, TASK_NAMES.length)
  await assert.rejects(onAttic.call('inference.explain', { id: 'none' }), { code: 'REQUEST_NOT_FOUND' })
  const words = { task: 'text-generation', input: { messages: [{ role: 'user', content: 'Well?' }] } }
  assert.equal((await onAttic.call('inference.run', words)).output.text, 'yes')
  expect((await onAttic.call('inference.requests', { state: 'answered' })).items[0]).toMatchObject({
    ...{ task: 'text-generation', name: 'den', attempts: 1, outcome: 'answered' }
  })
  const tensors = { x: { type: 'int8', dims: [1], data: 'AQ==' } }
  await onAttic.call('inference.run', { task: 'tensor', input: { tensors } })
  const image = 'AQ=='
  const labelOf = async (input: object) =>
    (await onAttic.call('inference.classify', { image, ...input })).labels[0].label
  assert.equal(await labelOf({}), 'imag')
  assert.equal(await labelOf({ labels: ['a'], top_k: 1 }), 'zero')
  expect((await onAttic.call('inference.detect', { image, model: 'brief' })).detections).toEqual([
    { label: 'cat', score: 0.9, box: BOX }
  ])
  const faces = await onAttic.call('inference.detect_faces', { image, embeddings: true })
  assert.deepEqual([faces.faces.length, faces.dimensions], [1, 1])
  assert.equal((await onAttic.call('inference.verify_faces', { images: [image, image] })).same, true)
  assert.equal((await onAttic.call('inference.recognize_text', { image })).lines[0].text, 'one')
  assert.equal((await onAttic.call('inference.describe', { image })).text, 'a cat')
  const audio = image
  assert.equal((await onAttic.call('inference.transcribe', { audio, language: 'en' })).duration_ms, 5)
  assert.equal((await onAttic.call('inference.detect_speech', { audio })).segments[0].end_ms, 5)
  const spoken = await onAttic.call('inference.synthesize', { text: 'well' })
  assert.deepEqual([spoken.format, spoken.duration], ['wav', 0.5])
  assert.equal((await Array.fromAsync(onAttic.pieces('inference.synthesize', { text: 'well' }))).length, 2)
  const made = await onAttic.call('inference.generate_image', { prompt: 'a cat', count: 2 })
  assert.deepEqual([made.images.length, made.format], [2, 'png'])
  assert.deepEqual((await onAttic.call('inference.translate', { texts: ['well'], to: 'no' })).texts, ['vel'])
  await assert.rejects(onAttic.call('inference.generate_video', { prompt: 'a' }), { code: 'NOT_SUPPORTED' })
  const [signed] = (
    await Array.fromAsync(attic.infer({ ...words, task: 'text-generation' }, { receipt: true }))
  ).slice(-1)
  const held = { receipts: (signed as DoneChunk).receipts, request: words, answer: 'yes' }
  assert.equal((await onDen.call('inference.verify', held)).ok, true)
  assert.deepEqual(
    (await Array.fromAsync(onAttic.pieces('inference.run', words))).map(({ type }) => type),
    ['text', 'done']
  )
  const kept = newAnswerId(attic.peerId)
  const answer = attic.answers.keep(kept, asking =>
    attic.infer({ ...words, task: 'text-generation' }, asking)
  )
  assert.equal((await Array.fromAsync(answer)).length, 2)
  assert.equal((await onAttic.call('inference.answers')).items[0].id, kept)
  assert.equal((await onAttic.call('inference.answer', { id: kept })).state, 'done')
  assert.equal((await onAttic.call('inference.attach', { id: kept })).items.length, 2)
  assert.equal((await Array.fromAsync(onAttic.pieces('inference.attach', { id: kept, from: 1 }))).length, 1)
  assert.equal((await onAttic.call('inference.cancel', { id: kept })).chunks, 2)
  await onAttic.call('inference.forget', { id: kept })
  const { models } = await onAttic.call('inference.models', { type: 'tensor' })
  assert.deepEqual(models, [
    { id: 'brief', types: [...TASK_NAMES], ready: true, leaves_mesh: false, devices: ['den'] }
  ])
  const talk = { messages: words.input.messages, temperature: 0, tool_choice: { name: 'look' } }
  assert.equal((await onAttic.call('inference.chat', talk)).content, 'yes')
  assert.equal((await onAttic.call('inference.complete', { prompt: 'Well' })).text, 'yes')
  for (const [name, input] of [
    ['inference.chat', talk],
    ['inference.complete', { prompt: 'Well', stop: ['.'] }]
  ] as const) {
    assert.equal((await Array.fromAsync(onAttic.pieces(name, input))).length, 2)
  }
  assert.deepEqual((await onAttic.call('inference.embed', { input: 'a' })).embeddings, [[1]])
  const ranked = await onAttic.call('inference.rerank', { query: 'a', documents: ['b'], top_n: 1 })
  assert.deepEqual(ranked.results, [{ index: 0, score: 0.5 }])
  assert.equal((await onDen.call('model.load', { model_id: 'brief' })).status, 'ready')
  await onDen.call('model.unload', { model_id: 'brief' })
  await onDen.call('model.offer', { model_id: 'brief', to: { roles: ['admin'], peers: [attic.peerId] } })
  await onDen.call('model.withdraw', { model_id: 'brief' })
  await onDen.call('mesh.rename', { name: 'house' })
  await onDen.call('mesh.rename_device', { name: 'study' })

  // Long work.
  assert.ok((await onDen.call('event.list')).items.length > 0)
  assert.ok((await onDen.call('event.query', { domain: 'mesh' })).items.length > 0)
  assert.match((await onDen.call('node.metrics')).text, /^lumos_peers 1$/m)
  const batch = { task: 'text-ranking', inputs: ['/nowhere'], out: '/nowhere/out' }
  assert.equal((await onDen.call('inference.batch', batch)).kind, 'inference.batch')
  const { id } = await onDen.call('model.check')
  const states = (await Array.fromAsync(onDen.pieces('job.show', { job_id: id }))).map(job => ({ ...job }))
  expect(states.at(-1)).toMatchObject({ id, state: 'done' })
  expect(await onDen.call('job.show', { job_id: id })).toEqual(states.at(-1))
  expect(await onDen.call('job.cancel', { job_id: id })).toEqual(states.at(-1))
  assert.ok((await onDen.call('job.list')).items.length > 0)

  // Tools of other programs: there are none here, and test/mcp/foreign.test.ts has some.
  assert.deepEqual((await onDen.call('mcp.servers')).items, [])
  await assert.rejects(onDen.call('mcp.tools', { server: 'none' }), { code: 'TOOL_NOT_FOUND' })
  await assert.rejects(onDen.call('mcp.call', { server: 'none', tool: 'a' }), { code: 'TOOL_NOT_FOUND' })

  // Weights. There is no hub here.
  const ended = async ({ job_id }: { job_id: string }) =>
    (await Array.fromAsync(onDen.pieces('job.show', { job_id }))).at(-1)
  const digits = join(import.meta.dirname, '../../models/digits-cnn')
  const importing = await onDen.call('model.import', { path: digits, name: 'digits' })
  await onDen.call('model.quantize', { model_id: 'none', name: 'none-int8' })
  assert.equal(importing.model_id, 'digits')
  expect(await ended(importing)).toMatchObject({ state: 'done', result: { model: 'digits' } })
  expect(
    await ended(await onDen.call('model.create', { name: 'other', type: 'cv', path: digits }))
  ).toMatchObject({
    state: 'done'
  })
  await assert.rejects(onDen.call('model.create', { name: 'none', type: 'llm' }), { code: 'NOT_SUPPORTED' })
  const { weights } = await onDen.call('model.get', { model_id: 'digits' })
  await until(attic, 'manifest.updated', () => attic.models().some(({ model }) => model === 'digits'))
  await assert.rejects(onAttic.call('model.load', { model_id: 'digits' }), { hint: /models pull digits/ })
  const pulling = await onAttic.call('model.pull', { ref: weights.cid })
  const pulls = (await Array.fromAsync(onAttic.pieces('job.show', { job_id: pulling.job_id }))).at(-1)
  expect(pulls).toMatchObject({
    state: 'done',
    result: { cid: weights.cid, sources: [{ from: den.peerId, bytes: weights.bytes }] }
  })
  assert.equal((await onDen.call('model.replicate', { model_id: 'digits', copies: 2 })).copies, 2)
  // The manifest of attic says it a moment later.
  const whole = async () => (await onDen.call('model.where', { model_id: weights.cid })).items.length === 2
  await vi.waitUntil(whole, WAIT)
  const { items, copies } = await onDen.call('model.where', { model_id: weights.cid })
  assert.deepEqual([items.length, copies], [2, 2])

  const seenOn = (name: EventName) =>
    [...onDen.events].flatMap(([event, data]) => (event === name ? [data] : []))
  expect(seenOn('model.created')).toMatchObject([{ modelId: 'digits' }, { modelId: 'other' }])

  // Services.
  const numbers = { service_id: 'numbers' }
  assert.deepEqual(await onDen.call('service.create', { model_id: 'digits', ...numbers }), numbers)
  assert.equal((await onDen.call('service.scale', { ...numbers, replicas: 2 })).success, true)
  expect(await onDen.call('service.get', numbers)).toMatchObject({
    replicas: 2,
    devices: [{ name: 'study' }]
  })
  assert.equal((await onDen.call('service.stop', numbers)).status, 'disabled')
  assert.equal((await onDen.call('service.start', numbers)).model_id, 'digits')
  assert.equal((await onDen.call('service.list', { model_id: 'digits' })).services.length, 1)
  assert.equal((await onDen.call('service.recommend', { model_id: 'digits' })).resource_class, 'small')
  assert.equal((await onDen.call('service.delete', numbers)).success, true)
  await assert.rejects(onAttic.call('model.search', { query: 'tiny', limit: 1 }), { code: 'ORIGIN_FAILED' })
  expect(await ended(await onDen.call('model.verify', { model_id: 'digits' }))).toMatchObject({
    result: { valid: true, issues: [] }
  })
  const exporting = await onDen.call('model.export', { model_id: 'digits', path: join(engines, 'out') })
  expect(await ended(exporting)).toMatchObject({ state: 'done' })
  assert.equal((await onDen.call('model.pin', { model_id: 'digits' })).pinned, true)
  assert.equal((await onDen.call('model.unpin', { model_id: 'digits' })).pinned, false)
  assert.equal((await onDen.call('model.du')).models.length, 2)
  assert.equal((await onDen.call('model.delete', { model_id: 'digits' })).success, true)
  assert.equal((await onDen.call('model.gc')).bytes, 0)
  expect(seenOn('model.verified')).toMatchObject([{ modelId: 'digits', valid: true, issues: [] }])
  expect(seenOn('model.deleted')).toEqual([{ modelId: 'digits' }])

  // Engines. There is no registry here.
  assert((await onDen.call('engine.list')).items.length > 1)
  assert.equal((await onDen.call('engine.list', { status: 'absent' })).items.length, 1)
  assert.equal((await onDen.call('engine.get', { name: 'llama-cpp' })).status, 'absent')
  const { tasks, max_concurrent } = await onDen.call('engine.features', { name: 'onnx' })
  assert.ok(tasks.includes('image-classification') && max_concurrent > 0)
  const installing = await onDen.call('engine.install', { name: 'llama-cpp' })
  const installs = await Array.fromAsync(onDen.pieces('job.show', { job_id: installing.id }))
  expect(installs.at(-1)).toMatchObject({ state: 'failed', error: { code: 'ENGINE_FAILED' } })
  assert.equal((await onDen.call('engine.remove', { name: 'llama-cpp' })).status, 'absent')
  assert.equal((await onDen.call('engine.stop', { name: 'onnx' })).status, 'stopped')
  assert.equal((await onDen.call('engine.start', { name: 'onnx' })).status, 'ready')
  assert.equal((await onDen.call('engine.restart', { name: 'onnx' })).status, 'ready')

  // The machine.
  const { devices } = await onDen.call('device.list')
  assert.deepEqual((await onDen.call('device.detect')).devices, devices)
  const { id: processor } = await onDen.call('device.info')
  assert.deepEqual([processor, devices[0].id], ['cpu', 'cpu'])
  const { memory_used, memory_total } = await onDen.call('device.metrics', { device_id: 'cpu' })
  assert.ok(memory_used > 0 && memory_used <= memory_total)
  assert.equal((await onDen.call('device.health')).status, 'healthy')
  const watts = { device_id: 'cpu', limit_watts: 10 }
  await assert.rejects(onDen.call('device.set_power_limit', watts), { code: 'NOT_SUPPORTED', hint: /./ })
  for (const unit of ['device.info', 'device.metrics', 'device.health'])
    await assert.rejects(onDen.call(unit, { device_id: 'gpu99' }), { code: 'INVALID_INPUT', hint: /cpu/ })

  // What is kept free of models.
  const training = { name: 'training', type: 'program', memory_bytes: 1024 }
  await assert.rejects(onDen.call('resource.allocate', { ...training, gpu_fraction: 0.5 }), {
    code: 'NOT_SUPPORTED'
  })
  const { slot_id } = await onDen.call('resource.allocate', training)
  await onDen.call('resource.update_slot', { slot_id, memory_limit: 2048 })
  expect((await onDen.call('resource.allocations', { slot_id })).allocations).toMatchObject([
    { name: 'training', type: 'program', memory_bytes: 2048, priority: 5 }
  ])
  assert.equal((await onDen.call('resource.budget')).pools.slots.used, 2048)
  const { slots, storage, models: answering } = await onDen.call('resource.status')
  assert.deepEqual([slots.length, answering[0].model_id], [1, 'brief'])
  assert.ok(storage.free > 0)
  const most = { memory_bytes: 2 ** 48 }
  assert.equal((await onDen.call('resource.can_allocate', most)).can_allocate, false)
  await assert.rejects(onDen.call('resource.allocate', { ...training, ...most }), { code: 'NO_CAPACITY' })
  await onDen.call('resource.release', { slot_id })
  await assert.rejects(onDen.call('resource.release', { slot_id }), { code: 'INVALID_INPUT' })

  // Memory.
  const home = { space: 'home' }
  await onDen.call('memory.create', { name: 'home' })
  const changes = onDen.pieces('memory.watch', home)
  const change = changes.next()
  await seen(change, () => onDen.call('memory.set', { ...home, key: 'wifi', value: { is_ssid: 'blue' } }))
  expect((await change).value).toMatchObject({ doc: 'default', keys: ['wifi'], writer: den.peerId })
  await changes.return(undefined)
  expect(await onDen.call('memory.get', { ...home, key: 'wifi' })).toEqual({ value: { is_ssid: 'blue' } })
  const next = onDen.call('memory.watch', home)
  await seen(next, () => onDen.call('memory.unset', { ...home, key: 'wifi' }))
  assert.equal((await next).doc, 'default')
  await assert.rejects(onDen.call('memory.get', { ...home, key: 'wifi' }), {
    code: 'MEMORY_NOT_FOUND',
    hint: /memory search home WORDS.*memory open home default/
  })
  // A device that was removed from the mesh is named by its PeerId.
  const removed = '12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X'
  await onDen.call('memory.exclude', { ...home, peer: removed })
  await onDen.call('memory.unshare', { ...home, peer: removed })
  await assert.rejects(onDen.call('memory.share', { ...home, peer: removed }), { code: 'PEER_NOT_FOUND' })
  await assert.rejects(onDen.call('memory.exclude', { ...home, peer: 'dan' }), {
    code: 'PEER_NOT_FOUND',
    hint: /by its PeerId/
  })
  const { id: entry } = await onDen.call('memory.append', { ...home, doc: 'log', value: 'fed the cat' })
  await onDen.call('memory.append', { ...home, doc: 'log', value: 'and the dog' })
  await onDen.call('memory.remove', { ...home, doc: 'log', id: entry })
  expect((await onDen.call('memory.open', { ...home, doc: 'log' })).entries).toMatchObject([
    { value: 'and the dog', writer: den.peerId }
  ])
  await onDen.call('memory.append', { ...home, doc: 'chat', value: 'hello', kind: 'thread' })
  await onDen.call('memory.append', { ...home, doc: 'chat', value: 'and again' })
  expect(await onDen.call('memory.open', { ...home, doc: 'chat', last: 1 })).toMatchObject({
    entries: [{ value: 'and again' }],
    earlier: 1
  })
  assert.equal((await onDen.call('memory.open', { ...home, doc: 'chat' })).entries.length, 2)
  await onDen.call('memory.forget', { ...home, doc: 'chat' })
  await assert.rejects(onDen.call('memory.task', home), { message: /needs a title/ })
  const { id: task } = await onDen.call('memory.task', { ...home, title: 'buy milk' })
  await onDen.call('memory.task', { ...home, id: task, state: 'done' })
  expect((await onDen.call('memory.open', { ...home, doc: 'tasks' })).tasks).toMatchObject([
    { id: task, title: 'buy milk', state: 'done' }
  ])
  await onDen.call('memory.edit', { ...home, doc: 'page', text: 'a b' })
  await onDen.call('memory.edit', { ...home, doc: 'page', text: 'a new b' })
  assert.equal((await onDen.call('memory.open', { ...home, doc: 'page' })).text, 'a new b')
  await assert.rejects(onDen.call('memory.edit', { ...home, doc: 'log', text: 'x' }), {
    code: 'INVALID_INPUT'
  })
  const file = { ...home, name: 'door.md', text: '# Door\n\nThe door is blue.' }
  expect(await onDen.call('memory.add', file)).toMatchObject({ status: 'added', pieces: 1, written: 1 })
  expect(await onDen.call('memory.add', file)).toMatchObject({ status: 'unchanged', written: 0 })
  await assert.rejects(onDen.call('memory.add', { ...file, content: 'AA==' }), { code: 'INVALID_INPUT' })
  await assert.rejects(onDen.call('memory.add', { ...home, name: 'x.png', content: 'AA==' }), {
    code: 'MEDIA_TYPE_UNSUPPORTED'
  })
  expect((await onDen.call('memory.sources', home)).items).toMatchObject([
    { name: 'door.md', title: 'Door', writer: den.peerId, whole: true }
  ])
  const quoted = await onDen.call('memory.search', { query: 'door', spaces: ['home'], limit: 10 })
  expect(quoted.items).toContainEqual(
    expect.objectContaining({
      text: '# Door\n\nThe door is blue.',
      source: expect.objectContaining({
        writer: den.peerId,
        name: 'door.md',
        type: 'text/markdown',
        heading: 'Door',
        lines: [1, 3]
      })
    })
  )
  assert.equal((await onDen.call('memory.remove_source', { ...home, name: 'door.md' })).removed, true)
  assert.equal((await onDen.call('memory.docs', home)).items.length, 3)
  const two = [
    { type: 'set', key: 'a', value: 1 },
    { type: 'set', key: 'b', value: 2 }
  ]
  await onDen.call('memory.write', { ...home, doc: 'default', changes: two })
  const half = [
    { type: 'unset', key: 'a' },
    { type: 'append', value: 'to facts' }
  ]
  await assert.rejects(onDen.call('memory.write', { ...home, doc: 'default', changes: half }), {
    code: 'INVALID_INPUT'
  })
  assert.deepEqual((await onDen.call('memory.open', home)).facts, { a: 1, b: 2 })
  assert.equal((await onDen.call('memory.docs', home)).items.length, 4)
  const { items: said } = await onDen.call('memory.history', home)
  expect(said.at(-1)).toMatchObject({ writer: den.peerId, writer_name: 'study', keys: ['wifi'] })
  assert.ok(said.length >= 8)
  const sought = await onDen.call('memory.search', {
    ...{ query: 'new', spaces: ['home'], limit: 1 },
    // Vectors of this model are all alike.
    mode: 'text'
  })
  expect(sought.items).toMatchObject([
    { space: 'home', doc: 'page', kind: 'notes', key: null, text: 'a new b' }
  ])
  assert.equal((await onDen.call('memory.list')).items.length, 1)
  const shared = await onDen.call('memory.share', { ...home, peer: 'attic', right: 'write' })
  expect(shared.grants).toMatchObject([{ peer_id: attic.peerId, name: 'attic', role: null, right: 'write' }])
  await assert.rejects(onDen.call('memory.share', home), { code: 'INVALID_INPUT' })
  await assert.rejects(onDen.call('memory.share', { ...home, peer: 'none' }), { code: 'PEER_NOT_FOUND' })
  await vi.waitUntil(async () => (await onAttic.call('memory.list')).items[0]?.docs === 4, WAIT)
  const { hash } = await onDen.call('memory.status', home)
  assert.equal((await onAttic.call('memory.status', home)).hash, hash)
  await onDen.call('memory.exclude', { ...home, peer: 'attic' })
  expect((await onDen.call('memory.unshare', { ...home, peer: 'attic' })).grants).toEqual([])
  const { text: written } = await onDen.call('memory.export', { ...home, format: 'markdown' })
  const edited = (written as string).replace('a new b', 'by a person')
  assert.equal(
    (await onDen.call('memory.import', { name: 'read', text: edited, format: 'markdown' })).docs,
    4
  )
  assert.equal((await onDen.call('memory.open', { space: 'read', doc: 'page' })).text, 'by a person')
  await onDen.call('memory.forget', { space: 'read' })
  const wrong = `${written}\n## more (facts)\n- **constructor**: 1\n`
  await assert.rejects(onDen.call('memory.import', { name: 'wrong', text: wrong, format: 'markdown' }), {
    code: 'INVALID_INPUT',
    message: new RegExp(`^Line ${wrong.split('\n').length - 1}: `)
  })
  await assert.rejects(onDen.call('memory.status', { space: 'wrong' }), { code: 'MEMORY_NOT_FOUND' })
  const { text } = await onDen.call('memory.export', home)
  assert.equal((await onDen.call('memory.import', { name: 'copy', text })).docs, 4)
  expect(await onDen.call('memory.verify', home)).toMatchObject({ problems: [] })
  await onDen.call('memory.compact', home)
  expect(await onDen.call('memory.hold', { ...home, part: 'newest' })).toMatchObject({
    ...{ part: 'newest', log: { here: 0 } }
  })
  await onDen.call('memory.forget', { ...home, doc: 'log' })
  await onDen.call('memory.forget', { space: 'copy' })
  assert.equal((await onDen.call('memory.list')).items.length, 1)

  // Apart, and together again by a code.
  await onAttic.call('mesh.leave')
  await until(attic, 'mesh.seen', () => attic.mesh.nearby().length === 1)
  await assert.rejects(joined('mesh.deny', onAttic.call('mesh.join_nearby')), { code: 'DENIED' })
  const { code } = await onDen.call('mesh.invite')
  await onAttic.call('mesh.join', { code })
  await onDen.call('mesh.revoke', { peer: 'attic' })
  await onAttic.call('mesh.renew_identity')
  const { root_key } = await onDen.call('mesh.export_root')
  await onDen.call('mesh.import_root', { root_key })

  // By hand, so far.
  const key = 'models.keepAlive'
  assert.equal((await onDen.call('config.set', { key, value: '10m' })).by_programs, true)
  assert.match((await onDen.call('config.get', { key })).origin, /lumos\.yaml:2$/)
  assert.equal((await onDen.call('config.unset', { key })).origin, 'default')
  const { items: all } = await onDen.call('config.show')
  assert.equal(all.find((one: { key: string }) => one.key === 'name').value, 'study')
  assert.deepEqual((await onDen.call('log.tail')).items, [
    { time: null, level: 'warn', message: 'well', fields: { peerId: 'p' } }
  ])
  const tail = onDen.pieces('log.tail', { lines: 1 })
  assert.equal(((await tail.next()).value as unknown as { message: string }).message, 'well')
  await tail.return(undefined)
  const checks = (await onDen.call('doctor.check')).items.map(({ check }: { check: string }) => check)
  for (const check of ['runtime', 'home', 'config', 'node', 'storage', 'models'])
    assert.ok(checks.includes(check))
  assert.equal((await onDen.call('node.drain')).drained, true)
  assert.equal((await onDen.call('node.status')).drained, true)
  assert.equal((await onDen.call('device.health')).status, 'degraded')
  assert.equal((await onDen.call('node.undrain')).drained, false)

  // By their addresses, too: with what their units give.
  assert.ok((await onDen.call('resource.list')).items.length > 20)
  const spaces = await onDen.call('resource.read', { uri: 'lumos://memory' })
  assert.deepEqual(spaces.items, (await onDen.call('memory.list')).items)
  assert.equal((await onDen.call('resource.watch', { uri: 'lumos://engines' })).type, 'snapshot')
  const jobs = onDen.pieces('resource.watch', { uri: 'lumos://jobs' })
  assert.equal((await jobs.next()).value!.type, 'snapshot')
  await onDen.call('model.check')
  assert.notEqual((await jobs.next()).value!.type, 'heartbeat')
  await jobs.return(undefined)
  await onDen.call('gateway.rotate_token')
  await onDen.call('gateway.link')
  assert.equal((await onDen.call('gateway.grpc')).address, null)
  assert.equal((await onDen.call('gateway.adopted')).items.length, 1)
  await onDen.call('gateway.adopt', { product: 'ollama' })
  await onDen.call('gateway.release', { product: 'ollama' })
  await onDen.call('token.create', { name: 'one', permissions: ['read'], expires_in: '1h' })
  await onDen.call('token.list')
  await onDen.call('token.revoke', { name: 'one' })
  await onDen.call('node.stop')

  assert.deepEqual(
    onDen.names.filter(name => !called.has(name)),
    []
  )
})
