import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { InvalidInputError, LumosError } from '../../interface/errors.ts'
import { chooseFiles } from '../../node/weights/origins/choose.ts'
import { refText } from '../../node/weights/origins/index.ts'
import { checkConfiguration, readConfiguration } from '../../node/weights/resources/configuration.ts'
import { listResources, problemText, wantsOf } from '../../node/weights/resources/index.ts'

const example = (name: string) => readFile(join('examples/resources', name), 'utf8')
const check = (text: string) => {
  const { configuration, problems, warnings } = checkConfiguration('c.yaml', text)
  return { configuration, problems: problems.map(problemText), warnings: warnings.map(problemText) }
}
const wanted = (text: string) =>
  wantsOf(readConfiguration('c.yaml', text).configuration).map(({ name, ref, parts, usedBy }) => [
    ...[name, refText(ref)],
    [...parts.folders, ...parts.datasets].join(' '),
    usedBy.join(' ')
  ])

const MINIMAL = `metadata:
  region: other
  cache_dir: ~/.lumen
services:
  clip:
    models:
      default:
        model: MobileCLIP2-S2
        runtime: onnx
`

describe('a configuration of resources', () => {
  it.each([
    [
      'config_minimal.yaml',
      [['MobileCLIP2-S2', 'hf:Lumilio-Photos/MobileCLIP2-S2', 'onnx', 'clip:default']],
      0
    ],
    [
      'config_multi_models.yaml',
      [
        ['MobileCLIP2-S2', 'ms:LumilioPhotos/MobileCLIP2-S2', 'onnx', 'clip:default'],
        ['bioclip-2', 'ms:LumilioPhotos/bioclip-2', 'torch TreeOfLife-200M', 'clip:expert'],
        ['antelopev2', 'ms:LumilioPhotos/antelopev2', 'onnx', 'face:default']
      ],
      1
    ],
    [
      'config_hub.yaml',
      [
        ['MobileCLIP2-S2', 'ms:LumilioPhotos/MobileCLIP2-S2', 'onnx', 'clip:default'],
        ['antelopev2', 'ms:LumilioPhotos/antelopev2', 'onnx', 'face:default']
      ],
      1
    ],
    [
      'config_rknn_edge.yaml',
      [['MobileCLIP2-S2', 'ms:LumilioPhotos/MobileCLIP2-S2', 'rknn/rk3588', 'clip:default']],
      1
    ]
  ])('as in the example %s is valid', async (name, wants, warnings) => {
    const text = await example(name)
    assert.deepEqual(wanted(text), wants)
    assert.equal(check(text).warnings.length, warnings)
  })

  it('is warned of once for all that is another program’s', async () => {
    assert.deepEqual(check(await example('config_hub.yaml')).warnings, [
      'c.yaml:7:1: dependencies: not used here: dependencies, hub, package, import. Services are started by their own program'
    ])
  })

  it('asks for each repository once, with all that is needed of it, and for nothing of a service that is off', () => {
    const text = `${MINIMAL}      other:
        model: MobileCLIP2-S2
        runtime: rknn
        rknn_device: rk3566
      own:
        model: acme/tiny
        runtime: torch
  off:
    enabled: false
    models: { default: { model: x, runtime: onnx } }
`
    assert.deepEqual(wanted(text), [
      ['MobileCLIP2-S2', 'hf:Lumilio-Photos/MobileCLIP2-S2', 'onnx rknn/rk3566', 'clip:default clip:other'],
      ['acme/tiny', 'hf:acme/tiny', 'torch', 'clip:own']
    ])
  })

  it.each([
    [
      'lists of models, and device',
      `resources: { region: cn, cache_dir: /opt/lumen }
services:
  clip:
    enabled: true
    models:
      - { model: MobileCLIP2-S2, runtime: onnx }
      - { model: bioclip-2, runtime: torch }
  face:
    models: [{ model: antelopev2, runtime: rknn, device: rk3588 }]
`,
      [
        ['MobileCLIP2-S2', 'ms:LumilioPhotos/MobileCLIP2-S2', 'onnx', 'clip:default'],
        ['bioclip-2', 'ms:LumilioPhotos/bioclip-2', 'torch', 'clip:bioclip-2'],
        ['antelopev2', 'ms:LumilioPhotos/antelopev2', 'rknn/rk3588', 'face:default']
      ]
    ],
    [
      'names of services',
      'services: [clip, face]\nresources: { runtime: onnx, region: other, cache_dir: ~/.lumen }\n',
      [
        ['MobileCLIP2-S2', 'hf:Lumilio-Photos/MobileCLIP2-S2', 'onnx', 'clip:default'],
        ['antelopev2', 'hf:Lumilio-Photos/antelopev2', 'onnx', 'face:default']
      ]
    ],
    [
      'one service with its models beside it',
      'metadata: { region: cn, cache_dir: /x }\nservices: [clip]\nmodels: [MobileCLIP2-S2]\nruntime: rknn\ndevice: rk3588\noptimization: int8\n',
      [['MobileCLIP2-S2', 'ms:LumilioPhotos/MobileCLIP2-S2', 'rknn/rk3588', 'clip:default']]
    ]
  ])('may be written with %s', (_, text, wants) => {
    assert.deepEqual(wanted(text), wants)
  })

  const replaced = (from: string | RegExp, to: string) => MINIMAL.replace(from, to)
  it.each([
    ['', ['c.yaml:1:1: expected names with values, one a line']],
    ['- a\n', ['c.yaml:1:1: expected names with values, one a line']],
    [
      'metadata: [x',
      ['c.yaml:1:13: Flow sequence in block collection must be sufficiently indented and end with a ]']
    ],
    [
      replaced('region: other', 'region: eu'),
      ['c.yaml:2:11: metadata.region: expected cn (ModelScope) or other (Hugging Face)']
    ],
    [
      replaced('  region: other\n', ''),
      ['c.yaml:2:3: metadata.region: expected cn (ModelScope) or other (Hugging Face)']
    ],
    [replaced('~/.lumen', '""'), ['c.yaml:3:14: metadata.cache_dir: expected a text']],
    [
      replaced('runtime: onnx', 'runtime: ONNX'),
      ['c.yaml:9:18: services.clip.models.default.runtime: expected one of torch, onnx, rknn']
    ],
    [
      replaced('runtime: onnx', 'runtime: rknn'),
      ['c.yaml:8:9: services.clip.models.default.rknn_device: expected a device such as rk3588']
    ],
    [
      replaced('runtime: onnx', 'runtime: onnx\n        rknn_device: rk3588'),
      ['c.yaml:10:9: services.clip.models.default.rknn_device: a device is for the runtime rknn alone']
    ],
    [
      replaced('MobileCLIP2-S2', '../../etc'),
      ['c.yaml:8:16: services.clip.models.default.model: expected NAME or OWNER/NAME']
    ],
    [
      replaced('runtime: onnx', 'runtime: onnx\n        dataset: ../x'),
      ['c.yaml:10:18: services.clip.models.default.dataset: expected the name of a dataset']
    ],
    [
      replaced('cache_dir', 'cachedir'),
      [
        'c.yaml:3:3: metadata.cachedir: unknown name; did you mean "cache_dir"?',
        'c.yaml:2:3: metadata.cache_dir: expected a text'
      ]
    ],
    [
      replaced(/ {4}models:[\s\S]*$/, '    models: {}\n'),
      ['c.yaml:4:1: services: at least one enabled service with models is needed']
    ],
    [
      replaced('  clip:\n', '  clip:\n    enabled: false\n'),
      ['c.yaml:4:1: services: at least one enabled service with models is needed']
    ],
    [
      replaced('  clip:\n', '  clip:\n    enabled: maybe\n'),
      ['c.yaml:6:14: services.clip.enabled: expected true or false']
    ],
    [
      replaced('  clip:\n', '  clip:\n    default_model: defualt\n'),
      ['c.yaml:6:20: services.clip.default_model: models has no "defualt"; did you mean "default"?']
    ],
    [
      'metadata: { region: cn, cache_dir: /x }\nservices: [sing]\nruntime: onnx\n',
      ['c.yaml:2:12: services[0]: which models? Of clip, face, ocr they are known']
    ],
    [`${'['.repeat(5000)}`, ['c.yaml:1:1: it is nested deeper than 64 levels']],
    [
      `a: &a [x, x]\nb: &b [*a, *a]\n${Array.from({ length: 80 }, (_, n) => `c${n}: [*b, *b]\n`).join('')}`,
      undefined
    ]
  ])('is refused for %j, by line and column', (text, expected) => {
    const { configuration, problems } = check(text)
    assert.equal(configuration, undefined)
    if (expected === undefined) assert.ok(problems.length > 0)
    else assert.deepEqual(problems.slice(0, expected.length).sort(), expected.toSorted())
    assert.throws(
      () => readConfiguration('c.yaml', text),
      err => err instanceof LumosError && err.code === 'CONFIG_INVALID' && Array.isArray(err.details.problems)
    )
  })

  it('writes nothing of its text to the terminal', async () => {
    const warned: string[] = []
    const onWarning = ({ message }: Error) => void warned.push(message)
    process.on('warning', onWarning)
    check('{token: secret}: 2')
    check('a: !!binary x')
    await new Promise(resolve => setImmediate(resolve))
    process.off('warning', onWarning)
    assert.deepEqual(warned, [])
  })

  it('is valid, or has problems with places, for any text', () => {
    const lines = MINIMAL.split('\n')
    const mutated = fc
      .tuple(
        fc.nat(lines.length - 1),
        fc.constantFrom(
          '',
          '- x',
          '  a: &x {}',
          '  b: *x',
          '? [',
          '\t',
          '  runtime: {}',
          '__proto__: 1',
          '!!binary x'
        )
      )
      .map(([at, line]) => lines.with(at, line).join('\n'))
    fc.assert(
      fc.property(fc.oneof(mutated, fc.string(), fc.json()), text => {
        const { configuration, problems } = checkConfiguration('c', text)
        assert.equal(configuration === undefined, problems.length > 0)
        for (const { line, column } of problems) assert.ok(line! >= 1 && column! >= 1)
      }),
      { numRuns: 200 }
    )
  })
})

