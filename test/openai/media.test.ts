/** Recordings, speech and pictures by the official client and by hand, against models that another device has. */

import assert from 'node:assert/strict'
import OpenAI, { toFile } from 'openai'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { AUDIO_BYTES_MAX } from '../../interface/tasks/audio.ts'
import {
  LISTENER,
  MediaEngine,
  mediaModels,
  PAINTER,
  SPEAKER,
  spoken,
  UNREAD,
  wavOf
} from './media-engine.ts'
import { type Devices, startDevices } from './two-devices.ts'

const engine = new MediaEngine()
let devices: Devices
let client: OpenAI
beforeAll(async () => {
  devices = await startDevices({ models: mediaModels(engine) })
  client = new OpenAI({ baseURL: devices.baseURL, apiKey: devices.token, maxRetries: 0 })
})
afterAll(() => devices[Symbol.asyncDispose]())
beforeEach(() => Object.assign(engine, { heard: {}, mime: 'audio/wav', rate: 24_000 }))

const TRANSCRIPTIONS = '/audio/transcriptions'
const SEGMENTS = [
  { startMs: 0, endMs: 1500, text: ' good\n\nday ' },
  { startMs: 3_661_001.4, endMs: 3_662_000, text: '<b>1 --> 2 & 3' }
]

it('models say what they do', async () => {
  const { body } = await devices.ask('/models')
  assert.deepEqual(
    body.data.map(({ id, tasks }: { id: string; tasks: string[] }) => [id, tasks]),
    [
      [LISTENER, ['automatic-speech-recognition']],
      [PAINTER, ['text-to-image']],
      [SPEAKER, ['text-to-speech']]
    ]
  )
})

describe('a recording', () => {
  const recording = (bytes: Uint8Array = Buffer.from('RIFF')) => toFile(bytes, 'hello.wav')

  it('is written down by another device, whatever its length', async () => {
    for (const bytes of [Buffer.from('RIFF'), Buffer.alloc(2 * 2 ** 20, 7)]) {
      const { data, response } = await client.audio.transcriptions
        .create({ model: LISTENER, file: await recording(bytes), language: 'en', temperature: 0 })
        .withResponse()
      assert.deepEqual(data, { text: `${bytes.length} bytes` })
      assert.equal(response.headers.get('x-lumos-peer'), 'attic')
      const { input, params } = engine.requests.at(-1)!
      assert.ok(Buffer.from((input as { audio: Uint8Array }).audio).equals(bytes))
      assert.deepEqual(params, { task: 'transcribe', language: 'en' })
    }
  })

  it('is translated into English', async () => {
    const { text } = await client.audio.translations.create({ model: LISTENER, file: await recording() })
    assert.equal(text, '4 bytes')
    assert.deepEqual(engine.requests.at(-1)!.params, { task: 'translate' })
  })

  it('is given with times, as text and as cues, in which words of a peer begin no cue', async () => {
    engine.heard = { text: 'good day', language: 'en', durationMs: 1500, segments: SEGMENTS }
    const asked = { model: LISTENER, file: await recording() }
    const verbose = await client.audio.transcriptions.create({ ...asked, response_format: 'verbose_json' })
    expect(verbose).toEqual({
      ...{ task: 'transcribe', language: 'en', text: 'good day', duration: 1.5 },
      segments: [
        { id: 0, start: 0, end: 1.5, text: ' good\n\nday ' },
        { id: 1, start: 3661.0014, end: 3662, text: '<b>1 --> 2 & 3' }
      ]
    })
    assert.equal(engine.requests.at(-1)!.params.timestamps, 'segment')
    const words = await client.audio.transcriptions.create({
      ...{ ...asked, response_format: 'verbose_json' as const },
      timestamp_granularities: ['word']
    })
    assert.equal(words.words![0]!.word, ' good\n\nday ')
    assert.equal(engine.requests.at(-1)!.params.timestamps, 'word')

    const formatted = (response_format: 'text' | 'srt' | 'vtt') =>
      client.audio.transcriptions.create({ ...asked, response_format })
    assert.equal(await formatted('text'), 'good day\n')
    assert.equal(
      await formatted('srt'),
      '1\n00:00:00,000 --> 00:00:01,500\ngood day\n\n2\n01:01:01,001 --> 01:01:02,000\n<b>1 -> 2 & 3\n\n'
    )
    assert.equal(
      await formatted('vtt'),
      'WEBVTT\n\n00:00:00.000 --> 00:00:01.500\ngood day\n\n01:01:01.001 --> 01:01:02.000\n&lt;b&gt;1 -&gt; 2 &amp; 3\n\n'
    )
  })

  it('is streamed as one piece', async () => {
    const stream = await client.audio.transcriptions.create({
      ...{ model: LISTENER, file: await recording(), stream: true }
    })
    assert.deepEqual(await Array.fromAsync(stream), [
      { type: 'transcript.text.delta', delta: '4 bytes' },
      { type: 'transcript.text.done', text: '4 bytes' }
    ])
  })
})

