import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { kindOf } from '../../capabilities/engines/index.ts'
import { readGguf } from '../../capabilities/engines/llama-cpp/gguf.ts'
import { factsOf } from '../../capabilities/engines/llama-cpp/gguf-facts.ts'
import { groupFiles } from '../../capabilities/engines/llama-cpp/gguf-names.ts'
import { Adapters } from '../../capabilities/models/adapters.ts'
import { Catalogue } from '../../capabilities/models/catalogue.ts'
import type { EnginesHere } from '../../capabilities/models/found-model.ts'
import { readModels } from '../../capabilities/models/read-models.ts'
import { systemClock } from '../../interface/clock.ts'
import { Offered } from '../../interface/manifest.ts'
import { adapterFile, headOf, tensor, withEntry } from './gguf-files.ts'
import { memoryLog } from './parts.ts'

const TINY = fileURLToPath(new URL('../fixtures/tiny-llm-gguf/tiny-llm-q8_0.gguf', import.meta.url))
const tiny = readFileSync(TINY)
const directory = mkdtempSync(join(tmpdir(), 'lumos-gguf-'))
afterAll(() => rmSync(directory, { recursive: true }))

const path = join(directory, 'some.gguf')
const read = (bytes: Buffer) => {
  writeFileSync(path, bytes)
  return readGguf(path)
}
const installed = { version: '1', accelerators: [], path: '/engines/llama-cpp/1', mark: TINY }
const engines: EnginesHere = { get: () => installed, isStopped: () => false }

describe('the head of a GGUF file', () => {
  it('says what the model is', async () => {
    const facts = factsOf(await readGguf(TINY))!
    expect(facts).toMatchObject({
      task: 'text-generation',
      architecture: 'llama',
      parameters: 885_888,
      contextTokens: 512,
      // Four layers of two heads of 32 numbers, keys and values, of two bytes each.
      tokenBytes: 4 * 2 * 32 * 2 * 2
    })
    assert.match(facts.template!, /^\{% for message in messages %\}/)
  })

  it('tells models of vectors and of order from those that write', async () => {
    const taskOf = async (entries: Record<string, string | number>) =>
      factsOf(await read(headOf(entries)))?.task
    assert.equal(
      await taskOf({ 'general.architecture': 'qwen3', 'qwen3.pooling_type': 3 }),
      'feature-extraction'
    )
    assert.equal(await taskOf({ 'general.architecture': 'bert' }), 'feature-extraction')
    assert.equal(await taskOf({ 'general.architecture': 'bert', 'bert.pooling_type': 4 }), 'text-ranking')
    assert.equal(
      await taskOf({ 'general.architecture': 'llama', 'llama.pooling_type': 0 }),
      'text-generation'
    )
    assert.equal(await taskOf({ 'general.architecture': 'clip' }), undefined)
    assert.equal(await taskOf({ 'general.architecture': 'llama', 'general.type': 'adapter' }), undefined)
  })

  it.each<[what: string, entries: Record<string, number>]>([
    ['no heads and no layers', { 'llama.attention.head_count': 0, 'llama.block_count': 0 }],
    ['no heads', { 'llama.attention.head_count': 0 }],
    ['the largest heads', { 'llama.attention.head_count_kv': 2 ** 32 - 1, 'llama.block_count': 2 ** 32 - 1 }],
    ['the largest context', { 'llama.context_length': 2 ** 32 - 1 }]
  ])('that states %s has a context that a manifest may state', async (_, entries) => {
    const named = { 'general.architecture': 'llama', 'llama.context_length': 4096 }
    writeFileSync(path, headOf({ ...named, 'llama.embedding_length': 64, ...entries }))
    const [found] = await readModels(path, engines)
    Offered.shape.contextTokens.parse(found!.contextTokens)
    assert.ok((found!.contextTokens ?? 0) <= 32_768)
  })

  it.each<string | number>(['x', 0, 3, 2 ** 31])(
    'that aligns its weights to %j is refused',
    async alignment => {
      const entries = { 'general.architecture': 'llama', 'general.alignment': alignment }
      await expect(read(headOf(entries, [tensor('t', [1000])]))).rejects.toMatchObject({
        code: 'MODEL_INVALID',
        message: expect.stringContaining('aligned')
      })
    }
  )

  it('takes what its makers recommend', async () => {
    const head = await read(headOf({ 'general.architecture': 'llama', 'general.sampling.top_k': 20 }))
    assert.equal(factsOf(head)!.recommended.topK, 20)
  })

  it.for([
    ['another kind of file', Buffer.from('PK\u0003\u0004 and more than that'), /first bytes/],
    [
      'a later version',
      Buffer.concat([Buffer.from('GGUF'), Buffer.from([9, 0, 0, 0]), Buffer.alloc(16)]),
      /version of GGUF is 9/
    ],
    ['an empty one', Buffer.alloc(0), /it is cut/],
    ['a cut head', tiny.subarray(0, 3000), /it is cut/],
    ['cut weights', tiny.subarray(0, 900_000), /900000 of \d+ bytes are there/],
    ['too many entries', huge(16), /more than 4096 entries/],
    ['too many tensors', huge(8), /more than 200000 tensors/],
    [
      'a text that is longer than the file',
      Buffer.concat([huge(24, 1n), Buffer.from([255, 255, 0, 0, 0, 0, 0, 0])]),
      /bytes of a text/
    ],
    ['a tensor of five dimensions', headOf({}, [tensor('w', [1, 1, 1, 1, 1])]), /5 dimensions/],
    ['a tensor larger than any file', headOf({}, [tensor('w', [2 ** 40, 2 ** 40])]), /larger than any file/],
    ['a tensor beyond the end', headOf({}, [tensor('w', [4], 2 ** 40)]), /it is cut/]
  ] as const)('is refused for %s', async ([, bytes, why]) => {
    await assert.rejects(read(Buffer.from(bytes)), { code: 'MODEL_INVALID', message: why })
  })

  it('is read alike with an entry more', async () => {
    const head = await read(withEntry(tiny, 'general.note', 'x'.repeat(999)))
    assert.equal(factsOf(head)!.parameters, 885_888)
  })
})

