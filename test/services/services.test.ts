/** Services: every form of their configuration, and nodes that have, state, stop and start them. */

import assert from 'node:assert/strict'
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { LumosNode } from '../../interface/node.ts'
import { chosenFor } from '../../node/services/index.ts'
import { readStated, statedPart } from '../../node/services/stated.ts'
import { loadConfig } from '../../node/settings/config.ts'
import { createUnits } from '../../units/index.ts'
import { runCli } from '../cli/run-cli.ts'
import { listenAs } from '../gateway/running-gateway.ts'
import { knows, startNode, until, waitFor } from '../node/mesh-nodes.ts'
import { OWNER } from '../units/callers.ts'
import { FakeHub } from '../weights/fake-hub.ts'

const EXAMPLES = join(import.meta.dirname, '../../examples/configurations')
const MODELS = [join(import.meta.dirname, '../../models'), join(import.meta.dirname, '../fixtures')]

async function homeWith(yaml: string): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'lumos-services-'))
  onTestFinished(() => rm(home, { recursive: true, force: true }))
  await writeFile(join(home, 'lumos.yaml'), yaml)
  return home
}

const servicesOf = async (yaml: string) => {
  const { config, warnings } = await loadConfig({ home: await homeWith(yaml), env: {} })
  return { services: (config as unknown as { services: Record<string, object> }).services, warnings }
}

async function problemsOf(yaml: string): Promise<string[]> {
  const home = await homeWith(yaml)
  try {
    await loadConfig({ home, env: {} })
    return []
  } catch (err) {
    const { problems } = (err as { details: { problems: string[] } }).details
    return problems.map(problem => problem.replace(`${join(home, 'lumos.yaml')}:`, ''))
  }
}

