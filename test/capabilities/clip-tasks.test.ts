/** What a CLIP model does with labels, with graphs that answer at once. */

import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import { clipTasks, type Towers } from '../../capabilities/engines/pictures/clip.ts'
import type { LabelSet } from '../../capabilities/engines/pictures/label-set.ts'

const SETTINGS = { prompt: '{}', logitScale: 1, datasets: { birds: 'birds.npz', plants: 'plants.npz' } }
const vector = Float32Array.of(1, 0)
const set: LabelSet = { labels: ['a', 'b'], dimensions: 2, vectors: Float32Array.of(1, 0, 0, 1) }
const picture = async () => vector
const image = new Uint8Array(1)

/** Asks with these parameters. */
function asker(towers: Towers, read: (file: string) => Promise<LabelSet>) {
  const ask = clipTasks(towers, SETTINGS, read)['zero-shot-image-classification']!
  return (params: object, signal?: AbortSignal) => ask({ image }, { topK: 1, ...params } as never, { signal })
}

describe('label sets of a picture model', () => {
  it('are each read once for many requests at once, one archive at a time', async () => {
    const files: string[] = []
    let now = 0
    let most = 0
    const ask = asker({ picture }, async file => {
      files.push(file)
      most = Math.max(most, ++now)
      await new Promise(resolve => setImmediate(resolve))
      now--
      return set
    })
    await Promise.all(Array.from({ length: 32 }, (_, at) => ask({ dataset: at % 2 ? 'birds' : 'plants' })))
    assert.deepEqual([files.toSorted(), most], [['birds.npz', 'plants.npz'], 1])
  })

  it('are read again after a file could not be read', async () => {
    let reads = 0
    const ask = asker({ picture }, async () => {
      if (++reads === 1) throw new Error('torn')
      return set
    })
    await assert.rejects(ask({ dataset: 'birds' }), /torn/)
    assert.equal((await ask({ dataset: 'birds' })).output.labels[0]!.label, 'a')
  })

  it('are compared in turns, so that a cancel ends it', async () => {
    const dimensions = 512
    const labels = Array<string>(40_000).fill('a')
    const large = { labels, dimensions, vectors: new Float32Array(labels.length * dimensions) }
    const cancel = new AbortController()
    const ask = asker(
      {
        picture: async () => {
          setImmediate(() => cancel.abort(new Error('cancelled')))
          return new Float32Array(dimensions)
        }
      },
      async () => large
    )
    await assert.rejects(ask({ dataset: 'birds' }, cancel.signal), /cancelled/)
  })

  it('of a request keep their vectors while other requests bring theirs', async () => {
    let release = () => {}
    const texts: Towers['texts'] = async asked => {
      if (asked.includes('slow')) await new Promise<void>(resolve => (release = resolve))
      return { vectors: asked.map(() => vector), inputTokens: 1 }
    }
    const ask = asker({ picture, texts }, async () => set)
    await ask({ labels: ['kept'] })
    const slow = ask({ labels: ['kept', 'slow'] })
    await ask({ labels: Array.from({ length: 4096 }, (_, at) => `other ${at}`) })
    release()
    assert.equal((await slow).output.labels[0]!.label, 'kept')
  })
})