describe('a form', () => {
  const BOUNDARY = 'xYzZY'
  const TYPE = `multipart/form-data; boundary=${BOUNDARY}`
  const part = (name: string, value: string | Buffer, more = '') =>
    Buffer.concat([
      Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n`),
      Buffer.from(value),
      Buffer.from('\r\n')
    ])
  const END = Buffer.from(`--${BOUNDARY}--\r\n`)
  const MODEL = part('model', LISTENER)
  const FILE = part('file', 'RIFF', '; filename="../../etc/passwd"')
  const send = (parts: readonly Buffer[], type = TYPE, path = TRANSCRIPTIONS) =>
    devices.ask(path, undefined, {
      ...{ method: 'POST', body: Buffer.concat(parts) },
      headers: { 'content-type': type }
    })

  it('is taken in the forms that clients write, with what they add', async () => {
    for (const [parts, type] of [
      [[MODEL, FILE, END], TYPE],
      [[FILE, part('language', ''), part('chunking_strategy', 'auto'), MODEL, END], TYPE],
      [[MODEL, FILE, END], `Multipart/Form-Data; charset=utf-8; Boundary="${BOUNDARY}"`]
    ] as const) {
      const { status, text } = await send(parts, type)
      assert.deepEqual([status, text], [200, '{"text":"4 bytes"}'])
    }
  })

  it.each<[string, Buffer[], string | undefined, number, string | null, string | null]>([
    ['without a boundary', [MODEL, FILE, END], 'multipart/form-data; charset=utf-8', 400, null, null],
    ['of another boundary', [MODEL, FILE, END], 'multipart/form-data; boundary=other', 400, null, null],
    ['cut off', [MODEL, FILE], undefined, 400, null, null],
    ['cut off within its file', [MODEL, FILE.subarray(0, -5)], undefined, 400, null, null],
    ['empty', [], undefined, 400, null, null],
    ['of JSON', [Buffer.from('{}')], 'application/json', 415, 'media_type_unsupported', null],
    ['of 10,000 parts', [...Array(10_000).fill(MODEL), END], undefined, 413, 'input_too_large', null],
    [
      'of an endless field',
      [part('language', 'x'.repeat(9000)), END],
      undefined,
      413,
      'input_too_large',
      null
    ],
    ['of an endless name', [part('x'.repeat(1e6), 'x'), END], undefined, 400, null, null],
    ['of a name that is none', [part('a b', 'x'), END], undefined, 400, null, null],
    ['with a field twice', [MODEL, MODEL, FILE, END], undefined, 400, null, null],
    [
      'with a file for a model',
      [part('model', 'x', '; filename="x"'), FILE, END],
      undefined,
      400,
      'invalid_type',
      'model'
    ],
    ['with a text for a file', [MODEL, part('file', 'RIFF'), END], undefined, 400, 'invalid_value', 'file'],
    [
      'with an empty file',
      [MODEL, part('file', '', '; filename="a"'), END],
      undefined,
      400,
      'invalid_value',
      'file'
    ],
    ['without a file', [MODEL, END], undefined, 400, 'missing_required_parameter', 'file'],
    [
      'without a model',
      [part('model', ''), FILE, END],
      undefined,
      400,
      'missing_required_parameter',
      'model'
    ],
    [
      'in a format that is none',
      [MODEL, FILE, part('response_format', 'diarized_json'), END],
      undefined,
      400,
      'invalid_value',
      'response_format'
    ],
    [
      'with a prompt',
      [MODEL, FILE, part('prompt', 'Names: Ada'), END],
      undefined,
      400,
      'unsupported_parameter',
      'prompt'
    ],
    [
      'with a language that is none',
      [MODEL, FILE, part('language', 'no such'), END],
      undefined,
      400,
      'invalid_value',
      'language'
    ],
    [
      'with times for text',
      [MODEL, FILE, part('timestamp_granularities[]', 'word'), END],
      undefined,
      400,
      'invalid_value',
      'timestamp_granularities'
    ],
    [
      'of a recording that is not read',
      [MODEL, part('file', UNREAD, '; filename="x.webm"'), END],
      undefined,
      400,
      'invalid_value',
      'file'
    ],
    [
      'for cues of a model without times',
      [MODEL, FILE, part('response_format', 'srt'), END],
      undefined,
      400,
      'unsupported_value',
      'response_format'
    ],
    ['for a model that speaks', [part('model', SPEAKER), FILE, END], undefined, 404, null, 'model'],
    [
      'for a model that is not there',
      [part('model', 'x'), FILE, END],
      undefined,
      404,
      'model_not_found',
      'model'
    ]
  ])('%s is refused in OpenAI’s words', async (_, parts, type, status, code, param) => {
    const answer = await send(parts, type)
    assert.equal(answer.status, status, answer.text)
    const { message, ...error } = answer.body.error
    assert.deepEqual(error, { type: 'invalid_request_error', param, code })
    assert.match(message, /\.$/)
    assert.deepEqual(devices.errors, [])
  })

  it('that does not end is refused at its limit', async () => {
    let sent = 0
    const endless = new ReadableStream({
      pull(controller) {
        sent += 65_536
        controller.enqueue(
          sent === 65_536 ? Buffer.concat([MODEL, FILE.subarray(0, -2)]) : new Uint8Array(65_536)
        )
      }
    })
    const headers = { 'content-type': TYPE }
    const asked = devices.ask(TRANSCRIPTIONS, undefined, {
      method: 'POST',
      body: endless,
      headers,
      duplex: 'half'
    } as RequestInit)
    const { status, body } = await asked
    assert.deepEqual([status, body.error.code], [413, 'input_too_large'])
    const whole = await devices.ask(TRANSCRIPTIONS, undefined, {
      ...{ method: 'POST', headers },
      body: Buffer.alloc(AUDIO_BYTES_MAX + 2 ** 20)
    })
    assert.equal(whole.status, 413)
  })

  it('is taken by nothing else, and from no page of another origin', async () => {
    for (const path of ['/chat/completions', '/audio/speech', `/audio/transcriptions/x`]) {
      assert.equal((await send([MODEL, FILE, END], TYPE, path)).status, 415)
    }
    const { status, body } = await devices.ask(TRANSCRIPTIONS, undefined, {
      ...{ method: 'POST', body: Buffer.concat([MODEL, FILE, END]) },
      headers: { 'content-type': TYPE, origin: 'https://evil.example' }
    })
    assert.deepEqual([status, body.error.code], [403, 'denied'])
  })
})

describe('speech', () => {
  const speak = (input: string, more: object = {}) =>
    client.audio.speech.create({ model: SPEAKER, input, voice: 'alloy', ...more })

  it('comes as the bytes that another device sends', async () => {
    const response = await speak('good day', { response_format: 'wav', speed: 2 })
    assert.equal(response.headers.get('content-type'), 'audio/wav')
    assert.equal(response.headers.get('x-lumos-peer'), 'attic')
    assert.ok(Buffer.from(await response.arrayBuffer()).equals(wavOf(spoken('good day'))))
    assert.deepEqual(engine.requests.at(-1)!.params, { voice: 'alloy', speed: 2 })
    const byDefault = await speak('good day')
    assert.equal(byDefault.headers.get('content-type'), 'audio/wav')
  })

  it('is with the voice of the model where it does not have one of OpenAI; another voice is refused', async () => {
    assert.equal((await speak('my voice only', { speed: 2 })).status, 200)
    assert.deepEqual(engine.requests.at(-1)!.params, { speed: 2 })
    await assert.rejects(speak('my voice only', { voice: 'anna' }), { status: 400 })
  })

  it('comes as bare samples of 24,000 a second, whatever those of the model are', async () => {
    const samples = async (): Promise<number[]> => {
      const response = await speak('aba', { response_format: 'pcm' })
      assert.equal(response.headers.get('content-type'), 'audio/pcm')
      const bytes = Buffer.from(await response.arrayBuffer())
      return Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readInt16LE(i * 2))
    }
    assert.deepEqual(await samples(), spoken('aba'))
    engine.rate = 12_000
    assert.deepEqual(await samples(), [9700, 9750, 9800, 9750, 9700])
    engine.rate = 48_000
    assert.deepEqual(await samples(), [9700, 9700])
  })

  it.each([
    ['a format that no engine writes', { response_format: 'mp3' }, 400, 'response_format', /'wav' and 'pcm'/],
    ['no text', { input: '' }, 400, 'input', /short/],
    ['too long a text', { input: 'x'.repeat(8193) }, 400, 'input', /8192/],
    ['a voice that is none', { voice: '../x' }, 400, 'voice', /voice/],
    ['a way to speak', { instructions: 'Whisper.' }, 400, 'instructions', /not supported/],
    ['a model that listens', { model: LISTENER }, 404, 'model', /audio\/speech/]
  ])('for %s is refused', async (_, more, status, param, words) => {
    const answer = await devices.ask('/audio/speech', { model: SPEAKER, input: 'a', ...more })
    assert.deepEqual([answer.status, answer.body.error.param], [status, param], answer.text)
    assert.match(answer.body.error.message, words)
  })

  it('in another form than WAV is a failure of the model, which no page shows', async () => {
    engine.mime = 'text/html'
    for (const response_format of ['wav', 'pcm']) {
      const { status, body } = await devices.ask('/audio/speech', {
        model: SPEAKER,
        input: 'a',
        response_format
      })
      assert.deepEqual([status, body.error.code], [502, 'engine_failed'])
      assert.match(body.error.message, /text\/html/)
    }
  })

  it('that is cut ends its connection', async () => {
    await assert.rejects(async () => (await speak('fail now, in the middle of this')).arrayBuffer())
    assert.deepEqual(devices.errors, [])
  })
})

describe('pictures', () => {
  it('come in base64, as many and as large as was asked', async () => {
    const { data } = await client.images.generate({
      ...{ model: PAINTER, prompt: 'a lighthouse', n: 2, size: '512x512', quality: 'standard' },
      ...({ seed: 7, negative_prompt: 'fog' } as object)
    })
    assert.deepEqual(
      data!.map(({ b64_json }) => Buffer.from(b64_json!, 'base64').toString()),
      ['picture 0', 'picture 1']
    )
    const params = { count: 2, width: 512, height: 512, seed: 7, negativePrompt: 'fog' }
    assert.deepEqual(engine.requests.at(-1)!.params, params)
    await client.images.generate({ model: PAINTER, prompt: 'a', size: 'auto' })
    assert.deepEqual(engine.requests.at(-1)!.params, { count: 1 })
  })

  it.each([
    ['under a URL', { response_format: 'url' }, 400, 'response_format'],
    ['of no size', { size: 'large' }, 400, 'size'],
    ['of a size that no model makes', { size: '9999x16' }, 400, 'size'],
    ['in a number that no request has', { n: 9 }, 400, 'n'],
    ['of nothing', { prompt: '' }, 400, 'prompt'],
    ['in a file of a kind', { output_format: 'webp' }, 400, 'output_format'],
    ['of a model that speaks', { model: SPEAKER }, 404, 'model']
  ])('%s are refused', async (_, more, status, param) => {
    const answer = await devices.ask('/images/generations', { model: PAINTER, prompt: 'a', ...more })
    assert.deepEqual([answer.status, answer.body.error.param], [status, param], answer.text)
  })
})

describe('the media of a kept answer', () => {
  const media = (id: string, part: string | number) => devices.ask(`/../api/v2/answers/${id}/media/${part}`)
  const spokenBy = async () => {
    const question = { task: 'text-to-speech', input: { text: 'good day' } }
    const { headers, text } = await devices.ask('/../api/v2/stream', {
      unit: 'inference.run',
      input: question
    })
    const pieces = [...text.matchAll(/^data: ({"type":"data".*)$/gm)].map(([, json]) => JSON.parse(json!))
    return { id: headers.get('x-lumos-answer')!, pieces }
  }

  it('comes as the bytes that a stream has in base64', async () => {
    const { id, pieces } = await spokenBy()
    const wav = wavOf(spoken('good day'))
    assert.ok(Buffer.concat(pieces.map(({ bytes }) => Buffer.from(bytes, 'base64'))).equals(wav))
    const response = await fetch(`${devices.baseURL}/../api/v2/answers/${id}/media/0`, {
      headers: { authorization: `Bearer ${devices.token}` }
    })
    assert.equal(response.headers.get('content-type'), 'audio/wav')
    assert.ok(Buffer.from(await response.arrayBuffer()).equals(wav))
    for (const [part, status] of [
      ['1', 404],
      ['x', 400]
    ] as const) {
      assert.equal((await media(id, part)).status, status)
    }
    assert.equal(
      (
        await media(
          id.replace(/^./, digit => (digit === '0' ? '1' : '0')),
          0
        )
      ).status,
      404
    )
  })

  it.each(['text/html', 'image/svg+xml'])('runs in no browser: %s', async mime => {
    engine.mime = mime
    const { headers } = await media((await spokenBy()).id, 0)
    assert.equal(headers.get('content-type'), 'application/octet-stream')
    assert.equal(headers.get('content-disposition'), 'attachment')
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.match(headers.get('content-security-policy')!, /sandbox/)
  })
})