describe('the parts that a configuration asks for', () => {
  const names = [
    'model_info.json',
    'onnx/a.onnx',
    'torch/a.pt',
    'rknn/rk3566/a.rknn',
    'rknn/rk3588/a.rknn',
    'Big.npz',
    'vocab.json'
  ]
  const entries = names.map(path => ({ path, bytes: 1 }))
  const chosen = (folders: string[], datasets: string[] = []) =>
    chooseFiles(entries, { memoryBytes: 1e9, parts: { folders, datasets } }).map(({ path }) => path)

  it('are its runtimes and datasets, with what all of them need', () => {
    assert.deepEqual(chosen(['onnx']), ['model_info.json', 'onnx/a.onnx', 'vocab.json'])
    assert.deepEqual(chosen(['rknn/rk3588', 'torch'], ['Big']), [
      'model_info.json',
      'torch/a.pt',
      'rknn/rk3588/a.rknn',
      'Big.npz',
      'vocab.json'
    ])
  })

  it('are refused where the repository has none', () => {
    const refused = (message: RegExp) => (err: unknown) =>
      err instanceof InvalidInputError && message.test(err.message + err.hint)
    assert.throws(() => chosen(['rknn/rk3576']), refused(/no files for rknn\/rk3576.*rknn\/rk3588/))
    assert.throws(() => chosen(['onnx'], ['Small']), refused(/no dataset Small\.npz/))
  })
})

