import assert from 'node:assert/strict'
import { chmod, cp, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { quantizeGraph } from '../../capabilities/quantize/graph.ts'
import { quantizeFile } from '../../capabilities/quantize/quantize-file.ts'
import { systemClock } from '../../interface/clock.ts'
import type { LumosError } from '../../interface/errors.ts'
import { bytes, FLOAT, node, number, shaped } from './onnx-graph.ts'
import { digitFile, MODELS } from './parts.ts'

const DIGITS = join(MODELS, 'digits-cnn', 'onnx', 'model.onnx')
const COUNT = 360
const WIDTH = 64
const INT64 = 7
const OPSET = 13

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quantize-'))
  // The process may be another user.
  await chmod(folder, 0o755)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const weights = (name: string, dims: readonly number[], values: Float32Array): Buffer =>
  bytes(
    5,
    ...dims.map(size => number(1, size)),
    number(2, FLOAT),
    bytes(8, name),
    bytes(9, Buffer.from(values.buffer))
  )
/** Numbers without a pattern, the same each time. */
const waves = (count: number, by: number): Float32Array =>
  Float32Array.from({ length: count }, (_, at) => Math.sin(at ** 2 * by))
const integer = (name: string, value: number): Buffer =>
  Buffer.concat([bytes(1, name), number(3, value), number(20, 2)])
const model = (parts: readonly Buffer[], opset = OPSET): Buffer =>
  Buffer.concat([number(1, 8), bytes(7, ...parts, bytes(2, 'graph')), bytes(8, number(2, opset))])

/** Rows of a table are looked up, go through a product and a turned one with a sum, and are added to what was looked up. */
const several = (opset = OPSET): Buffer =>
  model(
    [
      node('Gather', ['table', 'rows'], 'x'),
      node('MatMul', ['x', 'first'], 'y'),
      node('Gemm', ['y', 'second', 'bias'], 'z', integer('transB', 1)),
      node('Add', ['z', 'x'], 'out'),
      weights('table', [100, WIDTH], waves(100 * WIDTH, 0.37)),
      weights('first', [WIDTH, WIDTH], waves(WIDTH * WIDTH, 0.73)),
      weights('second', [WIDTH, WIDTH], waves(WIDTH * WIDTH, 1.11)),
      weights('bias', [WIDTH], waves(WIDTH, 0.2)),
      bytes(11, shaped('rows', INT64, ['n'])),
      bytes(12, shaped('out', FLOAT, ['n', WIDTH]))
    ],
    opset
  )

async function run(graph: Buffer): Promise<Float32Array> {
  const session = await InferenceSession.create(graph, { logSeverityLevel: 3 })
  const { out } = await session.run({ rows: new Tensor('int64', [0n, 7n, 99n], [3]) })
  return out!.data as Float32Array
}

function cosine(one: Float32Array, other: Float32Array): number {
  const product = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, at) => sum + value * b[at]!, 0)
  return product(one, other) / Math.sqrt(product(one, one) * product(other, other))
}

const quantized = (graph: Buffer): Buffer => Buffer.concat(quantizeGraph(graph).parts)

