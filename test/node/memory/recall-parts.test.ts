/** What a search is made of: words, one order of several, vectors, and which devices are asked for those. */

import assert from 'node:assert/strict'
import { describe, it, onTestFinished } from 'vitest'
import { type Clock, systemClock } from '../../../interface/clock.ts'
import { LumosError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { NewInferenceRequest } from '../../../interface/node.ts'
import { Embedder, type EmbedderComponents } from '../../../node/memory/recall/embedder.ts'
import { fuse } from '../../../node/memory/recall/fusion-core.ts'
import { toBytes, Vectors } from '../../../node/memory/recall/vectors.ts'
import { matchOf, wordsOf } from '../../../node/memory/recall/words.ts'
import { TextIndex } from '../../../storage/memory/text-index.ts'

const ALL = { docs: undefined, writer: undefined, since: undefined, until: undefined }

function indexOf(...texts: string[]): (question: string) => string[] {
  const index = new TextIndex()
  onTestFinished(() => index.close())
  texts.forEach((text, i) => {
    index.add({ id: i + 1, doc: 1, key: '', text, about: null, writer: 0, at: null }, wordsOf(text))
  })
  return question => {
    const match = matchOf(question)
    return match === undefined ? [] : index.match(match.all, ALL, 10).map(id => texts[id - 1]!)
  }
}

describe('words of a search', () => {
  it('are found without accents, in any case, and by their beginning', () => {
    const find = indexOf('Wir treffen uns im Café Größenwahn', 'Ἀθῆναι', 'naïve approaches')
    assert.deepEqual(find('cafe'), ['Wir treffen uns im Café Größenwahn'])
    assert.deepEqual(find('CAFÉ größ'), ['Wir treffen uns im Café Größenwahn'])
    assert.deepEqual(find('αθηναι'), ['Ἀθῆναι'])
    assert.deepEqual(find('naive appr'), ['naïve approaches'])
    assert.deepEqual(find('pproaches'), [])
  })

  it('are found inside of what is written without spaces', () => {
    const [chinese, japanese, thai, korean] = [
      '我们明天在北京开会',
      '東京タワーの近くで会う',
      'ฉันชอบกินข้าวผัด',
      '서울에서 만나요'
    ]
    const find = indexOf(chinese, japanese, thai, korean)
    assert.deepEqual(find('北京'), [chinese])
    assert.deepEqual(find('京北'), [])
    assert.deepEqual(find('タワー'), [japanese])
    assert.deepEqual(find('ข้าวผัด'), [thai])
    assert.deepEqual(find('서울에'), [korean])
    assert.deepEqual(matchOf('iPhone手机壳')?.all, '"iPhone"* AND "手 机 壳"')
    assert.deepEqual(matchOf('iPhone手机壳')?.some, '"iPhone"* OR "手 机" OR "机 壳"')
  })

  it('are never an expression of FTS5, whatever a person types', () => {
    const find = indexOf('near the AND gate', 'text of note')
    for (const hostile of [
      'text:note',
      '"',
      '""',
      '*',
      'a OR',
      'NEAR(a b)',
      '^text',
      '-note',
      'x AND NOT',
      '{text}: x',
      '\0',
      "');--",
      'a"b*c'
    ])
      assert.doesNotThrow(() => find(hostile), hostile)
    assert.deepEqual(find('AND'), ['near the AND gate'])
    assert.deepEqual(find('text NOT gate'), [])
    assert.equal(matchOf('?!… — 🙂'), undefined)
  })

  it('are sixteen at most, and long runs of marks take no long time', () => {
    const many = matchOf(Array.from({ length: 5000 }, (_, i) => `w${i}`).join(' '))!
    assert.equal(many.all.split(' AND ').length, 16)
    assert.equal(many.some.split(' OR ').length, 16)
    assert.equal(matchOf('北'.repeat(4000))!.some.split(' OR ').length, 16)
    const before = process.cpuUsage()
    for (const hostile of [
      '\u0316\u0301'.repeat(60_000),
      ` ${'\u0591'.repeat(100_000)}`,
      '\ufdfa'.repeat(60_000)
    ])
      wordsOf(hostile)
    const { user, system } = process.cpuUsage(before)
    assert.ok(user + system < 2e6, `${user + system} µs`)
  })
})

describe('one order of several', () => {
  it('prefers what both have, then what is first in one, then what is newer', () => {
    const at = new Map([
      [1, 10],
      [2, 20],
      [3, null],
      [4, 40]
    ])
    const order = (...lists: number[][]) => fuse(lists, id => at.get(id)!).map(({ id }) => id)
    assert.deepEqual(order([1, 2, 3], [4, 3]), [3, 4, 1, 2])
    assert.deepEqual(order([1], [2]), [2, 1])
    assert.deepEqual(order([3], [1]), [1, 3])
    assert.deepEqual(order([], []), [])
  })
})

describe('vectors', () => {
  function random(seed: number): () => number {
    let state = seed
    return () => {
      state = (state * 16807) % 2147483647
      return state / 2147483647 - 0.5
    }
  }

  it('are found nearest first as by the cosine of all, also after some are gone', () => {
    const next = random(7)
    const make = () => Float32Array.from({ length: 40 }, next)
    const all = new Map(Array.from({ length: 3000 }, (_, i) => [i + 1, make()]))
    const vectors = new Vectors(40)
    for (const [id, vector] of all) vectors.put(id, { doc: id % 3, writer: 0, at: id }, toBytes(vector)!)
    for (let id = 1; id <= 3000; id += 2) {
      vectors.remove(id)
      all.delete(id)
    }
    const question = make()
    const cosine = (vector: Float32Array) =>
      vector.reduce((sum, x, i) => sum + x * question[i]!, 0) / Math.hypot(...vector)
    const exact = [...all].sort((a, b) => cosine(b[1]) - cosine(a[1])).map(([id]) => id)
    const near = vectors.nearest(question, () => true, 20).map(({ id }) => id)
    assert.equal(near[0], exact[0])
    assert.ok(near.filter(id => exact.slice(0, 20).includes(id)).length >= 18)
    const some = vectors.nearest(question, (doc, _, at) => doc === 1 && at > 1000, 5).map(({ id }) => id)
    assert.deepEqual(some, exact.filter(id => id % 3 === 1 && id > 1000).slice(0, 5))
  })

  it('with what is no number are none', () => {
    assert.equal(toBytes(Float32Array.of(1, Number.NaN)), undefined)
    assert.equal(toBytes(Float32Array.of(1, Number.POSITIVE_INFINITY)), undefined)
    assert.deepEqual([...toBytes(Float32Array.of(0.5, -0.25))!], [127, -63])
    assert.deepEqual([...toBytes(Float32Array.of(0, 0))!], [0, 0])
  })
})

describe('a device that asks others for vectors', () => {
  /** What waits for time has waited. */
  const hasty: Clock = {
    ...systemClock,
    setTimer(task) {
      const timer = setImmediate(task)
      return { cancel: () => clearImmediate(timer) }
    }
  }
  const quiet = { debug() {}, info() {}, warn() {}, error() {} }
  const textsOf = ({ input }: { readonly input?: unknown }) => (input as { texts: string[] }).texts
  const vectorsOf = (request: NewInferenceRequest, dimensions = 2) => {
    const { length } = textsOf(request)
    return { dimensions, vectors: new Uint8Array(new Float32Array(length * dimensions).fill(1).buffer) }
  }

  /** Peers `reader` and `other`; the spaces `shared`, which `reader` may read and `carrier` may carry, and `private`. */
  function asking(
    more: Partial<ReturnType<EmbedderComponents['mesh']>> & { model?: string; clock?: Clock } = {}
  ) {
    const asked: { peer: string; texts: string[] }[] = []
    const taken: number[] = []
    const texts = { shared: [1, 2], private: [3] } as Record<string, number[]>
    const { model, clock = hasty, ...mesh } = more
    const embedder = new Embedder({
      ...{ model, clock, log: quiet },
      mesh: () => ({
        peerId: 'self',
        providers: () => ['other', 'carrier', 'reader'].map(peerId => ({ peerId, model: 'm' })),
        async *ask(peer, request) {
          asked.push({ peer, texts: textsOf(request) })
          yield { type: 'output', index: 0, output: vectorsOf(request) }
        },
        ...mesh
      }),
      engine: {
        rightOf: async (space, peer) => {
          if (space !== 'shared') return null
          return peer === 'reader' ? 'read' : peer === 'carrier' ? 'carry' : null
        },
        searched: async () => Object.keys(texts),
        async unembedded(space) {
          const left = texts[space]!
          return left.length === 0 ? null : left.map(id => ({ id, text: `text ${id}` }))
        },
        async embedded({ ids }) {
          for (const name in texts) texts[name] = texts[name]!.filter(id => !ids.includes(id))
          taken.push(...ids)
          return true
        }
      }
    })
    const done = async () => {
      embedder.work()
      while (embedder.isWorking) await new Promise(resolve => setImmediate(resolve))
    }
    return { embedder, asked, taken, done, texts }
  }

  it('sends texts of a space to devices that may read it only, and those of a private space to none', async () => {
    const { embedder, asked, taken, done } = asking()
    assert.equal(await embedder.question('secret?', ['private'], {}), undefined)
    assert.equal(await embedder.question('secret?', ['shared', 'private'], {}), undefined)
    assert.equal(asked.length, 0)
    assert.equal((await embedder.question('where?', ['shared'], {}))?.model, 'm')
    await done()
    assert.deepEqual(
      asked.map(({ peer }) => peer),
      ['reader', 'reader']
    )
    assert.deepEqual(asked[1]!.texts, ['text 1', 'text 2'])
    assert.deepEqual(taken, [1, 2])
  })

  it('asks its own model first, for all that it may read', async () => {
    const own = { providers: () => ['reader', 'self'].map(peerId => ({ peerId, model: 'm' })) }
    const { embedder, asked, taken, done } = asking(own)
    assert.notEqual(await embedder.question('secret?', ['private'], {}), undefined)
    await done()
    assert.deepEqual(new Set(asked.map(({ peer }) => peer)), new Set(['self']))
    assert.deepEqual(taken, [1, 2, 3])
  })

  it('asks a model outside the mesh only where the setting names it', async () => {
    // As the mesh does: only what is asked for by name may be outside.
    const providers = (_: string, model?: string) => [
      { peerId: 'reader', model: 'm' },
      ...(model === 'm' ? [{ peerId: 'self', model: 'm' }] : [])
    ]
    const unnamed = asking({ providers })
    await unnamed.embedder.question('where?', ['shared'], {})
    await unnamed.done()
    assert.deepEqual(
      unnamed.asked.map(({ peer }) => peer),
      ['reader', 'reader']
    )
    assert.deepEqual(unnamed.taken, [1, 2])
    const named = asking({ providers, model: 'm' })
    await named.embedder.question('where?', ['shared'], {})
    assert.deepEqual(named.asked[0]?.peer, 'self')
  })

  it('keeps to the model of a space while its device is away for less than an hour', async () => {
    let now = 0
    let offers = [{ peerId: 'reader', model: 'm' }]
    const models: (string | undefined)[] = []
    const { embedder, done, texts } = asking({
      clock: { ...hasty, monotonicMs: () => now },
      providers: () => offers,
      async *ask(_, request) {
        models.push(request.model)
        yield { type: 'output', index: 0, output: vectorsOf(request) }
      }
    })
    await embedder.question('where?', ['shared'], {})
    await done()
    offers = [{ peerId: 'reader', model: 'm2' }]
    texts.shared = [4]
    assert.equal(await embedder.question('where?', ['shared'], {}), undefined)
    await done()
    assert.deepEqual(models, ['m', 'm'])
    now = 3_600_000
    await done()
    assert.deepEqual(models, ['m', 'm', 'm2'])
  })

  it('sends a question to no device where there is no space to search', async () => {
    const { embedder, asked } = asking()
    assert.equal(await embedder.question('secret?', [], {}), undefined)
    assert.equal(asked.length, 0)
  })

  it('goes on without vectors where the answer is false, an error or late', async () => {
    const answers: ReturnType<EmbedderComponents['mesh']>['ask'][] = [
      async function* (_: string, request: NewInferenceRequest) {
        yield { type: 'output', index: 0, output: { ...vectorsOf(request), dimensions: 3 } } as const
      },
      async function* () {
        yield await Promise.reject(new LumosError('ENGINE_FAILED', 'no'))
      },
      async function* (_: string, __: NewInferenceRequest, { signal }: AbortOptions = {}) {
        yield await new Promise<never>((_, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason))
        })
      }
    ]
    for (const ask of answers) {
      const { embedder } = asking({ ask })
      assert.equal(await embedder.question('where?', ['shared'], {}), undefined)
    }
  })

  it('leaves out one text that a model refuses, and no other', async () => {
    const { embedder, taken, done } = asking({
      async *ask(_, request) {
        if (textsOf(request).includes('text 1')) throw new LumosError('INPUT_TOO_LARGE', 'long')
        yield { type: 'output', index: 0, output: vectorsOf(request) }
      }
    })
    await embedder.question('where?', ['shared'], {})
    await done()
    assert.deepEqual(taken, [1, 2])
  })
})