/** A head whose number at `at` is `value`. */
function huge(at: number, value = 2n ** 60n): Buffer {
  const head = Buffer.from(headOf({}))
  const bytes = at < head.length ? head : Buffer.concat([head])
  if (at < bytes.length) bytes.writeBigUInt64LE(value, at)
  else bytes.writeBigUInt64LE(value, 16)
  return bytes
}

describe('names of GGUF files', () => {
  it('are grouped by model: parts are one file, what sees is none, and sizes are variants', () => {
    const groups = groupFiles([
      'Qwen3-8B-Q4_K_M.gguf',
      'Qwen3-8B-Q8_0.gguf',
      'mmproj-Qwen3-8B-f16.gguf',
      'big-IQ2_XS-00001-of-00002.gguf',
      'big-IQ2_XS-00002-of-00002.gguf',
      'cut-Q4_0-00001-of-00003.gguf',
      'plain.gguf'
    ])
    assert.deepEqual(Object.fromEntries(groups), {
      'Qwen3-8B': [
        { label: 'q4_k_m', files: ['Qwen3-8B-Q4_K_M.gguf'] },
        { label: 'q8_0', files: ['Qwen3-8B-Q8_0.gguf'] }
      ],
      big: [{ label: 'iq2_xs', files: ['big-IQ2_XS-00001-of-00002.gguf', 'big-IQ2_XS-00002-of-00002.gguf'] }],
      plain: [{ label: undefined, files: ['plain.gguf'] }]
    })
  })
})

describe('folders with GGUF files', () => {
  const idsIn = async (place: string) => (await readModels(place, engines)).map(({ id }) => id)

  it('are models by the name of the folder, with a variant for each size', async () => {
    const folder = join(directory, 'tiny')
    mkdirSync(folder)
    cpSync(TINY, join(folder, 'tiny-llm-Q8_0.gguf'))
    assert.deepEqual(await idsIn(folder), ['tiny'])
    writeFileSync(join(folder, 'tiny-llm-Q4_0.gguf'), withEntry(tiny, 'general.note', 'larger by this much'))
    const found = await readModels(folder, engines)
    // One model of each, so that one that is asked under both of its names is loaded once.
    assert.deepEqual(
      found.map(({ id, aliases = [] }) => [id, ...aliases]),
      [['tiny', 'tiny:q4_0'], ['tiny:q8_0']]
    )
    // Both fit this device, so the larger one is meant.
    assert.match(found[0]!.parts[0]!, /Q4_0/)
  })

  it('are repositories of a publisher, as LM Studio keeps them', async () => {
    mkdirSync(join(directory, 'someone/tiny-GGUF'), { recursive: true })
    cpSync(TINY, join(directory, 'someone/tiny-GGUF/tiny-Q8_0.gguf'))
    assert.deepEqual(await idsIn(join(directory, 'someone')), ['someone/tiny-GGUF'])
  })

  it('may be missing: a file by itself is a model', async () => {
    cpSync(TINY, join(directory, 'alone-Q8_0.gguf'))
    assert.deepEqual(await idsIn(join(directory, 'alone-Q8_0.gguf')), ['alone-Q8_0'])
  })

  it('are left out with what to do when the engine is not installed, or is stopped', async () => {
    const place = join(directory, 'alone-Q8_0.gguf')
    await assert.rejects(readModels(place, { ...engines, get: () => undefined }), {
      code: 'MODEL_INVALID',
      message: /lumos-node engine install llama-cpp/
    })
    await assert.rejects(readModels(place, { ...engines, isStopped: () => true }), {
      message: /lumos-node engine start llama-cpp/
    })
  })

  it('name the file that is broken', async () => {
    mkdirSync(join(directory, 'broken'))
    writeFileSync(join(directory, 'broken/a.gguf'), 'no')
    await assert.rejects(readModels(join(directory, 'broken'), engines), { message: /^a\.gguf: it is/ })
  })
})

