/** Models of speech in both engines. Their weights are random, or made by hand: they show that a model runs, and no more. */

import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { access, mkdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, it } from 'vitest'
import { samplesOf } from '../../capabilities/engines/audio/recording.ts'
import type { Engine } from '../../capabilities/host/engine.ts'
import { readModels } from '../../capabilities/models/read-models.ts'
import { Answer } from '../../interface/answer.ts'
import { EngineFailedError } from '../../interface/errors.ts'
import { prepare } from '../../interface/prepare.ts'
import { accumulate, type TaskName, type TaskOutput } from '../../interface/tasks/index.ts'
import { knows, startNode } from '../node/mesh-nodes.ts'
import { enginesHere } from './engines-here.ts'
import { hearsLoud } from './onnx-graph.ts'
import { errorOf, outputOf } from './parts.ts'
import { tone, wavFile } from './wav-files.ts'

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url))
const { folder, served } = enginesHere('lumos-speech-')

const requestOf = (task: TaskName, input: object, params: object = {}) =>
  prepare({ id: randomUUID(), task, input, params: { ...params }, budgetMs: 20_000 })
const answer = (engine: Engine, task: TaskName, input: object, params: object = {}) =>
  engine.infer(requestOf(task, input, params))

/** Each chunk is held to what a node takes from an engine. */
async function ask<T extends TaskName>(engine: Engine, task: T, input: object, params: object = {}) {
  const request = requestOf(task, input, params)
  const held = new Answer(request, what => new EngineFailedError(what))
  const whole = accumulate(task)
  for await (const chunk of engine.infer(request)) whole.add(held.accept(chunk))
  assert.ok(held.ended)
  return whole.output() as TaskOutput<T>
}

describe('transformers', () => {
  it('writes down a recording with a model of letters, with times of words that lie within it', async () => {
    const model = await served(join(FIXTURES, 'speech-models/rand-ctc'))
    const audio = await readFile(join(FIXTURES, 'audio/two-sentences.wav'))
    const task = 'automatic-speech-recognition'
    const plain = await ask(model, task, { audio })
    assert.deepEqual([typeof plain.text, plain.segments, plain.durationMs], ['string', undefined, 5862])
    const words = await ask(model, task, { audio }, { timestamps: 'word' })
    assert.equal(words.text, plain.text)
    assert.equal(words.segments!.map(({ text }) => text).join(' '), plain.text)
    let before = 0
    for (const { startMs, endMs } of words.segments!) {
      assert.ok(before <= startMs && startMs < endMs && endMs <= 5862)
      before = endMs
    }
    const brief = await ask(model, task, { audio: wavFile({ body: new Uint8Array(2) }) })
    assert.equal(brief.durationMs, 0)
    const translated = await errorOf(answer(model, task, { audio }, { task: 'translate' }))
    assert.deepEqual(
      [translated.code, /does not translate/.test(translated.message)],
      ['INVALID_INPUT', true]
    )
    const cut = await errorOf(answer(model, task, { audio: audio.subarray(0, 20_000) }))
    assert.match(cut.message, /it is cut/)
  })

  it('writes down a minute in stretches', async () => {
    const model = await served(join(FIXTURES, 'speech-models/rand-ctc'))
    const audio = wavFile({ rate: 8000, body: tone(300, { rate: 8000, seconds: 60 }) })
    const { durationMs, segments } = await ask(
      model,
      'automatic-speech-recognition',
      { audio },
      { timestamps: 'segment' }
    )
    assert.equal(durationMs, 60_000)
    assert.ok(segments!.every(({ endMs }) => endMs <= 60_000))
  })

  it('speaks a text sentence by sentence, as a WAV file in pieces', async () => {
    const model = await served(join(FIXTURES, 'speech-models/rand-vits'))
    const long = 'This is a sentence of nothing. '.repeat(60)
    const { mime, audio } = await ask(model, 'text-to-speech', { text: long })
    assert.equal(mime, 'audio/wav')
    const spoken = await samplesOf(audio, { rate: 16_000 })
    const one = await ask(model, 'text-to-speech', { text: 'This is a sentence of nothing.' })
    assert.equal(spoken.length, 60 * (await samplesOf(one.audio, { rate: 16_000 })).length)
    for (const [params, why] of [
      [{ voice: 'anna' }, /one voice only/],
      [{ speed: 2 }, /own speed only/]
    ] as const) {
      const { code, message } = await errorOf(answer(model, 'text-to-speech', { text: 'Hi.' }, params))
      assert.equal(code, 'INVALID_INPUT')
      assert.match(message, why)
    }
    const silent = await errorOf(answer(model, 'text-to-speech', { text: ' \n ' }))
    assert.match(silent.message, /nothing that this model speaks/)
  })
})