describe('a graph with weights of 8 bits', () => {
  it('reads the digits as before, and is a third of the size', async () => {
    const small = join(folder, 'digits.onnx')
    const done: number[] = []
    const made = await quantizeFile(DIGITS, small, { clock: systemClock, onBytes: n => done.push(n) })
    assert.equal(made.tensors, 2)
    assert.equal(made.bytes, (await stat(small)).size)
    assert.ok(made.bytes < (await stat(DIGITS)).size * 0.36, String(made.bytes))
    assert.deepEqual(
      done,
      done.toSorted((a, b) => a - b)
    )

    const pixels = Float32Array.from(await digitFile('images.u8'), value => value / 255)
    const labels = [...(await digitFile('labels.u8'))]
    const session = await InferenceSession.create(small, { logSeverityLevel: 3 })
    const image = new Tensor('float32', pixels, [COUNT, 1, 8, 8])
    const logits = (await session.run({ image })).logits!.data as Float32Array
    const read = labels.map((_, at) => {
      const row = logits.subarray(at * 10, (at + 1) * 10)
      return row.indexOf(Math.max(...row))
    })
    const right = read.filter((digit, at) => digit === labels[at]).length
    assert.ok(right >= 356, `${right} of ${COUNT}`)
  })

  it('looks up, multiplies and turns as before', async () => {
    const before = several()
    const after = quantized(before)
    assert.ok(after.length < before.length * 0.35)
    const alike = cosine(await run(before), await run(after))
    assert.ok(alike > 0.999, String(alike))
    // A graph of smaller numbers has no more to give.
    assert.throws(() => quantizeGraph(after), { code: 'NOT_SUPPORTED', message: /32 bits/ })
  })

  it('leaves weights as they are that are used in two ways, are given by the caller, or are few', () => {
    const shared = model([
      node('Gather', ['w', 'rows'], 'x'),
      node('MatMul', ['x', 'w'], 'out'),
      weights('w', [WIDTH, WIDTH], waves(WIDTH * WIDTH, 1)),
      bytes(11, shaped('rows', INT64, ['n'])),
      bytes(12, shaped('out', FLOAT, ['n', WIDTH]))
    ])
    const given = model([
      node('MatMul', ['x', 'w'], 'out'),
      weights('w', [WIDTH, WIDTH], waves(WIDTH * WIDTH, 1)),
      bytes(11, shaped('x', FLOAT, ['n', WIDTH])),
      bytes(11, shaped('w', FLOAT, [WIDTH, WIDTH])),
      bytes(12, shaped('out', FLOAT, ['n', WIDTH]))
    ])
    const few = model([
      node('MatMul', ['x', 'w'], 'out'),
      weights('w', [8, 8], waves(64, 1)),
      bytes(11, shaped('x', FLOAT, ['n', 8])),
      bytes(12, shaped('out', FLOAT, ['n', 8]))
    ])
    for (const graph of [shared, given, few])
      assert.throws(() => quantizeGraph(graph), { code: 'NOT_SUPPORTED', message: /cannot be quantised/ })
  })

  it('is refused of operations that are too old, of weights in another file, and of what is no graph', async () => {
    assert.throws(() => quantizeGraph(several(10)), { code: 'NOT_SUPPORTED', message: /opset 10/ })
    const outside = model([
      node('MatMul', ['x', 'w'], 'out'),
      bytes(5, number(1, WIDTH), number(1, WIDTH), number(2, FLOAT), bytes(8, 'w'), number(14, 1)),
      bytes(11, shaped('x', FLOAT, ['n', WIDTH])),
      bytes(12, shaped('out', FLOAT, ['n', WIDTH]))
    ])
    assert.throws(() => quantizeGraph(outside), { code: 'NOT_SUPPORTED', message: /beside the graph/ })
    const whole = await readFile(DIGITS)
    const invalid = { code: 'MODEL_INVALID' }
    for (const broken of [Buffer.from('no graph'), Buffer.alloc(0), whole.subarray(0, whole.length - 1)])
      assert.throws(() => quantizeGraph(broken), invalid)
    // Longer than it says, and of sizes whose product is another number.
    const few = weights('w', [WIDTH, WIDTH], waves(WIDTH, 1))
    assert.throws(
      () =>
        quantizeGraph(model([node('MatMul', ['x', 'w'], 'out'), few, bytes(11, shaped('x', FLOAT, ['n']))])),
      { ...invalid, message: /as many/ }
    )
    let nested: Buffer = Buffer.alloc(0)
    for (let depth = 0; depth < 20; depth++)
      nested = bytes(1, bytes(4, 'If'), bytes(5, bytes(1, 'then'), bytes(6, nested)))
    assert.throws(() => quantizeGraph(model([nested])), { ...invalid, message: /too deep/ })
  })
})

describe('the process that quantises', () => {
  it('says why nothing came, leaves no file, and ends with its caller', async () => {
    const source = join(folder, 'broken.onnx')
    const target = join(folder, 'target.onnx')
    await writeFile(source, 'no graph')
    await assert.rejects(quantizeFile(source, target, { clock: systemClock }), {
      code: 'MODEL_INVALID',
      message: /no ONNX file/
    })
    await assert.rejects(stat(target), { code: 'ENOENT' })

    // A name of a megabyte is not said whole.
    const long = 'w'.repeat(1024 * 1024)
    const few = weights(long, [WIDTH, WIDTH], waves(WIDTH, 1))
    await writeFile(
      source,
      model([node('MatMul', ['x', long], 'out'), few, bytes(11, shaped('x', FLOAT, ['n']))])
    )
    await assert.rejects(quantizeFile(source, target, { clock: systemClock }), (err: Error) => {
      assert.ok(err.message.length < 1000, String(err.message.length))
      return (err as LumosError).code === 'MODEL_INVALID'
    })

    await cp(DIGITS, source)
    const aborting = new AbortController()
    const cancelled = quantizeFile(source, target, {
      clock: systemClock,
      signal: aborting.signal,
      onBytes: () => aborting.abort()
    })
    await assert.rejects(cancelled, { name: 'AbortError' })
    await assert.rejects(stat(target), { code: 'ENOENT' })
  })
})
