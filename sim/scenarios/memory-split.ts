/** A space is written on both sides of a split; the sides meet again, and must have the same. */

import { pickSome } from '../random.ts'
import { recover } from '../recovery.ts'
import type { Scenario } from '../scenario.ts'
import type { Stage } from '../stage.ts'

/** What is promised of a split. */
const EQUAL_MS = 15_000
const OPERATIONS = 1000
const COME_MS = 30_000

export const memorySplit: Scenario = {
  name: 'memory-split',
  question: 'Does a space that both halves of a mesh have written become the same everywhere once they meet?',
  nodes: 6,
  link: 'good-wifi',

  async run(stage) {
    await stage.assemble()
    const [first] = stage.running
    const { id } = await stage.node(first!).memory.create('shared')
    for (const role of ['member', 'admin'] as const)
      await stage.node(first!).memory.share(id, { role }, 'write')
    await equal(stage, id, 'the space is everywhere', COME_MS)

    const left = pickSome(stage.running, Math.floor(stage.nodes.length / 2), stage.random)
    const right = stage.running.filter(index => !left.includes(index))
    await stage.inflict({ kind: 'partition', groups: [left, right], state: 'down' })
    await Promise.all([left, right].map(half => write(stage, id, half)))
    const healedMs = stage.elapsedMs
    const agreedMs = await recover(stage, COME_MS)
    const equalMs = await equal(stage, id, 'all have the same', EQUAL_MS + COME_MS)
    const tookMs = stage.elapsedMs - healedMs
    stage.must(
      `all have the same within ${EQUAL_MS} ms, not ${tookMs} ms`,
      tookMs <= stage.promised(EQUAL_MS)
    )

    const { docs, bytes } = await stage.node(first!).memory.space(id)
    stage.must(
      'each node has one value of each key',
      (await keysOf(stage, id)).every(n => n === OPERATIONS)
    )
    return [
      { metric: 'operations on each side', value: OPERATIONS, unit: '' },
      { metric: 'mesh agrees after', value: agreedMs, unit: 'ms' },
      { metric: 'all have the same after', value: agreedMs + equalMs, unit: 'ms' },
      { metric: 'documents', value: docs, unit: '' },
      { metric: 'bytes', value: bytes, unit: '' }
    ]
  }
}

/** Both sides write the same keys, each its own values. */
async function write(stage: Stage, space: string, half: readonly number[]): Promise<void> {
  for (let done = 0; done < OPERATIONS; done++) {
    stage.signal.throwIfAborted()
    const index = half[done % half.length]!
    const change = { type: 'set' as const, key: `key-${done}`, value: `node-${index}` }
    await stage.node(index).memory.write(space, 'default', 'facts', [change])
  }
}

/** @returns how long it took until every node has the space with the same content. */
async function equal(stage: Stage, space: string, what: string, withinMs: number): Promise<number> {
  const beganMs = stage.elapsedMs
  for (;;) {
    stage.signal.throwIfAborted()
    const hashes = await Promise.all(
      stage.running.map(async index => {
        const spaces = await stage.node(index).memory.spaces()
        return spaces.find(({ id }) => id === space)?.hash
      })
    )
    if (hashes.every(hash => hash !== undefined && hash === hashes[0])) return stage.elapsedMs - beganMs
    if (stage.elapsedMs - beganMs > stage.promised(withinMs))
      throw new Error(`Not within ${withinMs} ms: ${what}.`)
    await stage.pause(100)
  }
}

const keysOf = (stage: Stage, space: string): Promise<number[]> =>
  Promise.all(
    stage.running.map(async index => {
      const content = await stage.node(index).memory.read(space, 'default')
      return content.kind === 'facts' ? Object.keys(content.facts).length : 0
    })
  )