describe('another device of the mesh', () => {
  it('speaks and writes down with its models: the audio goes over in pieces, whole and in order', async () => {
    const attic = await startNode('attic', [], {
      settings: { 'models.directories': [join(FIXTURES, 'speech-models')] }
    })
    const desk = await startNode('desk', [attic])
    await knows(desk, attic)
    const text = 'This is a sentence of nothing. '.repeat(200)
    const whole = accumulate('text-to-speech')
    let pieces = 0
    for await (const chunk of desk.infer({ task: 'text-to-speech', model: 'rand-vits', input: { text } })) {
      if (chunk.type === 'data') pieces++
      whole.add(chunk)
    }
    const { audio } = whole.output() as TaskOutput<'text-to-speech'>
    assert.ok(pieces > 1, `${pieces} pieces of ${audio.byteLength} bytes`)
    await samplesOf(audio, { rate: 16_000 })
    const input = { audio: await readFile(join(FIXTURES, 'audio/two-sentences.wav')) }
    const heard = await outputOf<'automatic-speech-recognition'>(
      desk.infer({ task: 'automatic-speech-recognition', input })
    )
    assert.equal(heard.durationMs, 5862)
    await assert.rejects(
      outputOf(desk.infer({ task: 'automatic-speech-recognition', input: { audio: new Uint8Array([1]) } })),
      /is no WAV file/
    )
  })
})

const hears = (more: object = {}) => ({
  ...{ name: 'hears', version: '1', description: '', model_type: 'vad', task: 'voice-activity-detection' },
  runtimes: { onnx: { available: true, files: ['onnx/model.onnx'] } },
  metadata: { license: '', author: '', created_at: '' },
  inputs: [
    { name: 'input', type: 'float32', shape: ['batch', 'samples'] },
    { name: 'state', type: 'float32', shape: [1, 'batch'] },
    { name: 'sr', type: 'int64', shape: [] }
  ],
  outputs: [
    { name: 'output', type: 'float32', shape: ['batch', 1] },
    { name: 'stateN', type: 'float32', shape: ['batch', 1] }
  ],
  voice_activity: { sample_rate: 16_000, window: 512, context: 64 },
  ...more
})

async function put(name: string, info: object, graph: Uint8Array): Promise<string> {
  await mkdir(join(folder, name, 'onnx'), { recursive: true })
  await writeFile(join(folder, name, 'model_info.json'), JSON.stringify(info))
  await writeFile(join(folder, name, 'onnx/model.onnx'), graph)
  return join(folder, name)
}

