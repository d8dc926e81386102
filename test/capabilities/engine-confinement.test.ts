import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, it } from 'vitest'
import { specOf } from '../../capabilities/engines/llama-cpp/kind.ts'
import { onnx } from '../../capabilities/engines/onnx/kind.ts'
import { ENGINE_CHILD, ONNX_ENGINE, TRANSFORMERS_ENGINE } from '../../capabilities/entries.ts'
import { engineEnvironment } from '../../capabilities/host/engine-environment.ts'
import { EngineHost } from '../../capabilities/host/engine-host.ts'
import { startOf, works } from '../../capabilities/host/engine-sandbox.ts'
import { readModels } from '../../capabilities/models/read-models.ts'
import { systemClock } from '../../interface/clock.ts'
import type { EngineSandbox } from '../../interface/node.ts'
import { prepare } from '../../interface/prepare.ts'
import { type Tensor, tensor } from '../../interface/tasks/tensor.ts'
import { headOf } from './gguf-files.ts'
import { addsExternal, zeros } from './onnx-graph.ts'
import {
  errorOf,
  float32,
  MODELS,
  memoryLog,
  outputOf,
  registryOf,
  tensorRequest,
  textOf,
  textRequest
} from './parts.ts'
import { childrenOf, isRunning, openFilesOf } from './processes.ts'

const MIB = 1024 * 1024
const UNRULY = new URL('../fixtures/engines/unruly.ts', import.meta.url)
const THIEF = new URL('../fixtures/engines/thief.ts', import.meta.url)
const linux = process.platform === 'linux'
const confined: EngineSandbox[] = []
for (const sandbox of ['bubblewrap', 'user'] as const) {
  if (linux && (sandbox === 'bubblewrap' || process.getuid?.() === 0) && (await works(sandbox)))
    confined.push(sandbox)
}

let home: string
const open: { close(): Promise<void> }[] = []
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'lumos-home '))
  chmodSync(home, 0o700)
})
afterEach(async () => {
  await Promise.all(open.splice(0).map(engine => engine.close()))
  rmSync(home, { recursive: true })
})

/** A model in the home, made of `graph`. */
function model(name: string, graph: Buffer, more: object = {}): string {
  const folder = join(home, 'models', name)
  mkdirSync(join(folder, 'onnx'), { recursive: true })
  writeFileSync(join(folder, 'onnx/model.onnx'), graph)
  writeFileSync(
    join(folder, 'model_info.json'),
    JSON.stringify({
      name,
      version: '1',
      description: '',
      model_type: 'test',
      runtimes: { onnx: { available: true, files: ['onnx/model.onnx'] } },
      metadata: { license: 'MIT', author: 'test', created_at: '2026-01-01' },
      ...more
    })
  )
  return folder
}

async function servedFrom(directory: string, sandbox?: EngineSandbox) {
  const log = memoryLog()
  const read = await Promise.allSettled(readdirSync(directory).map(name => readModels(join(directory, name))))
  const found = read
    .flatMap(one => (one.status === 'fulfilled' ? one.value : []))
    .filter(({ engine }) => engine === 'onnx')
  const registry = registryOf(
    found.map(model => onnx.serve(model, { clock: systemClock, log, env: {}, sandbox, cores: 2 }))
  )
  open.push({ close: () => registry.stop() })
  return { registry, log }
}

function hostOf(
  module: URL,
  options: { env?: object; sandbox?: EngineSandbox; settings?: object; folder?: string }
) {
  const { env = {}, sandbox, settings = {}, folder } = options
  const host = new EngineHost(
    { name: 'fixture', module, settings, folder },
    { clock: systemClock, log: memoryLog(), env: env as Record<string, string>, sandbox }
  )
  open.push(host)
  return host
}

describe('what an engine reports', () => {
  it.runIf(linux)('is nothing: it keeps no file of a reporter open, and none is left behind', async () => {
    const { registry } = await servedFrom(MODELS, 'none')
    const image = float32([1, 1, 8, 8], Array<number>(64).fill(0))
    await outputOf<'tensor'>(registry.infer(tensorRequest({ image })))
    await setTimeout(500)

    const files = childrenOf(process.pid).flatMap(openFilesOf)
    assert.ok(files.length > 5)
    assert.deepEqual(
      files.filter(path => /mat-debug|Microsoft|machine-id|onnxruntime\.db/.test(path)),
      []
    )
  })
})

