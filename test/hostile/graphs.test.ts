/** ONNX graphs that are made to harm the node that opens them: each is refused with a code, or costs one process. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { EngineHost } from '../../capabilities/host/engine-host.ts'
import { CancelledError } from '../../interface/errors.ts'
import * as forger from '../capabilities/graph-forger.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { errorOf, float32, memoryLog, outputOf, tensorRequest } from '../capabilities/parts.ts'
import { childrenOf } from '../capabilities/processes.ts'

const MIB = 1024 * 1024
const EACH_GRAPH = new URL('../fixtures/engines/each-graph.ts', import.meta.url)
/** How long a cancelled run may go on. */
const CANCEL_GRACE_MS = 2000
/** A sign of life is due within this. */
const STALL_MS = 120_000
/** Where onnxruntime keeps weights that lie in its own memory: their offset is then an address. */
const OWN_MEMORY = '*/_ORT_MEM_ADDR_/*'

const { modelOf } = forger
const neg = { operation: 'Neg' }

let folder: string
let engine: EngineHost
const clock = new ManualClock()
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lumos-graphs-'))
  await chmod(folder, 0o755)
  await put('good', modelOf({ nodes: [neg] }))
  const spec = { name: 'graphs', module: EACH_GRAPH, settings: {}, folder }
  engine = new EngineHost(spec, { clock, log: memoryLog(), env: {} })
  await engine.load()
})
afterAll(async () => {
  await engine.close()
  await rm(folder, { recursive: true })
})

async function put(name: string, graph: Uint8Array): Promise<void> {
  await mkdir(join(folder, name), { recursive: true })
  await writeFile(join(folder, name, 'model.onnx'), graph)
}

const ask = (model: string, signal?: AbortSignal) =>
  engine.infer(tensorRequest({ x: float32([4], [1, 2, 3, 4]) }, model), { signal })

/** In the process that is there, or the next one. */
async function answers(): Promise<void> {
  await engine.load()
  const { tensors } = await outputOf<'tensor'>(ask('good'))
  assert.deepEqual([...new Float32Array(Uint8Array.from(tensors.y!.data).buffer)], [-1, -2, -3, -4])
}

describe('an ONNX graph', () => {
  it.each<[string, () => Uint8Array, RegExp, code?: string]>([
    ['no bytes', () => new Uint8Array(0), /./],
    ['bytes that are no graph', () => Buffer.alloc(4096, 0xff), /Protobuf parsing failed/],
    ['its end cut off', () => forger.chain(10).subarray(0, -7), /Protobuf parsing failed/],
    ['two hundred branches within each other', () => forger.nests(200), /Protobuf parsing failed/],
    [
      'a circle',
      () =>
        modelOf({
          nodes: [
            { operation: 'Add', from: ['x', 'y'], to: ['a'] },
            { ...neg, from: ['a'] }
          ]
        }),
      /not acyclic/
    ],
    ['a value from nowhere', () => modelOf({ nodes: [{ ...neg, from: ['none'] }] }), /'none' is not/],
    ['two values of one name', () => modelOf({ nodes: [neg, neg] }), /Duplicate definition/],
    ['no output', () => modelOf({ nodes: [neg], outputs: [] }), /output/, 'ENGINE_FAILED'],
    [
      'an operation that does not exist',
      () => modelOf({ nodes: [{ operation: 'Run' }] }),
      /No Op registered/
    ],
    [
      'an operation of a domain of its own',
      () => modelOf({ nodes: [{ operation: 'Run', domain: 'own' }] }, { domain: 'own' }),
      /own:Run\(-1\) is not a registered/
    ],
    ['a function that calls itself', () => forger.calls(['a']), /./],
    ['functions that call each other', () => forger.calls(['a', 'b', 'c']), /./],
    [
      'weights of 4 TiB, and no data',
      () => forger.declares([1n << 40n]),
      /exceeds the 2147483648 byte limit/
    ],
    ['weights of a negative size', () => forger.declares([-1n]), /Out of bounds/],
    ['weights of 2^124 numbers', () => forger.declares([1n << 62n, 1n << 62n]), /overflow/],
    ['weights at an address in memory', () => forger.readsAt(OWN_MEMORY, 4096n), /./],
    ['weights before a file', () => forger.readsAt('model.onnx', -64n), /./],
    ['weights behind a file', () => forger.readsAt('model.onnx', 1n << 50n), /./],
    ['weights of 4 TiB in a small file', () => forger.readsAt('model.onnx', 0n, 1n << 40n), /out of bounds/],
    ['fewer weights than it says', () => forger.readsAt('model.onnx', 0n, 4n, 1n << 40n), /./],
    [
      'a constant of 128 TiB',
      () => forger.makesConstant(1n << 45n),
      /Failed to allocate memory/,
      'ENGINE_FAILED'
    ]
  ])('is refused with %s, and its process goes on', async (what, make, why, expected = 'MODEL_INVALID') => {
    const name = what.replaceAll(/\W/g, '-')
    await put(name, make())
    const { code, message } = await errorOf(ask(name))
    assert.equal(code, expected, message)
    assert.match(message, why)
    assert.equal(message.includes(folder), false, message)
    assert.equal(engine.loaded, true)
    await answers()
  })

  it('may have twenty branches within each other', async () => {
    await put('nested', forger.nests(20))
    await outputOf<'tensor'>(ask('nested'))
  })

  it('may have a loop without end: its process is ended when the caller gives up, and the next one answers', async () => {
    await put('endless', forger.loops())
    const lost = new Promise<void>(resolve => {
      engine.onLost = resolve
    })
    const controller = new AbortController()
    const asked = errorOf(ask('endless', controller.signal))
    controller.abort(new CancelledError('The caller gives up.'))
    assert.equal((await asked).code, 'CANCELLED')
    clock.advance(CANCEL_GRACE_MS)
    await lost
    assert.equal(engine.loaded, false)
    await answers()
  })

  it.runIf(process.platform === 'linux')(
    'may have a million operations: its process is ended when it gives no sign for two minutes',
    async () => {
      await put('long', forger.chain(1_000_000))
      const asked = errorOf(ask('long'))
      while (residentOf(childrenOf(process.pid)[0]!) < 200 * MIB) await setTimeout(5)
      clock.advance(STALL_MS + 1000)
      const { code, message } = await asked
      assert.deepEqual([code, /gave no sign/.test(message)], ['ENGINE_FAILED', true])
      await answers()
    }
  )
})

const residentOf = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
