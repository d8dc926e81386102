/** Batches over three real nodes. */

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Engine } from '../../../capabilities/host/engine.ts'
import type { BatchResult, BatchWanted } from '../../../interface/batch.ts'
import type { InferenceChunk, PreparedRequest } from '../../../interface/inference.ts'
import type { JobInfo } from '../../../interface/jobs.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { TaskInput } from '../../../interface/tasks/index.ts'
import { knows, startNode } from '../mesh-nodes.ts'

type Does = 'well' | 'lies' | 'two vectors' | 'nothing' | 'fails at 7'

const float = (value: number) => new Uint8Array(new Float32Array([value, 1]).buffer)

const NAMES = ['attic', 'den', 'shed']

/** Nobody answers before each device was asked: none is done before the others have begun. */
class Meeting {
  readonly #came = new Set<object>()
  readonly #all = Promise.withResolvers<void>()
  of(engine: object): Promise<void> {
    this.#came.add(engine)
    if (this.#came.size === NAMES.length) this.#all.resolve()
    return this.#all.promise
  }
}

/** The vector of a text is its number. */
class Numbers implements Engine {
  readonly loaded = true
  readonly memoryBytes = 0
  readonly #does: Does
  readonly #meeting: Meeting
  readonly asked: string[] = []
  constructor(does: Does, meeting: Meeting) {
    this.#does = does
    this.#meeting = meeting
  }
  async load(): Promise<void> {}
  async close(): Promise<void> {}
  async *infer({ input }: PreparedRequest, { signal }: AbortOptions = {}): AsyncGenerator<InferenceChunk> {
    const { texts } = input as TaskInput<'feature-extraction'>
    this.asked.push(texts[0]!)
    await this.#meeting.of(this)
    // An answer of another process takes a turn at least.
    await new Promise(resolve => setImmediate(resolve))
    if (this.#does === 'nothing')
      await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    if (this.#does === 'fails at 7' && texts[0] === '7') throw new Error('seven')
    const value = float(this.#does === 'lies' ? -100 : Number(texts[0]))
    const vectors = this.#does === 'two vectors' ? new Uint8Array([...value, ...value]) : value
    yield { type: 'output', index: 0, output: { dimensions: 2, vectors } }
    yield { type: 'done', index: 1, finishReason: 'stop', usage: {} }
  }
}

/** What each of the three devices does, by model. */
const MODELS: Record<string, readonly [Does, Does, Does]> = {
  all: ['well', 'well', 'well'],
  misfit: ['well', 'two vectors', 'well'],
  liar: ['well', 'well', 'lies'],
  stuck: ['well', 'well', 'nothing'],
  poison: ['fails at 7', 'fails at 7', 'fails at 7']
}
const engines: Record<string, Numbers[]> = {}
type Node = Awaited<ReturnType<typeof startNode>>
let nodes: Node[] = []
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lumos-batch-'))
  const meetings = new Map(Object.keys(MODELS).map(id => [id, new Meeting()]))
  for (const [i, name] of NAMES.entries()) {
    const models = Object.entries(MODELS).map(([id, does]) => {
      const engine = new Numbers(does[i]!, meetings.get(id)!)
      engines[id] = [...(engines[id] ?? []), engine]
      return { id, tasks: ['feature-extraction' as const], slots: 1, engine }
    })
    nodes.push(await startNode(name, nodes, { models }))
  }
  await Promise.all(
    nodes.flatMap(node => nodes.filter(other => other !== node).map(other => knows(node, other)))
  )
})
afterAll(async () => {
  for (const node of nodes) await node[Symbol.asyncDispose]()
  nodes = []
  await rm(folder, { recursive: true, force: true })
})

async function numbersFile(name: string, count: number): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, Array.from({ length: count }, (_, i) => `${i}\n`).join(''))
  return path
}

async function ended({ id }: JobInfo): Promise<JobInfo & { result: BatchResult }> {
  let last: JobInfo | undefined
  for await (const job of nodes[0]!.jobs.watch(id)) last = job
  return last as JobInfo & { result: BatchResult }
}

const batch = (wanted: BatchWanted) => ended(nodes[0]!.batch.begin(wanted))

interface Line {
  readonly index: number
  readonly input: string
  readonly peer: string
  readonly output?: { readonly vectors: string }
  readonly error?: { readonly code: string }
}
const linesOf = async (path: string): Promise<Line[]> =>
  (await readFile(path, 'utf8'))
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
const numberOf = ({ output }: Line) => Buffer.from(output!.vectors, 'base64').readFloatLE(0)
const range = (count: number) => Array.from({ length: count }, (_, i) => i)