describe('what an engine gets of the environment', () => {
  it('is what its libraries need, and no secret', async () => {
    const env = engineEnvironment({
      LUMOS_KEYS__PASSPHRASE_FILE: '/secret',
      AWS_SECRET_ACCESS_KEY: 'secret',
      HOME: '/home/me',
      CUDA_VISIBLE_DEVICES: '0',
      LC_ALL: 'C',
      TZ: 'UTC',
      LD_LIBRARY_PATH: '/opt/cuda/lib64'
    })
    const host = hostOf(UNRULY, { env })
    await host.load()

    const names = (await textOf(host.infer(textRequest('environment')))).split(',')
    for (const name of ['CUDA_VISIBLE_DEVICES', 'LC_ALL', 'TZ', 'LD_LIBRARY_PATH'])
      assert.ok(names.includes(name))
    assert.deepEqual(
      names.filter(name => /LUMOS|SECRET|HOME/.test(name)),
      []
    )
  })

  it('has no loader path that means the folder of a model', () => {
    const { LD_LIBRARY_PATH, LD_PRELOAD } = engineEnvironment({
      LD_LIBRARY_PATH: ':/opt/lib:lib:',
      LD_PRELOAD: 'x.so'
    })
    assert.equal(LD_LIBRARY_PATH, '/opt/lib')
    assert.equal(LD_PRELOAD, undefined)
  })
})

describe('an output of 160 MB for eight bytes', () => {
  it('never reaches the node', async () => {
    model('zeros', zeros())
    const { registry } = await servedFrom(join(home, 'models'), 'none')
    const shape = (count: bigint): Tensor => ({
      type: 'int64',
      dims: [1],
      data: new Uint8Array(BigInt64Array.of(count).buffer)
    })
    await outputOf<'tensor'>(registry.infer(tensorRequest({ shape: shape(4n) })))
    // What the channel reads comes into buffers. Unlike the resident memory they do not depend on what else is going on.
    let peak = 0
    const before = process.memoryUsage().arrayBuffers
    const sampler = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().arrayBuffers - before)
    }, 5)

    const { code, message } = await errorOf(registry.infer(tensorRequest({ shape: shape(40_000_000n) })))
    clearInterval(sampler)

    assert.equal(code, 'ENGINE_FAILED')
    assert.match(message, /"zeros": The output of the model is larger than 67108864 bytes/)
    assert.ok(peak < 20 * MIB, `${peak / MIB} MiB`)
    // A process that has grown so much may be another one by now; the model answers.
    await outputOf<'tensor'>(registry.infer(tensorRequest({ shape: shape(4n) })))
  })
})

describe('tensors that are within their bound one by one', () => {
  const half = (): Tensor => ({ type: 'uint8', dims: [40 * MIB], data: new Uint8Array(40 * MIB) })

  it('are refused when they are not together, asked or answered', () => {
    const tensors = { a: half(), b: half() }
    assert.equal(tensor.isOutput?.({ tensors: { a: half() } }), true)
    assert.equal(tensor.isOutput?.({ tensors }), false)
    assert.equal(tensor.output.safeParse({ tensors }).success, false)
    const request = { id: 'r', task: tensor.name, input: { tensors }, params: {}, budgetMs: 1000 }
    assert.throws(() => prepare(request), /more than 67108864 bytes together/)
  })
})

describe('the process of an engine', () => {
  it.runIf(linux)('is the first that the system ends when memory runs out', async () => {
    await hostOf(UNRULY, { sandbox: 'none' }).load()
    assert.equal((await readFile(`/proc/${childrenOf(process.pid)[0]}/oom_score_adj`, 'utf8')).trim(), '1000')
  })

  it.runIf(linux)('is gone two seconds after its node was killed, busy or not', async () => {
    await isGoneAfter(new URL('./busy-node.ts', import.meta.url))
  })

  it.runIf(linux)('is gone as soon where only its own thread watches', async () => {
    await isGoneAfter(new URL('./watched-node.ts', import.meta.url))
  })
})

