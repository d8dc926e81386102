import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, it } from 'vitest'
import { LumosError } from '../../interface/errors.ts'
import { type CheckOptions, checkRepository } from '../../node/weights/repositories/index.ts'
import { errorOffset, offsetIn, placeAt } from '../../node/weights/repositories/json-text.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'lumos-repository-'))
})
afterEach(() => rm(home, { recursive: true, force: true }))

/** What is wrong with a repository of these files. */
async function problemsOf(
  files: Record<string, string | Buffer>,
  options?: CheckOptions
): Promise<readonly string[]> {
  const placed: { path: string; place: string }[] = []
  for (const [path, content] of Object.entries(files)) {
    const place = join(home, path)
    await mkdir(dirname(place), { recursive: true })
    await writeFile(place, content)
    placed.push({ path, place })
  }
  try {
    await checkRepository(placed, options)
    return []
  } catch (err) {
    assert.ok(err instanceof LumosError, String(err))
    assert.equal(err.code, 'WEIGHTS_INVALID')
    return err.details.problems as string[]
  }
}

const INFO = {
  name: 'MobileCLIP-L-14',
  version: '1.0.0',
  description: 'MobileCLIP model for efficient CLIP inference',
  model_type: 'clip',
  embedding_dim: 768,
  runtimes: {
    torch: { available: true, files: ['torch/model.pt'] },
    onnx: { available: true, files: ['onnx/text.onnx', 'onnx/vision.onnx'] },
    rknn: {
      available: true,
      devices: ['rk3566', 'rk3588'],
      files: { rk3566: ['rknn/rk3566/text.rknn'], rk3588: ['rknn/rk3588/text.rknn'] }
    }
  },
  datasets: { ImageNet_10k: 'ImageNet_10k.npz' },
  metadata: { license: 'MIT', author: 'Lumilio Photos', created_at: '2024-01-01' }
}
const FILES = [
  'torch/model.pt',
  'onnx/text.onnx',
  'onnx/vision.onnx',
  'rknn/rk3566/text.rknn',
  'rknn/rk3588/text.rknn',
  'ImageNet_10k.npz'
]
const repository = (info: unknown, files: readonly string[] = FILES) => ({
  'model_info.json': typeof info === 'string' ? info : JSON.stringify(info, null, 2),
  ...Object.fromEntries(files.map(file => [file, 'x']))
})
const but = (...missing: readonly string[]) => FILES.filter(file => !missing.includes(file))