describe('a batch over three devices', () => {
  it('writes the answer to each line once, in order, and every device takes part', async () => {
    const out = join(folder, 'all.jsonl')
    const { state, result, error } = await batch({
      model: 'all',
      inputs: [await numbersFile('all.txt', 400)],
      out
    })
    expect([state, error]).toEqual(['done', null])
    const lines = await linesOf(out)
    expect(lines.map(({ index }) => index)).toEqual(range(400))
    expect(lines.map(numberOf)).toEqual(range(400))
    expect(lines[7]!.input).toBe('all.txt:8')
    expect(new Set(lines.map(({ peer }) => peer))).toEqual(new Set(NAMES))
    expect(result).toMatchObject({ items: 400, before: 0, failed: 0, model: 'all' })
  })

  it('goes on where it was given up, and asks for nothing twice', async () => {
    const out = join(folder, 'resumed.jsonl')
    const wanted = { model: 'all', inputs: [await numbersFile('resumed.txt', 300)], out }
    await writeFile(out, '')
    expect((await batch(wanted)).result.before).toBe(0)
    const whole = await readFile(out, 'utf8')
    // A node that was killed while it wrote line 101.
    const cut = whole.split('\n').slice(0, 100).join('\n')
    await writeFile(out, `${cut}\n${whole.slice(cut.length + 1, cut.length + 30)}`)
    const asked = () => engines.all!.flatMap(engine => engine.asked).length
    const before = asked()
    const { result } = await batch(wanted)
    expect(result).toMatchObject({ items: 300, before: 100, failed: 0 })
    const lines = await linesOf(out)
    expect(lines.map(numberOf)).toEqual(range(300))
    expect(asked() - before).toBeLessThan(200 + 3 * 64)
    expect((await batch(wanted)).result).toMatchObject({ items: 300, before: 300, devices: [] })
  })

  it('touches no file that holds anything else', async () => {
    const inputs = [await numbersFile('other.txt', 3)]
    for (const content of [
      'my diary',
      'my diary\n',
      '{"index":0,"mark":"0"}\n',
      '{"index":0,"input":"other.txt:1"}\n'
    ]) {
      const out = join(folder, 'diary.txt')
      await writeFile(out, content)
      const { state, error } = await batch({ model: 'all', inputs, out })
      expect([state, error?.code]).toEqual(['failed', 'INVALID_INPUT'])
      expect(await readFile(out, 'utf8')).toBe(content)
    }
  })

  it('reads the files of a folder by name, without the results among them', async () => {
    const photos = join(folder, 'photos')
    await mkdir(join(photos, 'deep'), { recursive: true })
    await writeFile(join(photos, 'b.txt'), '2')
    await writeFile(join(photos, 'a.txt'), '1')
    await writeFile(join(photos, 'deep', 'c.txt'), '3')
    await writeFile(join(photos, '.hidden'), '4')
    await writeFile(join(photos, 'd.bin'), new Uint8Array([0xff, 0xfe, 0xff]))
    const out = join(photos, 'out.jsonl')
    const more = join(folder, 'more.jsonl')
    await writeFile(more, '"5"\n\n{"texts":["6"]}\n{"texts":6}\nnot json\n')
    const { result } = await batch({ task: 'feature-extraction', model: 'all', inputs: [photos, more], out })
    const lines = await linesOf(out)
    const names = ['photos/a.txt', 'photos/b.txt', 'photos/d.bin', 'photos/deep/c.txt']
    expect(lines.map(({ input }) => input)).toEqual([
      ...names,
      ...['more.jsonl:1', 'more.jsonl:3', 'more.jsonl:4', 'more.jsonl:5']
    ])
    const good = lines.filter(({ error }) => error === undefined)
    expect(good.map(numberOf)).toEqual([1, 2, 3, 5, 6])
    expect(lines.flatMap(({ error }) => error?.code ?? [])).toEqual(Array(3).fill('INVALID_INPUT'))
    expect(result).toMatchObject({ items: 8, failed: 3 })
  })

  it('gives an item that fails on two devices its error, and all others their answers', async () => {
    const out = join(folder, 'poison.jsonl')
    const { result } = await batch({ model: 'poison', inputs: [await numbersFile('poison.txt', 50)], out })
    const lines = await linesOf(out)
    expect(result.failed).toBe(1)
    expect(lines.filter(({ error }) => error !== undefined).map(({ index }) => index)).toEqual([7])
    expect(engines.poison!.filter(({ asked }) => asked.includes('7')).length).toBe(2)
  })
})

describe('a peer in a batch', () => {
  it('that answers with two vectors for one text has none of them in the results', async () => {
    const out = join(folder, 'misfit.jsonl')
    const { result } = await batch({ model: 'misfit', inputs: [await numbersFile('misfit.txt', 200)], out })
    const lines = await linesOf(out)
    expect(lines.map(numberOf)).toEqual(range(200))
    expect(lines.some(({ peer }) => peer === 'den')).toBe(false)
    expect(engines.misfit![1]!.asked.length).toBeGreaterThan(0)
    expect(result.failed).toBe(0)
  })

  it('that never answers keeps no item from its answer', async () => {
    const out = join(folder, 'stuck.jsonl')
    await batch({ model: 'stuck', inputs: [await numbersFile('stuck.txt', 100)], out })
    expect((await linesOf(out)).map(numberOf)).toEqual(range(100))
    expect(engines.stuck![2]!.asked.length).toBeGreaterThan(0)
  })

  it('that lies is found by samples, named, and asked after the others from then on', async () => {
    const out = join(folder, 'liar.jsonl')
    const inputs = [await numbersFile('liar.txt', 200)]
    const { result } = await batch({ model: 'liar', inputs, out, verify: 200 })
    expect(result.devices.filter(({ differed }) => differed > 0).map(({ name }) => name)).toEqual(['shed'])
    expect(result.samples.open).toBe(0)
    expect((await linesOf(out)).map(numberOf)).toEqual(range(200))
    const ranked = nodes[0]!.explain({ model: 'liar' }).map(({ name }) => name)
    expect(ranked.sort()).toEqual(['attic', 'den'])
  })
})
