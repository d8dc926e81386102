/** What a registry says of the speed of its models, measured while it serves. */

import { describe, expect, it } from 'vitest'
import type { Model } from '../../capabilities/host/engine.ts'
import type { Measurements } from '../../capabilities/serving/measurements.ts'
import type { InferenceChunk } from '../../interface/inference.ts'
import { ManualClock } from './manual-clock.ts'
import { registryOf, textRequest } from './parts.ts'

const TOKENS = 10
const clock = new ManualClock()

/** The first token comes after 40 ms, and then one each 10 ms. */
const model: Model = {
  ...{ id: 'm', tasks: ['text-generation'], slots: 1, fileBytes: 7, resumes: true },
  engine: {
    loaded: true,
    memoryBytes: 0,
    load: async () => {},
    close: async () => {},
    async *infer({ resume }): AsyncGenerator<InferenceChunk> {
      clock.advance(30)
      for (let index = resume?.index ?? 0; index < TOKENS; index++) {
        clock.advance(10)
        yield { type: 'text', index, text: 'word' }
      }
      yield { type: 'done', index: TOKENS, finishReason: 'stop', usage: { outputTokens: TOKENS } }
    }
  }
}

function keeping(): Measurements {
  const kept = new Map<string, unknown>()
  return {
    of: (...key) => kept.get(key.join()),
    keep: (id, what, basis, value) => void kept.set([id, what, basis].join(), value)
  }
}

type Options = Parameters<typeof registryOf>[1]
const opened = (options?: Options) => registryOf([model], { clock, ...options })
const speedIn = (registry: ReturnType<typeof opened>) => registry.capabilities({ offered: true })[0]?.speed

async function ask(registry: ReturnType<typeof opened>, times: number, readMs = 0): Promise<void> {
  for (let i = 0; i < times; i++)
    for await (const _ of registry.infer(textRequest('hello'))) clock.advance(readMs)
}

describe('the speed of a model', () => {
  it('is offered once a few answers were measured, and again after a restart', async () => {
    const measurements = keeping()
    let changes = 0
    const registry = opened({ measurements, onChange: () => changes++ })
    await ask(registry, 4)
    expect(speedIn(registry)).toBeUndefined()
    const before = changes
    await ask(registry, 1)
    const speed = { firstChunkMs: 40, tokensPerSecond: 100 }
    expect([speedIn(registry), changes - before]).toEqual([speed, 1])
    await ask(registry, 20)
    expect(changes - before).toBe(1)

    expect(speedIn(opened({ measurements }))).toEqual(speed)
    const others = registryOf([{ ...model, fileBytes: 8 }], { clock, measurements })
    expect(speedIn(others)).toBeUndefined()
    measurements.keep('m', 'speed text-generation', '7', { firstChunkMs: 'soon' })
    expect(speedIn(opened({ measurements }))).toBeUndefined()
  })

  it('is not that of a slow reader, nor of an answer that goes on', async () => {
    const registry = opened()
    await ask(registry, 6, 500)
    expect(speedIn(registry)).toEqual({ firstChunkMs: 40 })

    const resuming = opened()
    const resumed = { ...textRequest('hello'), resume: { index: 1, text: 'word', tokens: [] } }
    for (let i = 0; i < 9; i++) await Array.fromAsync(resuming.infer(resumed))
    expect(speedIn(resuming)).toBeUndefined()
  })
})
