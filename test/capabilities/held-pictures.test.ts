/** How many decoded pictures an engine holds, and what a request that leaves stops. */

import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { type PreTrainedModel, type Processor, Tensor } from '@huggingface/transformers'
import sharp from 'sharp'
import { describe, it } from 'vitest'
import { pictureVectors } from '../../capabilities/engines/pictures/clip.ts'
import { pixelsOf } from '../../capabilities/engines/pictures/picture.ts'
import { labelsOf, pictureTower } from '../../capabilities/engines/transformers/vision.ts'

const create = { width: 8, height: 8, channels: 3, background: 'red' } as const
const picture = await sharp({ create }).png().toBuffer()
const pictures = Array<Buffer>(64).fill(picture)

/** A tower whose model ends a run after other work had its turn. */
function slow(onRun: () => void = () => {}) {
  const counts = { read: 0, held: 0, most: 0 }
  const processor = (async () => {
    counts.read++
    counts.most = Math.max(counts.most, ++counts.held)
    return {}
  }) as unknown as Processor
  const model = (async () => {
    onRun()
    for (let turn = 0; turn < 5; turn++) await setImmediate()
    counts.held--
    return { image_embeds: new Tensor('float32', Float32Array.of(1, 0), [1, 2]) }
  }) as unknown as PreTrainedModel
  const ask = pictureVectors({ picture: pictureTower(model, processor) })['image-feature-extraction']!
  return {
    counts,
    ask: (signal?: AbortSignal) => ask({ images: pictures }, { keepAlive: undefined }, { signal })
  }
}

describe('an engine of pictures', () => {
  it('decodes two at once at most', async () => {
    let most = 0
    const onChange = (): void => {
      const { queue, process } = sharp.counters()
      most = Math.max(most, queue + process)
    }
    sharp.queue.on('change', onChange)
    try {
      const options = { color: 'rgb', background: 'white', signal: undefined } as const
      await Promise.all(pictures.map(encoded => pixelsOf(encoded, options)))
    } finally {
      sharp.queue.off('change', onChange)
    }
    // One that ends is counted until the next has begun; on a busy machine it may be done before that.
    assert.ok(most >= 1 && most <= 3, `${most} at once`)
  })

  it('holds two of the 64 of a request until its model has run', async () => {
    const { counts, ask } = slow()
    await ask()
    assert.deepEqual(counts, { read: 64, held: 0, most: 2 })
  })

  it('reads no more pictures of a request that left', async () => {
    const leaves = new AbortController()
    const { counts, ask } = slow(() => leaves.abort(new Error('left')))
    await assert.rejects(async () => await ask(leaves.signal), /left/)
    for (let turn = 0; turn < 20; turn++) await setImmediate()
    assert.ok(counts.read <= 2, `${counts.read}`)
  })
})

it('cuts labels of a model that are longer than an answer may hold', () => {
  const id2label = { 0: 'x'.repeat(257), 1: 'ox' }
  assert.deepEqual(labelsOf({ config: { id2label } } as never), ['x'.repeat(256), 'ox'])
})