describe('the configuration of services', () => {
  it('each example is valid, and its short form means the same models', async () => {
    const read = async (file: string) =>
      (await servicesOf(await readFile(join(EXAMPLES, file), 'utf8'))).services
    const files = await readdir(EXAMPLES)
    assert.equal(files.length, 7)
    for (const file of files) assert.ok(Object.keys(await read(file)).length > 0, file)

    const npu = { model: 'MobileCLIP2-S2', runtime: 'rknn', rknn_device: 'rk3588' }
    const edge = { enabled: true, models: { default: npu }, default_model: 'default' }
    assert.deepEqual((await read('edge-short.yaml')).clip, edge)
    expect((await read('edge.yaml')).clip).toMatchObject(edge)
    expect(await read('distributed-short.yaml')).toEqual({
      clip: {
        enabled: true,
        models: {
          default: { model: 'MobileCLIP2-S2', runtime: 'torch', devices: ['mac-studio'] },
          'MobileCLIP2-S2': {
            ...{ model: 'MobileCLIP2-S2', runtime: 'rknn', rknn_device: 'rk3588' },
            devices: ['arm-device']
          }
        },
        default_model: 'default'
      },
      face: {
        enabled: true,
        models: { default: { model: 'antelopev2', runtime: 'torch', devices: ['mac-studio'] } },
        default_model: 'default'
      },
      ocr: {
        enabled: true,
        models: { default: { model: 'PP-OCRv5', runtime: 'onnx', devices: ['gaming-pc'] } },
        default_model: 'default'
      }
    })
  })

  it('is read into a form that is read as itself', async () => {
    for (const file of await readdir(EXAMPLES)) {
      const { services } = await servicesOf(await readFile(join(EXAMPLES, file), 'utf8'))
      assert.deepEqual((await servicesOf(JSON.stringify({ services }))).services, services, file)
    }
  })

  it('comes from the environment and from programs too', async () => {
    const home = await homeWith('')
    const { config } = await loadConfig({ home, env: { LUMOS_SERVICES: 'clip, chat' } })
    expect((config as unknown as { services: object }).services).toMatchObject({
      clip: { models: { default: { model: 'MobileCLIP2-S2', runtime: 'onnx' } } },
      chat: { models: { default: { runtime: 'gguf', source: 'hf:Qwen/Qwen3-0.6B-GGUF:q8_0' } } }
    })
    await assert.rejects(loadConfig({ home, env: { LUMOS_SERVICES: 'clpi' } }), {
      message: /env LUMOS_SERVICES: services\[0\]: which models\?.*did you mean "clip"\?/
    })
  })

  it('says once what it does not use', async () => {
    const { warnings } = await servicesOf(
      'services:\n  clip:\n    package: lumen-clip\n    server: { port: 1 }\n'
    )
    assert.equal(warnings.length, 1)
    assert.match(warnings[0]!, /lumos\.yaml:3:5: services\.clip\.package: not used here: package, server\./)
  })

  it('takes smaller weights for graphs of ONNX, in each form, and says that other runtimes have none', async () => {
    const models = 'models: { default: { model: a, runtime: onnx, optimization: int8 } }'
    const whole = await servicesOf(`services:\n  clip:\n    ${models}\n`)
    const short = await servicesOf('services: [clip]\nmodels: [a]\nruntime: onnx\noptimization: int8\n')
    for (const { services, warnings } of [whole, short]) {
      expect(services.clip).toMatchObject({ models: { default: { model: 'a', optimization: 'int8' } } })
      assert.deepEqual(warnings, [])
    }
    const { services, warnings } = await servicesOf(await readFile(join(EXAMPLES, 'edge-short.yaml'), 'utf8'))
    assert.ok(!JSON.stringify(services).includes('int8'))
    assert.match(warnings.join(), /not used here: optimization/)
  })

  it('says of variables which no engine gets, and reads those for a program', async () => {
    const env = 'env: { KIND: mild }'
    const { warnings } = await servicesOf(`services:\n  clip:\n    ${env}\n  speak:\n    ${env}\n`)
    assert.equal(warnings.length, 1)
    assert.match(warnings[0]!, /:3:\d+: services\.clip\.env: not used here/)
  })

  it.each([
    [
      'services:\n  speak:\n    env: { "a=b": x }',
      '3:12: services.speak.env.a=b: expected the name of a variable'
    ],
    ['services: [clip, clpi]', '1:18: services[1]: which models? Of clip, face'],
    ['services: [clip, clip]', '1:18: services[1]: "clip" stands here twice'],
    ['services: [text-generation]', '1:12: services[0]: expected the name of a service'],
    ['services:\n  clpi: {}', '2:9: services.clpi: which models?'],
    ['services:\n  a:\n    models: {}', '3:13: services.a.models: a service needs a model'],
    [
      'services:\n  clip:\n    models:\n      - model: a\n        runtime: onnx\n      - model: b\n        runtime: onyx\n',
      '7:18: services.clip.models[1].runtime: expected one of torch, onnx, rknn, gguf, external; did you mean "onnx"?'
    ],
    [
      'services:\n  clip:\n    models:\n      - { model: a, runtime: onnx }\n      - { model: a, runtime: onnx }\n',
      '5:9: services.clip.models[1]: is 0 once more'
    ],
    [
      'services:\n  clip:\n    models:\n      - { model: a, runtime: rknn, device: gpu }\n',
      '4:44: services.clip.models[0].device: expected a device such as rk3588'
    ],
    [
      'services:\n  clip:\n    models:\n      - { model: a, runtime: onnx, bach_size: 1 }\n',
      '4:36: services.clip.models[0].bach_size: unknown name; did you mean "batch_size"?'
    ],
    [
      'services:\n  clip:\n    models:\n      - { model: a, runtime: onnx, devices: [den, "a/b"] }\n',
      '4:51: services.clip.models[0].devices[1]: expected the name of a device'
    ],
    [
      'services:\n  clip:\n    models:\n      - { model: a, runtime: onnx, batch_size: 0 }\n',
      '4:48: services.clip.models[0].batch_size: expected a number, 1 to 1024'
    ],
    [
      'services:\n  clip:\n    models:\n      - { model: a, runtime: onnx, source: /etc }\n',
      '4:44: services.clip.models[0].source: expected a source such as hf:OWNER/NAME'
    ],
    [
      'services:\n  clip:\n    models: { x: { model: a, runtime: onnx } }\n    default_model: y\n',
      '4:20: services.clip.default_model: models has no "y"'
    ],
    [
      'cluster:\n  nodes:\n    - device: den\n      services: [clip]\n      runtime: onnx\n    - device: attic\n      services: [clip, ocrr]\n',
      '7:24: cluster.nodes[1].services[1]: which models?'
    ]
  ])('a mistake has its line and column: %j', async (yaml, expected) => {
    const problems = await problemsOf(yaml)
    assert.ok(problems[0]?.startsWith(expected), problems.join('\n') || 'no problem')
  })
})