/** Runs the node of `script`, which prints its engine's pid, and kills the node. */
async function isGoneAfter(script: URL): Promise<void> {
  const node = spawn(process.execPath, [fileURLToPath(script)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [printed] = await once(node.stdout, 'data')
  const engine = Number(String(printed))
  assert.ok(isRunning(engine))

  node.kill('SIGKILL')
  await goneWithin(engine, 2000)
}

async function goneWithin(pid: number, limitMs: number): Promise<void> {
  const endMs = performance.now() + limitMs
  while (isRunning(pid) && performance.now() < endMs) await setTimeout(20)
  const stays = isRunning(pid)
  if (stays) process.kill(pid, 'SIGKILL')
  assert.equal(stays, false)
}

describe('an error that peers are told', () => {
  it('names the model, and no path of this device', async () => {
    const folder = model('broken', Buffer.alloc(64, 7))
    const { registry, log } = await servedFrom(join(home, 'models'))
    const x = float32([1], [0])
    const { code, message } = await errorOf(registry.infer(tensorRequest({ x })))

    assert.equal(code, 'MODEL_INVALID')
    assert.match(message, /"broken": .*model\.onnx/)
    for (const secret of [home, homedir(), tmpdir()]) assert.equal(message.includes(secret), false, message)
    assert.ok(JSON.stringify(log.lines).includes(folder))
  })

  it('has no path either when an engine throws one', async () => {
    const host = hostOf(UNRULY, { settings: { load: 'path' }, folder: home })
    const { message } = await host.load().then(
      () => assert.fail('loaded'),
      err => err as Error
    )
    assert.match(message, /weights\.bin/)
    for (const secret of [home, 'lumos-home', '/home/ann', 'Users', 'bob']) {
      assert.equal(message.includes(secret), false, message)
    }
  })
})

describe('weights beside a graph', () => {
  const CANARY = [11, 22, 33, 44]
  const x = float32([4], [0, 0, 0, 0])
  const ask = async (sandbox: EngineSandbox = 'none') => {
    const { registry } = await servedFrom(join(home, 'models'), sandbox)
    return registry.infer(tensorRequest({ x }, 'thief'))
  }
  const canary = (path: string): string => {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, new Uint8Array(Float32Array.from(CANARY).buffer))
    return path
  }

  it.each([...confined, 'none' as const])(
    'are read where they belong to the model (sandbox: %s)',
    async sandbox => {
      const folder = model('thief', addsExternal('weights.bin', 4))
      canary(join(folder, 'onnx/weights.bin'))
      const { tensors } = await outputOf<'tensor'>(await ask(sandbox))
      assert.deepEqual([...new Float32Array(Uint8Array.from(tensors.y!.data).buffer)], CANARY)
    }
  )

  it.runIf(confined.includes('user'))(
    'are refused where another user may not read them, with what to do',
    async () => {
      const folder = model('thief', addsExternal('parts/weights.bin', 4))
      const weights = canary(join(folder, 'onnx/parts/weights.bin'))
      chmodSync(weights, 0o600)
      assert.match((await errorOf(await ask('user'))).message, /chmod -R o\+rX/)
      chmodSync(weights, 0o644)
      const { tensors } = await outputOf<'tensor'>(await ask('user'))
      assert.deepEqual([...new Float32Array(Uint8Array.from(tensors.y!.data).buffer)], CANARY)
    }
  )

  it.each<[string, (secret: string, folder: string) => string]>([
    ['a path upwards', () => '../../../canary.bin'],
    ['an absolute path', secret => secret],
    [
      'a symbolic link to a file',
      (secret, folder) => {
        symlinkSync(secret, join(folder, 'onnx/weights.bin'))
        return 'weights.bin'
      }
    ],
    [
      'a symbolic link to a folder',
      (_, folder) => {
        symlinkSync(home, join(folder, 'onnx/weights'))
        return 'weights/canary.bin'
      }
    ],
    [
      'a hard link',
      (secret, folder) => {
        linkSync(secret, join(folder, 'onnx/weights.bin'))
        return 'weights.bin'
      }
    ],
    ['no name at all', () => '']
  ])('are refused where they are %s', async (_, place) => {
    const secret = canary(join(home, 'canary.bin'))
    const location = place(secret, model('thief', Buffer.alloc(0)))
    model('thief', addsExternal(location, 4))

    const { code, message } = await errorOf(await ask())
    assert.equal(code, 'MODEL_INVALID', message)
    assert.equal(message.includes(home), false, message)
  })

  it('are refused where they are a hard link with a name that every object has', async () => {
    const files = { runtimes: { onnx: { available: true, files: ['model.onnx'] } } }
    const folder = model('thief', Buffer.alloc(0), files)
    writeFileSync(join(folder, 'model.onnx'), addsExternal('constructor', 4))
    linkSync(canary(join(home, 'canary.bin')), join(folder, 'constructor'))

    const { code, message } = await errorOf(await ask())
    assert.equal(code, 'MODEL_INVALID', message)
    assert.match(message, /hard link/)
  })

  it('are refused when their hash is another than the description says', async () => {
    const folder = model('thief', addsExternal('weights.bin', 4), {
      runtimes: { onnx: { available: true, files: ['onnx/model.onnx', 'onnx/weights.bin'] } },
      sha256: { 'onnx/weights.bin': '0'.repeat(64) }
    })
    canary(join(folder, 'onnx/weights.bin'))
    assert.match((await errorOf(await ask())).message, /hash of onnx\/weights\.bin/)
  })
})

describe('what bubblewrap shows to an engine', () => {
  /** `module` and all files of this package that it imports. */
  function filesOf(module: URL, found = new Set<string>()): Set<string> {
    if (found.has(module.href)) return found
    found.add(module.href)
    for (const [, path] of readFileSync(module, 'utf8').matchAll(/ from '(\.[^']+)'/g))
      filesOf(new URL(path!, module), found)
    return found
  }

  it('holds of a folder with a GGUF file that file alone', async () => {
    const path = join(home, 'a.gguf')
    writeFileSync(path, headOf({ 'general.architecture': 'llama' }))
    writeFileSync(join(home, 'identity.key'), 'secret')
    const installed = { version: '1', accelerators: [], path: '/engines/llama-cpp/1', mark: path }
    const [found] = await readModels(path, { get: () => installed, isStopped: () => false })
    const { folder = '/', files, code = [] } = specOf(found!, {})
    const { args } = startOf('bubblewrap', { args: [], folder, files, code, env: {} })
    const shown = args.filter((_, i) => args[i - 1] === '--ro-bind-try')
    assert.ok(shown.includes(found!.parts[0]!))
    assert.ok(!shown.some(one => join(found!.folder, 'identity.key').startsWith(`${one}/`)))
  })

  // Runs where bubblewrap is not installed, too.
  it('holds each file that the process imports', () => {
    const { args } = startOf('bubblewrap', { args: [], folder: '/', code: [], env: {} })
    const shown = args.filter((_, i) => args[i - 1] === '--ro-bind-try').map(path => path.replace(/\/$/, ''))
    const files = [ENGINE_CHILD, ONNX_ENGINE, TRANSFORMERS_ENGINE]
      .flatMap(module => [...filesOf(module)])
      .map(url => fileURLToPath(url))

    assert.ok(files.length > 10)
    assert.deepEqual(
      files.filter(file => !shown.some(path => file.startsWith(`${path}/`))),
      []
    )
  })
})

describe('a hostile engine', () => {
  it.runIf(confined.length > 0).each(confined)(
    'reaches neither keys nor node (sandbox: %s)',
    async sandbox => {
      const folder = join(home, 'models/digits-cnn')
      cpSync(join(MODELS, 'digits-cnn'), folder, { recursive: true })
      const secrets = ['identity.key', 'gateway.token', 'core.db'].map(name => join(home, name))
      for (const secret of secrets) writeFileSync(secret, 'secret', { mode: 0o600 })
      const socket = join(home, 'node.sock')
      const server = createServer().listen(socket)
      await once(server, 'listening')

      const host = hostOf(THIEF, {
        sandbox,
        folder,
        settings: { read: secrets, write: join(home, 'mine'), socket, node: process.pid }
      })
      await host.load()
      const { own, write: _, ...outcome } = JSON.parse(await textOf(host.infer(textRequest('steal'))))
      server.close()

      assert.equal(own, 'done')
      assert.equal(Object.keys(outcome).length, 7)
      // A sandbox may show it a file system of its own, which it may fill.
      assert.equal(existsSync(join(home, 'mine')), false)
      for (const [what, how] of Object.entries(outcome))
        assert.match(String(how), /EACCES|EPERM|ENOENT|ESRCH/, what)
    }
  )
})
