import { describe, expect, it } from 'vitest'
import { echoModel } from '../../capabilities/index.ts'
import { systemClock } from '../../interface/clock.ts'
import type { InferenceChunk } from '../../interface/inference.ts'
import { meets, startNode } from './mesh-nodes.ts'

/** Longer than any test: a stop that waits for it has not heard that the work is over. */
const DRAIN_MS = 600_000
const WORDS = 20
const slow = () => ({ models: [echoModel({ clock: systemClock, wordDelayMs: 20 })] })
const request = { model: 'echo', input: { messages: [{ role: 'user', content: 'a '.repeat(WORDS) }] } }

/** Resolves with the rest of an answer whose first chunk has come. */
async function begun(answer: AsyncIterable<InferenceChunk>): Promise<{ rest: Promise<InferenceChunk[]> }> {
  const chunks = answer[Symbol.asyncIterator]()
  await chunks.next()
  return { rest: Array.fromAsync({ [Symbol.asyncIterator]: () => chunks }) }
}

describe('a node that stops', () => {
  it('gives an answer for a peer time to end, and waits no longer than that', async () => {
    await using server = await startNode('server', [], slow())
    await using asker = await startNode('asker', [server])
    await Promise.all([meets(asker, server), meets(server, asker)])
    const { rest } = await begun(asker.infer(request))
    await server.stop({ drainMs: DRAIN_MS })
    expect((await rest).at(-1)).toMatchObject({ type: 'done', finishReason: 'stop' })
  })

  it('gives an answer for its own program time to end, and waits no longer than that', async () => {
    await using node = await startNode('den', [], slow())
    const { rest } = await begun(node.infer(request))
    await node.stop({ drainMs: DRAIN_MS })
    expect((await rest).at(-1)).toMatchObject({ type: 'done', finishReason: 'stop' })
  })

  it('cuts off an answer that takes longer than it may', async () => {
    await using node = await startNode('den', [], slow())
    const { rest } = await begun(node.infer(request))
    const cut = rest.then(
      () => 'whole',
      () => 'cut'
    )
    await node.stop({ drainMs: 1 })
    expect(await cut).toBe('cut')
  })
})