/** Whole answer of a service to a picture, with the task that its tasks mean. */
async function askedWith(node: LumosNode, model: string, task: 'image-classification', image: Uint8Array) {
  const chunks = await Array.fromAsync(node.infer({ task, model, input: { image } }))
  return chunks.find(({ type }) => type === 'output') as unknown as {
    output: { labels: { label: string }[] }
  }
}

describe('a node with services', () => {
  const SEVEN = join(import.meta.dirname, '../../examples/seven.png')

  it('answers to their names here and from elsewhere, as its settings and its owner say', {
    timeout: 60_000
  }, async () => {
    const home = await homeWith('')
    await copyFile(join(EXAMPLES, 'own-models.yaml'), join(home, 'lumos.yaml'))
    await using den = await startNode('den', [], {
      home,
      settings: { 'models.directories': MODELS, access: { 'tiny-clip': { roles: ['admin'] } } }
    })
    await using attic = await startNode('attic', [den])
    await knows(attic, den)
    const image = await readFile(SEVEN)

    assert.deepEqual(
      den.services.list().map(({ id, modelId, status }) => [id, modelId, status]),
      [
        ['digits', 'digits-cnn', 'cold'],
        ['clip', 'tiny-clip', 'cold']
      ]
    )
    const { output } = await askedWith(attic, 'digits', 'image-classification', image)
    assert.equal(output.labels[0]!.label, '7')
    assert.equal(den.services.get('digits').status, 'ready')

    // Under the name of a service, a model is offered to no more devices than under its own.
    const clip = { model: 'clip', task: 'zero-shot-image-classification' as const }
    const asked = Array.fromAsync(attic.infer({ ...clip, input: { image }, params: { dataset: 'digits' } }))
    await assert.rejects(asked, { code: /NO_PROVIDER|MODEL_NOT_FOUND|DENIED/ })
    await Array.fromAsync(den.infer({ ...clip, input: { image }, params: { dataset: 'digits' } }))

    await vi.waitFor(() => assert.ok(attic.services.stated().some(({ id }) => id === 'digits')), 10_000)
    assert.equal(attic.services.list().length, 0)

    const gone = until(attic, 'manifest.updated', () =>
      attic.models().every(({ model }) => model !== 'digits')
    )
    assert.equal(den.services.stop('digits').status, 'disabled')
    await gone
    await assert.rejects(askedWith(den, 'digits', 'image-classification', image), { code: 'NO_PROVIDER' })
    await assert.rejects(askedWith(den, 'digits-cnn', 'image-classification', image), { code: 'NO_PROVIDER' })
    const named = (model: string) => den.explain({ model }).some(({ name }) => name === 'den')
    assert.notEqual(den.services.start('digits').status, 'disabled')
    assert.ok(named('digits'))

    den.services.create({ id: 'numbers', modelId: 'digits-cnn' })
    assert.ok(named('numbers'))
    assert.throws(() => den.services.create({ id: 'numbers', modelId: 'digits-cnn' }), {
      code: 'INVALID_INPUT'
    })
    assert.throws(() => den.services.delete('digits'), { code: 'INVALID_INPUT' })
    assert.throws(() => den.services.get('number'), { code: 'SERVICE_NOT_FOUND', hint: 'Closest: numbers.' })
  })

  it('makes smaller weights of a model that is here, and asks these in its place', {
    timeout: 60_000
  }, async () => {
    const models = 'models: { default: { model: digits-cnn, runtime: onnx, optimization: int8 } }'
    const home = await homeWith(`services:\n  digits:\n    ${models}\n`)
    await using den = await startNode('den', [], { home, settings: { 'models.directories': MODELS } })
    await waitFor(() => den.services.get('digits').modelId === 'digits-cnn-int8')
    assert.deepEqual(
      den.jobs.list().map(({ kind, summary }) => [kind, summary]),
      [['model.quantize', 'digits-cnn as digits-cnn-int8']]
    )
    const { output } = await askedWith(den, 'digits', 'image-classification', await readFile(SEVEN))
    assert.equal(output.labels[0]!.label, '7')
    assert.equal(den.services.get('digits').status, 'ready')
    const loaded = den.models().filter(({ providers }) => providers.some(({ state }) => state === 'ready'))
    assert.ok(loaded.every(({ model }) => ['digits', 'digits-cnn-int8'].includes(model)))
  })

  it('brings what is not here, takes up what is meant for it, and says what did not come', {
    timeout: 60_000
  }, async () => {
    await using hub = await FakeHub.start()
    const yaml = [
      'services:',
      '  near: { models: { default: { model: absent, runtime: onnx, source: "hf:acme/absent", devices: [den] } } }',
      '  far: { models: { default: { model: other, runtime: onnx, devices: [attic] } } }',
      '  off: { enabled: false, models: { default: { model: third, runtime: onnx } } }'
    ]
    const home = await homeWith(yaml.join('\n'))
    await using den = await startNode('den', [], { home, settings: { 'weights.origins.hf': hub.url } })
    const failed = new Promise<{ serviceId: string; error: string }>(resolve =>
      den.events.addEventListener('service.failed', ({ detail }) => resolve(detail))
    )
    await waitFor(() => den.jobs.list().length > 0)
    expect(den.jobs.list()).toMatchObject([{ kind: 'model.pull', summary: 'hf:acme/absent' }])
    const { serviceId, error } = await failed
    assert.equal(serviceId, 'near')
    assert.match(error, /^absent did not come: /)
    expect(den.services.list()).toMatchObject([
      { id: 'near', status: 'failed' },
      { id: 'far', status: 'elsewhere', models: [{ reason: 'it is for attic' }] },
      { id: 'off', status: 'disabled' }
    ])
    assert.equal(den.jobs.list().length, 1)
  })
})

