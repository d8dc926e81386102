/** A hand-made client of the Open Inference Protocol, against a graph that another device has. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EMBEDDER } from '../openai/scripted-engine.ts'
import { type Devices, startDevices } from '../openai/two-devices.ts'

const MODEL = 'digits-cnn'
let devices: Devices
beforeAll(async () => {
  devices = await startDevices({
    directories: [join(import.meta.dirname, '../../models')],
    aliases: { 'org/digits:1': MODEL }
  })
})
afterAll(() => devices[Symbol.asyncDispose]())

const ask = async (path: string, body?: unknown, headers: Record<string, string> = {}) => {
  const url = devices.baseURL.replace(/v1$/, `v2${path}`)
  const method = body === undefined ? 'GET' : 'POST'
  const response = await fetch(url, {
    method,
    headers: { authorization: `Bearer ${devices.token}`, 'content-type': 'application/json', ...headers },
    ...(body !== undefined && {
      body:
        body instanceof Uint8Array
          ? Buffer.from(body)
          : typeof body === 'string'
            ? body
            : JSON.stringify(body)
    })
  })
  const bytes = Buffer.from(await response.arrayBuffer())
  const isJson = response.headers.get('content-type') === 'application/json'
  return {
    status: response.status,
    headers: response.headers,
    bytes,
    body: isJson ? JSON.parse(bytes.toString()) : undefined
  }
}

const PIXELS = Array.from({ length: 64 }, (_, i) => (i % 7) / 7)
const image = (more: object = {}) => ({
  name: 'image',
  datatype: 'FP32',
  shape: [1, 1, 8, 8],
  data: PIXELS,
  ...more
})
const INFER = `/models/${MODEL}/infer`
const withBytes = (head: object, bytes: Buffer) => {
  const json = Buffer.from(JSON.stringify(head))
  const headers = {
    'content-type': 'application/octet-stream',
    'inference-header-content-length': String(json.length)
  }
  return [Buffer.concat([json, bytes]), headers] as const
}
const FLOATS = Buffer.from(Float32Array.from(PIXELS).buffer)

it('says of the server and of a model what the protocol asks for', async () => {
  expect((await ask('')).body).toMatchObject({ name: 'lumos-node', extensions: ['binary_tensor_data'] })
  assert.deepEqual((await ask('/health/live')).body, { live: true })
  assert.deepEqual((await ask('/health/ready')).body, { ready: true })
  for (const name of [MODEL, encodeURIComponent('org/digits:1'), 'org/digits:1']) {
    for (const version of ['', '/versions/1']) {
      const { body } = await ask(`/models/${name}${version}`)
      expect(body).toMatchObject({ name: MODEL, versions: ['1'] })
      assert.deepEqual((await ask(`/models/${name}${version}/ready`)).body, { name: MODEL, ready: true })
    }
  }
})

describe('an inference', () => {
  it('is the same with flat data, nested data and bytes, in and out', async () => {
    const flat = await ask(INFER, { id: '42', inputs: [image()] })
    assert.equal(flat.status, 200, flat.bytes.toString())
    expect(flat.body).toMatchObject({ model_name: MODEL, model_version: '1', id: '42' })
    const [output] = flat.body.outputs
    expect(output).toMatchObject({ name: 'logits', datatype: 'FP32', shape: [1, 10] })
    assert.equal(output.data.length, 10)
    assert.equal(flat.headers.get('x-lumos-peer'), 'attic')

    const rows = Array.from({ length: 8 }, (_, row) => PIXELS.slice(row * 8, row * 8 + 8))
    const nested = await ask(`/models/${MODEL}/versions/1/infer`, {
      inputs: [image({ data: [[rows]] })],
      outputs: [{ name: 'logits' }]
    })
    assert.deepEqual(nested.body.outputs, [output])

    const head = {
      inputs: [{ ...image(), data: undefined, parameters: { binary_data_size: FLOATS.length } }],
      outputs: [{ name: 'logits', parameters: { binary_data: true } }]
    }
    const raw = await ask(INFER, ...withBytes(head, FLOATS))
    assert.equal(raw.status, 200, raw.bytes.toString())
    const length = Number(raw.headers.get('inference-header-content-length'))
    const answer = JSON.parse(raw.bytes.toString('utf8', 0, length))
    expect(answer.outputs).toMatchObject([
      { name: 'logits', datatype: 'FP32', parameters: { binary_data_size: 40 } }
    ])
    const rest = raw.bytes.subarray(length)
    assert.deepEqual(
      Array.from({ length: 10 }, (_, i) => rest.readFloatLE(i * 4)),
      output.data.map(Math.fround)
    )
  })

  it.each<[words: RegExp, body: unknown]>([
    [/inputs must be a list/, {}],
    [/inputs\[0\]\.datatype must be one of BOOL/, { inputs: [image({ datatype: 'BYTES' })] }],
    [/inputs\[0\]\.datatype must be one of BOOL/, { inputs: [image({ datatype: 'toString' })] }],
    [/inputs\[0\]\.shape must be a list/, { inputs: [image({ shape: [-1] })] }],
    [/64 of the 128 values/, { inputs: [image({ shape: [2, 1, 8, 8] })] }],
    [/more than the 32 values/, { inputs: [image({ shape: [32] })] }],
    [/a value that its datatype has not/, { inputs: [image({ data: [...PIXELS.slice(1), 'x'] })] }],
    [
      /a value that its datatype has not/,
      { inputs: [image({ datatype: 'UINT8', data: PIXELS.map(() => 256) })] }
    ],
    [/no form in JSON/, { inputs: [image({ datatype: 'FP16' })] }],
    [/inputs\[1\]\.name is there twice/, { inputs: [image(), image()] }],
    [/inputs\[0\]\.name must be a text/, { inputs: [image({ name: '__proto__' })] }],
    [/binary_data_size must be 256/, { inputs: [{ ...image(), parameters: { binary_data_size: 256 } }] }],
    [/gives no output other/, { inputs: [image()], outputs: [{ name: 'other' }] }],
    [/logits is asked for twice/, { inputs: [image()], outputs: [{ name: 'logits' }, { name: 'logits' }] }],
    [/must be a JSON object/, []],
    [/not JSON/, '{"inputs":']
  ])('that is wrong is refused: %s', async (words, body) => {
    const answer = await ask(INFER, body)
    assert.equal(answer.status, 400, answer.bytes.toString())
    assert.deepEqual(Object.keys(answer.body), ['error'])
    assert.match(answer.body.error, words)
  })

  it('that is too large, too deep, or longer than it says is refused before a device is asked', async () => {
    const deep = `{"inputs":[{"name":"image","datatype":"FP32","shape":[1],"data":${'['.repeat(50_000)}1${']'.repeat(50_000)}}]}`
    assert.match((await ask(INFER, deep)).body.error, /nested more than 16 deep/)
    const many = await ask(INFER, `{"inputs":[{"data":[${'[],'.repeat(200_000)}[]]}]}`)
    assert.deepEqual([many.status, /flat list/.test(many.body.error)], [413, true])
    const huge = await ask(INFER, { inputs: [image({ shape: [2 ** 31 - 1, 2 ** 31 - 1] })] })
    assert.equal(huge.status, 413)
    const [body, headers] = withBytes({ inputs: [image()] }, FLOATS)
    assert.match((await ask(INFER, body, headers)).body.error, /256 bytes that no input names/)
    for (const length of ['9'.repeat(9), '-1', 'x', '60000']) {
      const { status } = await ask(INFER, body, { ...headers, 'inference-header-content-length': length })
      assert.equal(status, 400)
    }
    assert.equal((await ask(INFER, body, { 'content-type': 'application/octet-stream' })).status, 415)
    assert.deepEqual(devices.errors, [])
  })

  it('of a model that is not there, for something else, or of another version is 404', async () => {
    for (const path of [
      '/models/no%2Fsuch/infer',
      `/models/${MODEL}/versions/2/infer`,
      '/models/tiny-embed/infer'
    ]) {
      const { status, body } = await ask(path, { inputs: [image()] })
      assert.deepEqual([status, typeof body.error], [404, 'string'])
    }
    for (const path of [`/models/${EMBEDDER}`, '/models/', '/repository', '/models/%ff/ready'])
      assert.equal((await ask(path)).status, 404)
    assert.equal((await ask(INFER)).status, 405)
  })

  it('without the token, or from a page, is refused in the same form', async () => {
    const none = await ask(INFER, { inputs: [image()] }, { authorization: '' })
    const page = await ask(INFER, { inputs: [image()] }, { origin: 'https://evil.example' })
    assert.deepEqual([none.status, page.status], [401, 403])
    assert.deepEqual(Object.keys(none.body), ['error'])
  })
})
