/** Search over what a device keeps: by words, for a node without a model that makes vectors. */

import { seededRandom } from '../sim/random.ts'
import { ownStallMs, take } from './harness.ts'
import { LOG } from './memory-space.ts'
import { startNode } from './nodes.ts'
import { quantileOf } from './statistics.ts'
import { type BenchTable, tableOf } from './table.ts'

const ENTRIES = { thorough: 100_000, quick: 1000 }
const JOURNAL_MAX = 10_000
/** Some 60 bytes each: a write has 256 KiB at most. */
const ENTRIES_PER_WRITE = 1000
const WORDS_PER_ENTRY = 10
/** As a person knows. The most frequent is in every third entry, as it is in language. */
const VOCABULARY = 20_000
const ROUNDS = { thorough: 15, quick: 1 }
const SEARCHES_PER_ROUND = 40
const P95_MS_MAX = 50
const FOUND = 'p95, ten found'

export async function searchTable(quick: boolean, stalls: Map<string, number[]>): Promise<BenchTable> {
  const size = quick ? 'quick' : 'thorough'
  const node = await startNode({})
  const random = seededRandom(1)
  const word = (): string => `w${Math.floor(VOCABULARY ** random())}`
  const text = (words: number): string => Array.from({ length: words }, word).join(' ')
  const { id } = await node.memory.create(LOG)
  for (let n = 0; n < ENTRIES[size]; n += ENTRIES_PER_WRITE) {
    const changes = Array.from({ length: ENTRIES_PER_WRITE }, (_, i) => ({
      ...{ type: 'append' as const, id: `e${n + i}`, value: text(WORDS_PER_ENTRY) }
    }))
    await node.memory.write(id, `${LOG}-${Math.floor(n / JOURNAL_MAX)}`, 'journal', changes)
  }
  const series = new Map<string, number[]>()
  // The first search reads all there is into the index.
  await node.memory.search(text(2))
  for (let round = -1; round < ROUNDS[size]; round++) {
    const times: number[] = []
    ownStallMs()
    for (let i = 0; i < SEARCHES_PER_ROUND; i++) {
      const query = text(2)
      const startedMs = performance.now()
      await node.memory.search(query)
      times.push(performance.now() - startedMs)
    }
    if (round < 0) continue
    take(series, FOUND, quantileOf(times, 0.95))
    take(stalls, 'of a device that searches', ownStallMs())
  }
  await node.stop()
  return tableOf(`A search of two words, over ${ENTRIES[size].toLocaleString('en')} entries`, series, {
    ...{ unit: 'ms', references: [] },
    limits: { [FOUND]: P95_MS_MAX }
  })
}