describe('a service of a program', () => {
  const FIXTURE = join(import.meta.dirname, '../fixtures/programs/program.mjs')

  it('answers to its name with the variables of the service, and says which program is missing', {
    timeout: 60_000
  }, async () => {
    const program = { command: process.execPath, args: [FIXTURE, 'environment'], tasks: ['text-generation'] }
    const yaml = {
      engines: { external: { talk: program } },
      services: {
        talker: {
          models: { default: { model: 'talk', runtime: 'external' } },
          env: { KIND: 'mild' }
        },
        speak: {}
      }
    }
    await using den = await startNode('den', [], { home: await homeWith(JSON.stringify(yaml)) })
    expect(den.services.list()).toMatchObject([
      { id: 'talker', status: 'cold' },
      { id: 'speak', status: 'failed', models: [{ reason: expect.stringContaining('no program "speak"') }] }
    ])
    assert.equal(den.jobs.list().length, 0)
    const units = createUnits({ node: den, gatewayUrl: () => undefined, rotateToken: () => 0, stop() {} })
    await using http = await listenAs({ units }, OWNER)
    const messages = [{ role: 'user', content: 'x' }]
    const { status, body } = await http.send('/v1/chat/completions', { model: 'talker', messages })
    assert.equal(status, 200)
    const [{ message }] = body.choices
    assert.ok(message.content.split(' ')[0].split(',').includes('KIND'), message.content)
  })

  it('is run as the services of this device say: the smallest batch, and their variables', () => {
    const service = (more: object, env?: Record<string, string>, enabled = true) => ({
      enabled,
      models: { default: { model: 'm', runtime: 'onnx' as const, ...more } },
      ...(env && { env })
    })
    const services = {
      one: service({ batch_size: 8 }, { A: '1', B: '1' }),
      two: service({ batch_size: 4 }, { B: '2' }),
      far: service({ batch_size: 2, devices: ['attic'] }, { C: '1' }),
      off: service({ batch_size: 1 }, { D: '1' }, false),
      other: service({ model: 'n', batch_size: 1 })
    }
    assert.deepEqual(chosenFor(services, 'den', 'm'), { batch: 4, env: { A: '1', B: '2' } })
    assert.deepEqual(chosenFor(services, 'attic', 'm'), { batch: 2, env: { A: '1', B: '2', C: '1' } })
    assert.deepEqual(chosenFor(services, 'den', 'k'), {})
  })
})