describe('a repository with a description', () => {
  it('is valid as the specification shows it', async () => {
    assert.deepEqual(await problemsOf(repository(INFO)), [])
  })

  it('may have one runtime of several', async () => {
    assert.deepEqual(await problemsOf(repository(INFO, ['ImageNet_10k.npz', 'rknn/rk3588/text.rknn'])), [])
  })

  it('needs no dataset that was not asked for, and every file of a runtime that was', async () => {
    const problems = (files: readonly string[], datasets: readonly string[]) =>
      problemsOf(repository(INFO, files), { parts: { folders: ['onnx'], datasets } })
    assert.deepEqual(await problems(['onnx/text.onnx', 'onnx/vision.onnx'], []), [])
    assert.match(
      (await problems(['onnx/text.onnx', 'onnx/vision.onnx'], ['ImageNet_10k']))[0]!,
      /datasets\.ImageNet_10k/
    )
    await rm(join(home, 'onnx'), { recursive: true })
    assert.match((await problems(['onnx/text.onnx'], []))[0]!, /the file onnx\/vision\.onnx is not there/)
  })

  it('is invalid by the line and column of a file that is not there', async () => {
    assert.deepEqual(await problemsOf(repository(INFO, but('onnx/vision.onnx', 'ImageNet_10k.npz'))), [
      'model_info.json:18:9: runtimes.onnx.files[1]: the file onnx/vision.onnx is not there',
      'model_info.json:38:21: datasets.ImageNet_10k: the file ImageNet_10k.npz is not there'
    ])
    assert.deepEqual(await problemsOf(repository(INFO, ['ImageNet_10k.npz'])), [
      'model_info.json:7:15: runtimes: no runtime has its files there'
    ])
  })

  it('is invalid by the line and column of each value that has another form', async () => {
    const wrong = { ...INFO, embedding_dim: 'many', metadata: { ...INFO.metadata, license: 7 } }
    assert.deepEqual(await problemsOf(repository(wrong)), [
      'model_info.json:6:20: embedding_dim: Invalid input: expected number, received string',
      'model_info.json:41:16: metadata.license: Invalid input: expected string, received number'
    ])
  })

  it.each([['/etc/passwd'], ['../../x.onnx'], ['onnx\\x.onnx'], ['onnx/../../x.onnx']])(
    'is invalid for the file %s',
    async file => {
      const runtimes = { onnx: { available: true, files: [file] } }
      const [problem] = await problemsOf(repository({ ...INFO, runtimes }))
      assert.match(
        problem!,
        /^model_info\.json:11:9: runtimes\.onnx\.files\[0\]: must be a plain relative path$/
      )
    }
  )

  it('is invalid where devices of RKNN and their files do not match', async () => {
    const rknn = { ...INFO.runtimes.rknn, devices: ['rk3566', 'rk3576'] }
    assert.deepEqual(await problemsOf(repository({ ...INFO, runtimes: { rknn } })), [
      'model_info.json:12:9: runtimes.rknn.devices[1]: files lists none for "rk3576"',
      'model_info.json:18:19: runtimes.rknn.files.rk3588: devices does not list this device'
    ])
  })

  it('is invalid where it is no JSON, by the place', async () => {
    assert.deepEqual(await problemsOf(repository('{\n  "name": x\n}')), [
      "model_info.json:2:11: it is no JSON: Unexpected token 'x'"
    ])
    assert.match((await problemsOf(repository('')))[0]!, /^model_info\.json:1:1: it is no JSON/)
    assert.match((await problemsOf(repository(' '.repeat(2_000_000))))[0]!, /limit is 1048576/)
    assert.match((await problemsOf({ 'model_info.json': Buffer.from([0x7b, 0xff, 0xfe]) }))[0]!, /UTF-8/)
  })

  it('finds the place of any value of any JSON', () => {
    const walk = (value: unknown, path: PropertyKey[], text: string): void => {
      const at = offsetIn(text, path)
      const rest = text.slice(at)
      const first = JSON.stringify(value)[0]
      assert.equal(rest[0], first, `${String(path)} is at ${at}`)
      if (typeof value === 'object' && value !== null)
        for (const [key, inner] of Object.entries(value))
          walk(inner, [...path, Array.isArray(value) ? Number(key) : key], text)
    }
    fc.assert(
      fc.property(fc.json(), fc.nat(4), (json, indent) => {
        const value: unknown = JSON.parse(json)
        walk(value, [], JSON.stringify(value, null, indent))
      }),
      { numRuns: 200 }
    )
  })

  it.each([
    ['{"a": x}', 6],
    ['{"a": 1,}', 8],
    ['[1 2]', 3],
    ['{"a" 1}', 5],
    ['[}', 1],
    ['{"a": "b', 6],
    ['[1, 2', 5],
    ['', 0],
    ['01', 1],
    ['{1: 2}', 1],
    ['{} {}', 3]
  ])('finds the mistake in %s', (text, offset) => {
    assert.throws(() => JSON.parse(text))
    assert.equal(errorOffset(text), offset)
  })

  it('finds a place in any text that is no JSON, and finds none in JSON before its end', () => {
    const parts = fc.array(fc.constantFrom('{', '}', '[', ']', ',', ':', '"a"', '1', 'true', ' ', 'x', '"'))
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          parts.map(all => all.join(''))
        ),
        text => {
          const at = errorOffset(text)
          assert.ok(at >= 0 && at <= text.length)
          let isJson = true
          try {
            JSON.parse(text)
          } catch {
            isJson = false
          }
          if (isJson) assert.equal(at, text.length)
        }
      ),
      { numRuns: 300 }
    )
    assert.deepEqual(placeAt('a\nbc\nd', 3), { line: 2, column: 2 })
  })
})

const safetensors = (head: unknown, dataBytes = 0): Buffer => {
  const json = Buffer.from(typeof head === 'string' ? head : JSON.stringify(head))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([length, json, Buffer.alloc(dataBytes)])
}
const tensor = (shape: unknown, begin: unknown, end: unknown, dtype: unknown = 'F32') => ({
  dtype,
  shape,
  data_offsets: [begin, end]
})