describe('a cache of resources', () => {
  it('is listed with what is there and what is wrong', async () => {
    const home = await mkdtemp(join(tmpdir(), 'lumos-resources-'))
    try {
      const info = {
        ...{ name: 'a', version: '1.0.0', description: '', model_type: 'clip' },
        runtimes: {
          onnx: { available: true, files: ['onnx/a.onnx'] },
          torch: { available: true, files: ['torch/a.pt'] }
        },
        metadata: { license: 'MIT', author: 'x', created_at: '2024-01-01' }
      }
      const files = {
        'models/a/model_info.json': JSON.stringify(info),
        'models/a/onnx/a.onnx': 'graph',
        'models/a/Big.npz': 'data',
        'models/b/x.bin': 'x'
      }
      for (const [name, content] of Object.entries(files)) {
        await mkdir(dirname(join(home, name)), { recursive: true })
        await writeFile(join(home, name), content)
      }
      const expected = [
        {
          ...{ name: 'a', path: join(home, 'models/a'), version: '1.0.0', modelType: 'clip' },
          ...{
            runtimes: ['onnx'],
            datasets: ['Big'],
            bytes: 9 + files['models/a/model_info.json'].length,
            problems: []
          }
        },
        {
          ...{ name: 'b', path: join(home, 'models/b'), version: null, modelType: null },
          ...{ runtimes: [], datasets: [], bytes: 1, problems: ['model_info.json: it is missing'] }
        }
      ]
      assert.deepEqual(await listResources(home), expected)
      assert.deepEqual(await listResources(join(home, 'models')), expected)
      await assert.rejects(listResources(join(home, 'none')), InvalidInputError)
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  })
})