describe('what a device states of its services', () => {
  it('comes back as it was said', () => {
    const stated = [{ id: 'clip', modelId: 'tiny-clip' }]
    assert.deepEqual(readStated(statedPart(stated)), stated)
    assert.equal(statedPart([]), undefined)
  })

  it('is nothing where a member sends rubbish, and bounded where it sends much', () => {
    const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
    for (const lie of [{}, { services: [] }, { services: { clip: 1 } }, { services: { 'a b': 'x' } }, null])
      assert.deepEqual(readStated(bytesOf(lie)), [])
    assert.deepEqual(readStated(new Uint8Array([0xff])), [])
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`s${i}`, 'm']))
    assert.equal(readStated(bytesOf({ services: many })).length, 64)
    const long = Array.from({ length: 64 }, (_, i) => ({
      id: `s${i}`.padEnd(63, 'x'),
      modelId: 'm'.repeat(128)
    }))
    const part = statedPart(long)!
    assert.ok(part.byteLength <= 4096 && readStated(part).length > 0)
  })
})

describe('init', () => {
  const initIn = async (home: string, ...args: string[]) => {
    const { code, stdout, stderr } = await runCli(['init', ...args, '--json'], { home })
    return { code, ...JSON.parse(stdout || stderr) }
  }

  it('writes each form, says what each service needs, and replaces nothing unasked', {
    timeout: 120_000
  }, async () => {
    const home = await homeWith('name: den # mine\n')
    const refused = await initIn(home, 'clip')
    assert.deepEqual([refused.code, refused.error.code], [2, 'USAGE'])
    assert.equal(await readFile(join(home, 'lumos.yaml'), 'utf8'), 'name: den # mine\n')

    const { needs } = await initIn(home, 'clip,face,ocr,chat,speech', '--force')
    expect(needs).toMatchObject([
      { service: 'clip', engine: 'onnx', from: 'hf:Lumilio-Photos/MobileCLIP2-S2' },
      { service: 'face', licence: expect.stringContaining('not commercial') },
      { service: 'ocr' },
      { service: 'chat', engine: 'llama-cpp', install: 'lumos-node engine install llama-cpp' },
      { service: 'speech', from: 'hf:onnx-community/whisper-base' }
    ])
    const text = await readFile(join(home, 'lumos.yaml'), 'utf8')
    assert.match(text, /^name: den # mine\n/)
    assert.equal(Object.keys((await servicesOf(text)).services).length, 5)

    const on = ['--on', 'den=clip,face', '--on', 'attic=clip', '--dry-run']
    const { written, text: shared } = await initIn(home, '--form', 'distributed', ...on)
    assert.equal(written, false)
    assert.equal(await readFile(join(home, 'lumos.yaml'), 'utf8'), text)
    expect((await servicesOf(shared)).services.clip).toMatchObject({
      models: { default: { devices: ['den', 'attic'] } }
    })
    const edge = await initIn(home, 'clip', '--form', 'edge', '--npu', 'rk3588', '--dry-run')
    expect(edge.needs).toMatchObject([
      { engine: null, problem: expect.stringContaining('runtime: rknn and device: rk3588') }
    ])
    const program = (more: object) => ({ command: process.execPath, tasks: ['text-to-speech'], ...more })
    const npu = program({ runtime: 'rknn', device: 'rk3588' })
    const engines = { external: { speak: program({}), npu } }
    await writeFile(join(home, 'lumos.yaml'), JSON.stringify({ engines }))
    const named = await initIn(home, 'clip,speak', '--form', 'edge', '--npu', 'rk3588', '--force')
    expect(named.needs).toMatchObject([
      { engine: 'external', problem: null },
      { service: 'speak', engine: 'external', problem: null, from: 'a program of yours' }
    ])
    expect(
      (await initIn(home, 'clip', '--form', 'edge', '--npu', 'rk3576', '--dry-run')).needs
    ).toMatchObject([{ engine: null }])
    assert.equal((await initIn(home, 'clpi', '--dry-run')).error.hint, 'Did you mean clip?')
  })
})