describe('a safetensors file', () => {
  it('is valid where its tensors lie side by side', async () => {
    const head = {
      __metadata__: { format: 'pt' },
      a: tensor([2, 3], 0, 24),
      b: tensor([4], 24, 32, 'BF16'),
      c: tensor([0], 32, 32)
    }
    assert.deepEqual(await problemsOf({ 'model.safetensors': safetensors(head, 32) }), [])
    assert.deepEqual(
      await problemsOf({ 'model.safetensors': safetensors({ a: tensor([4], 0, 2, 'F4') }, 2) }),
      []
    )
  })

  it.each<[string, Buffer, RegExp]>([
    ['nothing', Buffer.alloc(0), /no head/],
    ['a head that is longer than the file', Buffer.from('ffffffffffffff7f', 'hex'), /or cut/],
    [
      'a head beyond the limit',
      Buffer.concat([Buffer.from('0000000200000000', 'hex'), Buffer.alloc(0x2000000)]),
      /33554432 bytes; the limit is 16777216/
    ],
    ['a head that is no JSON', safetensors('{"a":'), /no JSON/],
    ['a head that is a list', safetensors([]), /no list of tensors/],
    ['a tensor beyond the end', safetensors({ a: tensor([8], 0, 32) }, 16), /0 to 32, and the file has 16/],
    ['a tensor that ends before it begins', safetensors({ a: tensor([1], 8, 4) }, 8), /8 to 4/],
    ['a negative offset', safetensors({ a: tensor([1], -4, 0) }, 4), /lacks its/],
    ['an offset that is no whole number', safetensors({ a: tensor([1], 0, 1e300) }, 4), /lacks its/],
    [
      'overlapping tensors',
      safetensors({ a: tensor([2], 0, 8), b: tensor([2], 4, 12) }, 12),
      /"b" begins at 4, inside/
    ],
    ['a hole', safetensors({ a: tensor([1], 0, 4), b: tensor([1], 8, 12) }, 12), /4 to 8 belong/],
    ['bytes at the end', safetensors({ a: tensor([1], 0, 4) }, 12), /4 to 12 belong/],
    [
      'another shape than its bytes',
      safetensors({ a: tensor([3], 0, 8) }, 8),
      /has 8 bytes, and its shape makes 12/
    ],
    ['a shape that overflows', safetensors({ a: tensor([2 ** 52, 2 ** 52, 0.5], 0, 8) }, 8), /lacks its/],
    ['a tensor without a description', safetensors({ a: null }), /no description/]
  ])('with %s is refused', async (_, bytes, message) => {
    const problems = await problemsOf({ 'model.safetensors': bytes })
    assert.equal(problems.length, 1)
    assert.match(problems[0]!, message)
  })

  it('with any head is valid or refused with a code', async () => {
    const anyTensor = fc.record(
      { dtype: fc.anything(), shape: fc.anything(), data_offsets: fc.anything() },
      { requiredKeys: [] }
    )
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), fc.oneof(anyTensor, fc.jsonValue())), async head => {
        const json = JSON.stringify(head, (_, value: unknown) =>
          typeof value === 'bigint' ? String(value) : value
        )
        await problemsOf({ 'model.safetensors': safetensors(json, 8) })
      }),
      { numRuns: 50 }
    )
  })
})

describe('other repositories', () => {
  it('name a shard that their index lists and that is not there', async () => {
    const index = JSON.stringify({
      weight_map: { a: 'one.safetensors', b: 'two.safetensors', c: 'two.safetensors' }
    })
    const files = { 'model.safetensors.index.json': index, 'one.safetensors': safetensors({}) }
    assert.deepEqual(await problemsOf(files), [
      'model.safetensors.index.json: the file "two.safetensors" is not there'
    ])
  })

  it('of GGUF files are read by their heads', async () => {
    const file = await readFile('test/fixtures/tiny-llm-gguf/tiny-llm-q8_0.gguf')
    assert.deepEqual(await problemsOf({ 'tiny.gguf': file }), [])
    assert.match(
      (await problemsOf({ 'tiny.gguf': file.subarray(0, file.length - 100) }))[0]!,
      /^tiny\.gguf: .*it is cut/i
    )
    assert.match((await problemsOf({ 'tiny.gguf': Buffer.from('<html>page</html>') }))[0]!, /no GGUF file/)
  })

  it('carry what no engine reads', async () => {
    assert.deepEqual(await problemsOf({ 'config.json': '{}', 'model.bin': 'x', 'onnx/model.onnx': 'x' }), [])
  })
})