describe('onnx', () => {
  const task = 'voice-activity-detection'

  it('hears sound in silence, window by window, each with what the graph said of the one before', async () => {
    const model = await served(await put('hears', hears(), hearsLoud()))
    const silence = (windows: number) => new Uint8Array(windows * 512 * 2)
    const loud = tone(1000, { seconds: 0.512, strength: 0.9 })
    const audio = wavFile({ body: Buffer.concat([silence(10), loud, silence(20), loud, silence(10)]) })
    const { segments } = await ask(model, task, { audio })
    // Two windows after each sound: one by the context, which is part of the next window, and one by what is kept.
    assert.deepEqual(segments, [
      { startMs: 290, endMs: 926 },
      { startMs: 1442, endMs: 2078 }
    ])
    assert.deepEqual((await ask(model, task, { audio }, { threshold: 1 })).segments, [])
    const joined = await ask(model, task, { audio }, { minSilenceMs: 1000 })
    assert.deepEqual(joined.segments, [{ startMs: 290, endMs: 2078 }])
    assert.deepEqual((await ask(model, task, { audio: wavFile({}) })).segments, [])
  })

  it('refuses a graph of other names, and a state that changes its size, and goes on', async () => {
    const others = hears({ outputs: [hears().outputs[0], { name: 'more', type: 'float32', shape: [] }] })
    await assert.rejects(served(await put('others', others, hearsLoud())), /gives output,stateN, not/)
    const wide = hears({
      inputs: hears().inputs.map(input => (input.name === 'state' ? { ...input, shape: [1, 2] } : input))
    })
    const model = await served(await put('wide', wide, hearsLoud()))
    const { code, message } = await errorOf(answer(model, task, { audio: wavFile({}) }))
    assert.equal(code, 'ENGINE_FAILED')
    assert.match(message, /answered float32\[1,2\], and no 1 numbers/)
    assert.equal(model.loaded, true)
  })

  it('refuses a recording of more segments than an answer holds', async () => {
    const quick = hears({ voice_activity: { sample_rate: 48_000, window: 64 } })
    const model = await served(await put('quick', quick, hearsLoud()))
    const beat = new Uint8Array(3 * 64).fill(128).fill(255, 0, 64)
    const body = Buffer.concat(Array<Uint8Array>(10_001).fill(beat))
    const audio = wavFile({ bits: 8, rate: 48_000, body })
    const { code, message } = await errorOf(
      answer(model, task, { audio }, { minSpeechMs: 0, minSilenceMs: 0 })
    )
    assert.equal(code, 'INPUT_TOO_LARGE')
    assert.match(message, /10001 segments; the limit is 10000/)
  })

  it('is told which part of a description is missing', async () => {
    for (const [name, more, why] of [
      ['no-way', { voice_activity: undefined }, /voice_activity/],
      ['no-output', { outputs: [hears().outputs[0]] }, /an output for each state/],
      [
        'giant',
        { inputs: [hears().inputs[0], { name: 'state', type: 'float32', shape: [1e6, 1e6] }] },
        /more than 65536/
      ]
    ] as const) {
      await assert.rejects(readModels(await put(name, hears(more), hearsLoud())), why)
    }
  })

  it('tells speech from silence with the model of silero', async context => {
    const file = await sileroFile()
    if (file === undefined) {
      return context.skip(
        'not run: LUMOS_SILERO_VAD names no model, and none is installed beside this package'
      )
    }
    const silero = hears({
      name: 'silero',
      inputs: hears().inputs.map(input => (input.name === 'state' ? { ...input, shape: [2, 1, 128] } : input))
    })
    const model = await served(await put('silero', silero, await readFile(file)))
    // Spoken by espeak-ng: from 1.0 to 2.36 seconds, and from 3.36 to 4.86; by telephone, and silence around.
    const audio = await readFile(join(FIXTURES, 'audio/two-sentences.wav'))
    const { segments } = await ask(model, task, { audio }, { minSilenceMs: 500 })
    assert.equal(segments.length, 2)
    const spoken = [1000, 2357, 3357, 4862]
    for (const [at, ms] of segments.flatMap(({ startMs, endMs }) => [startMs, endMs]).entries()) {
      assert.ok(Math.abs(ms - spoken[at]!) < 250, `${ms} for ${spoken[at]}`)
    }
    const silence = wavFile({ body: new Uint8Array(3 * 32_000) })
    assert.deepEqual((await ask(model, task, { audio: silence })).segments, [])
    const hum = wavFile({ body: tone(50, { seconds: 3, strength: 0.2 }) })
    assert.deepEqual((await ask(model, task, { audio: hum })).segments, [])
  })
})

async function sileroFile(): Promise<string | undefined> {
  const named = process.env.LUMOS_SILERO_VAD
  const installed = '@livekit/agents-plugin-silero/dist/silero_vad.onnx'
  const paths = createRequire(import.meta.url).resolve.paths(installed) ?? []
  for (const path of [...(named === undefined ? [] : [named]), ...paths.map(at => join(at, installed))]) {
    const isThere = await access(path).then(
      () => true,
      () => false
    )
    if (isThere) return path
  }
  return undefined
}
