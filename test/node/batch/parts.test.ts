import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { agreementOf } from '../../../interface/tasks/agreement.ts'
import { definitionOf, type TaskName } from '../../../interface/tasks/index.ts'
import { ARRIVING_BYTES_MAX, Arriving } from '../../../node/batch/arriving.ts'
import { itemsOf } from '../../../node/batch/inputs.ts'
import { ResultFile } from '../../../node/batch/results.ts'

const floats = (...values: number[]) => new Uint8Array(new Float32Array(values).buffer)

describe('a batch', () => {
  it('answers that arrive at once are bounded together, and give their room back', () => {
    const arriving = new Arriving()
    const first = arriving.answer()
    first.add(ARRIVING_BYTES_MAX - 10)
    const second = arriving.answer()
    second.add(10)
    assert.throws(() => second.add(1), { code: 'OVERLOADED' })
    first[Symbol.dispose]()
    second.add(ARRIVING_BYTES_MAX - 10)
    second[Symbol.dispose]()
    arriving.answer().add(ARRIVING_BYTES_MAX)
  })
})

describe('a file that is named to a batch', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lumos-batch-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  /** What becomes of each item. */
  async function read(path: string): Promise<string[]> {
    const wanted = { argument: definitionOf('image-classification').argument, question: '', out: '' }
    const became: string[] = []
    for await (const item of itemsOf({ ...wanted, inputs: [path] }))
      became.push(
        await item.read().then(
          () => `${item.name} read`,
          ({ code, message }) => `${item.name} ${code} ${message}`
        )
      )
    return became
  }

  it('for results stays as it is where its one line is longer than any result', async () => {
    const path = join(folder, 'diary.txt')
    await writeFile(path, 'my diary')
    const items = itemsOf({ inputs: [], argument: definitionOf('tensor').argument, question: '', out: path })
    await assert.rejects(ResultFile.open(path, items, 4), { code: 'INVALID_INPUT' })
    expect(await readFile(path, 'utf8')).toBe('my diary')
  })

  it('is refused where its lines are in UTF-16, and a folder is without what systems leave in it', async () => {
    const list = join(folder, 'list.jsonl')
    for (const encoding of ['utf16le', 'utf8'] as const) {
      await writeFile(list, '\ufeff"gone.png"\n"gone.png"', encoding)
      const became = read(list)
      if (encoding === 'utf8') expect(await became).toHaveLength(2)
      else await assert.rejects(became, { code: 'INVALID_INPUT', message: /list\.jsonl is in UTF-16/ })
    }
    await rm(list)
    const names = ['Thumbs.db', 'desktop.ini', '.DS_Store', '__MACOSX', 'सात.png']
    for (const name of names) await writeFile(join(folder, name), 'x')
    expect((await read(folder)).map(one => one.replace(/^[^/]*\//, ''))).toEqual(['सात.png read'])
  })

  it('leads to no file outside of its folder, neither by a link nor by a path', async () => {
    const data = join(folder, 'data')
    await mkdir(data)
    const secret = join(folder, 'secret')
    await writeFile(secret, 'secret')
    await writeFile(join(data, 'own.png'), 'own')
    await symlink(secret, join(data, 'out.png'))
    await symlink('own.png', join(data, 'same.png'))
    expect(await read(data)).toEqual([
      expect.stringMatching(/^data\/out\.png INVALID_INPUT .*leads out of/),
      'data/own.png read',
      'data/same.png read'
    ])
    const list = join(data, 'list.jsonl')
    const paths = [secret, '../secret', 'out.png', 'gone.png', 'own.png', join(data, 'own.png')]
    await writeFile(list, paths.map(path => JSON.stringify(path)).join('\n'))
    const became = await read(list)
    for (const one of became.slice(0, 3)) expect(one).toMatch(/INVALID_INPUT .*leads out of/)
    expect(became[3]).toMatch(/gone\.png cannot be read: there is no such file\.$/)
    expect(became.slice(4)).toEqual(['list.jsonl:5 read', 'list.jsonl:6 read'])
    // The owner of the files may name any, also by a link.
    expect(await read(join(data, 'out.png'))).toEqual(['out.png read'])
    await assert.rejects(read(join(data, 'gone')), /gone cannot be read: there is no such file\.$/)
  })
})

describe('two answers', () => {
  const label = (name: string, score: number) => ({ label: name, score })
  const vector = (...values: number[]) => ({ dimensions: values.length, vectors: floats(...values) })
  const tensor = (type: string, data: Uint8Array, dims = [2]) => ({ tensors: { x: { type, dims, data } } })
  const ranking = (...scores: number[]) => ({ results: scores.map((score, index) => ({ index, score })) })

  const boxAt = (x: number) => ({ xmin: x, ymin: 0, xmax: x + 30, ymax: 30 })
  const objects = (score: number, x = 0, name = 'cat') => ({
    objects: [{ label: name, score, box: boxAt(x) }]
  })
  const faces = (score: number, first: number, x = 0) => ({
    faces: [{ box: boxAt(x), points: Array.from({ length: 5 }, () => [x, 1]), score }],
    ...{ dimensions: 2, embeddings: floats(first, Math.sqrt(1 - first ** 2)) }
  })
  const lines = (text: string, x = 0) => ({
    lines: [{ text, score: 0.9 - x / 1e6, quad: Array.from({ length: 4 }, () => [x, x]) }]
  })

  it.each<[TaskName, string, boolean, unknown, unknown]>([
    [
      'image-classification',
      'near scores',
      true,
      { labels: [label('7', 0.9)] },
      { labels: [label('7', 0.92)] }
    ],
    [
      'image-classification',
      'another label',
      false,
      { labels: [label('7', 0.9)] },
      { labels: [label('1', 0.9)] }
    ],
    [
      ...(['image-classification', 'other unlikely labels', true] as const),
      { labels: [label('7', 0.97), label('1', 0.02)] },
      { labels: [label('7', 0.98), label('2', 0.01)] }
    ],
    ['image-classification', 'no labels', false, { labels: [label('7', 0.9)] }, { labels: [] }],
    ['feature-extraction', 'the same direction', true, vector(0.6, 0.8), vector(0.61, 0.79)],
    ['feature-extraction', 'another direction', false, vector(0.6, 0.8), vector(0.8, 0.6)],
    ['feature-extraction', 'fewer dimensions', false, vector(1, 0), vector(1)],
    ['feature-extraction', 'nothing', false, vector(1, 0), vector(0, 0)],
    ['text-ranking', 'near scores', true, ranking(0.9, 0.1), ranking(0.88, 0.12)],
    ['text-ranking', 'the other order', false, ranking(0.9, 0.1), ranking(0.1, 0.9)],
    ['tensor', 'near numbers', true, tensor('float32', floats(1, 2)), tensor('float32', floats(1.001, 2))],
    ['tensor', 'other numbers', false, tensor('float32', floats(1, 2)), tensor('float32', floats(1, 3))],
    [
      'tensor',
      'other bytes',
      false,
      tensor('int8', new Uint8Array([1, 2])),
      tensor('int8', new Uint8Array([1, 3]))
    ],
    ['image-feature-extraction', 'a millionth between', true, vector(0.6, 0.8), vector(0.600001, 0.8)],
    ['image-feature-extraction', 'another direction', false, vector(0.6, 0.8), vector(0.8, 0.6)],
    ['object-detection', 'a pixel between', true, objects(0.9), objects(0.900001, 1)],
    ['object-detection', 'another place', false, objects(0.9), objects(0.9, 40)],
    ['object-detection', 'another label', false, objects(0.9), objects(0.9, 0, 'dog')],
    ['object-detection', 'one near the threshold', true, objects(0.51), { objects: [] }],
    ['object-detection', 'a certain one missing', false, objects(0.9), { objects: [] }],
    ['face-detection', 'a pixel between', true, faces(0.9, 0.6), faces(0.900001, 0.600001, 1)],
    ['face-detection', 'another person', false, faces(0.9, 1), faces(0.9, 0)],
    ['face-detection', 'a certain one missing', false, faces(0.9, 1), { faces: [] }],
    ['text-recognition', 'a pixel between', true, lines('Invoice 4711'), lines('Invoice 4711', 1)],
    ['text-recognition', 'a character between', true, lines('Invoice 4711'), lines('lnvoice 4711')],
    ['text-recognition', 'another text', false, lines('Invoice 4711'), lines('Invoice 9999')],
    ['text-generation', 'the same text', true, { text: 'yes' }, { text: 'yes' }],
    ['text-generation', 'another text', false, { text: 'yes' }, { text: 'yes.' }]
  ])('of %s with %s say the same: %s', (task, _, expected, one, other) => {
    const definition = definitionOf(task)
    const agrees = agreementOf(definition, definition.params.parse({}))
    expect([agrees(one, other), agrees(other, one)]).toEqual([expected, expected])
  })

  it.each<[string, TaskName, unknown, unknown]>([
    [
      'two vectors for one text',
      'feature-extraction',
      { dimensions: 1, vectors: floats(1, 2) },
      { texts: ['a'] }
    ],
    ['one vector for two pictures', 'image-feature-extraction', vector(1), { images: [1, 2] }],
    ['one text for two', 'translation', { texts: ['a'] }, { texts: ['a', 'b'] }],
    ['a face of no numbers', 'face-detection', faces(0.9, Number.NaN), {}],
    ['a vector of no numbers', 'feature-extraction', vector(Number.NaN), { texts: ['a'] }],
    [
      'a document twice',
      'text-ranking',
      { results: [ranking(1).results[0], ranking(1).results[0]] },
      { documents: ['a', 'b'] }
    ],
    ['a document that is not there', 'text-ranking', ranking(1, 0.5), { documents: ['a'] }]
  ])('%s do not fit what was asked', (_, task, output, input) => {
    expect(definitionOf(task).fits!(output, input)).toBe(false)
  })
})