describe('an adapter', () => {
  const CID = 'bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi'
  const adapters = new Adapters((adapter, base) => kindOf('llama-cpp').adapt!(adapter, base))
  const folderOf = (name: string, files: Record<string, string | Buffer>) => {
    const folder = join(directory, name)
    mkdirSync(folder)
    for (const [file, bytes] of Object.entries(files)) writeFileSync(join(folder, file), bytes)
    return folder
  }
  const matrix = adapterFile('llama', 'blk.3.ffn_down.weight', [384, 128])
  const adapterOf = (name: string, base: unknown, file = matrix) =>
    folderOf(name, {
      'adapter.gguf': file,
      'adapter_config.json': JSON.stringify({ peft_type: 'LORA', base_model_name_or_path: base })
    })
  const one = async (folder: string) => (await readModels(folder, engines))[0]!

  it('is served under its own name, with the weights of the model that it names by CID or by name', async () => {
    const base = await one(folderOf('base', { 'base-Q8_0.gguf': tiny }))
    const bases = [{ model: base, cid: CID }]
    for (const [name, wanted] of [
      ['by-cid', CID],
      ['by-name', 'base']
    ] as const) {
      const adapter = await one(adapterOf(name, wanted))
      expect(adapter).toMatchObject({ id: name, base: wanted })
      const adapted = adapters.adapted(adapter, bases)
      expect(adapted).toMatchObject({ id: name, base: 'base', format: 'adapter', tasks: ['text-generation'] })
      expect(adapted.settings).toMatchObject({ file: 'base-Q8_0.gguf', adapter: adapter.parts[0] })
      // Of the same two it is the same model, and of another base another.
      assert.equal(adapters.adapted(adapter, bases), adapted)
      assert.notEqual(adapters.adapted(adapter, [{ model: { ...base }, cid: CID }]), adapted)
    }
  })

  it('is refused where its base is absent, is of another architecture, or takes no adapter', async () => {
    const base = await one(folderOf('other-base', { 'a.gguf': tiny }))
    const bases = [{ model: base, cid: undefined }]
    const adapter = await one(adapterOf('lost', CID))
    assert.throws(() => adapters.adapted(adapter, bases), { code: 'MODEL_INVALID', message: new RegExp(CID) })
    const wrong = await one(adapterOf('wrong', 'other-base', adapterFile('qwen3', 'blk.0.x.weight', [4, 4])))
    assert.throws(() => adapters.adapted(wrong, bases), { message: /for qwen3, and other-base is llama/ })
    const named = await one(adapterOf('named', 'other-base'))
    const elsewhere = [{ model: { ...base, engine: 'transformers' }, cid: undefined }]
    assert.throws(() => adapters.adapted(named, elsewhere), { message: /is opened by transformers/ })
  })

  it('is left out of a catalogue until the repository that it names by its CID comes', async () => {
    const store = join(directory, 'store')
    mkdirSync(store)
    const adapter = adapterOf('store/mine', CID)
    const catalogue = new Catalogue({
      ...{ clock: systemClock, log: memoryLog(), fixed: [], directories: [], engines },
      serve: ({ id, tasks }) => ({ id, tasks, slots: 1, engine: {} as never }),
      adapt: (adapter, base) => kindOf(adapter.engine).adapt!(adapter, base),
      onChange() {}
    })
    const refresh = await catalogue.include(store, id => (id === 'org/base' ? CID : undefined))
    expect(catalogue.found).toEqual([])
    expect(catalogue.leftOut).toMatchObject([{ place: adapter, model: 'mine', code: 'MODEL_INVALID' }])
    folderOf('store/org%2Fbase', { 'base.gguf': tiny })
    await refresh()
    expect(catalogue.leftOut).toEqual([])
    const mine = () => catalogue.found.find(({ id }) => id === 'mine')
    expect(catalogue.found.map(({ id }) => id).toSorted()).toEqual(['mine', 'org/base'])
    expect(mine()).toMatchObject({ base: 'org/base', format: 'adapter' })
    const before = mine()
    await refresh()
    assert.equal(mine(), before)
    catalogue.stop()
  })

  it('is left out where nothing names its base, or only PEFT reads it', async () => {
    await assert.rejects(readModels(folderOf('bare', { 'a.gguf': matrix }), engines), {
      message: /adapter_config\.json is missing/
    })
    await assert.rejects(readModels(adapterOf('number', 7), engines), { message: /base_model_name_or_path/ })
    const peft = { 'adapter_config.json': '{}', 'adapter_model.safetensors': '' }
    await assert.rejects(readModels(folderOf('peft', peft), engines), { message: /convert_lora_to_gguf/ })
  })
})
