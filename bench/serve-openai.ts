/**
 * What gateway and mesh add to a model that streams: a client of `/v1` on one node asks an engine of another, each in a
 * process of its own. It is compared with the same client of the same engine behind a server that does nothing else.
 */

import { type ChatClient, chatClient, type Word } from './chat-client.ts'
import { type Peer, startPeer, take } from './harness.ts'
import { LATE, LATE_MODELS, PACE_MS, PACED } from './paced.ts'
import { medianOf } from './statistics.ts'
import { type BenchTable, tableOf } from './table.ts'

const ROUNDS = { thorough: 15, quick: 2 }
/** Rounds that do not count: by then the code of both ways is compiled. */
const WARMUPS = { thorough: 8, quick: 1 }
const ANSWERS_PER_ROUND = 5
const WORDS = 50
const CHATS = 16
const FIRST_CALLS = 50
const ASKED = 'word '.repeat(WORDS).trim()

const MESH = 'by /v1, on another node'
const BARE = 'the engine behind a bare server'
const ADDED = 'added by gateway and mesh'
const HERE = 'the node that asks, with its gateway'
const THERE = 'the node that answers'

const FIRST_ADDED_MS_MAX = 2.5
const NEXT_ADDED_MS_MAX = 0.5
/** As many words in the same time as 0.95 of the engine's. */
const TIME_MAX = 1.05
const STALL_MS_MAX = 20

interface Provider {
  readonly code: string
  readonly url: string
}
interface Asker {
  readonly url: string
  readonly token: string
}
type Ways = Readonly<Record<string, () => Promise<Word[]>>>
type Series = Map<string, number[]>

export async function servedTables(quick: boolean): Promise<BenchTable[]> {
  await using provider = await startPeer<Provider>(new URL('./paced-server.ts', import.meta.url))
  const { code, url } = provider.addresses
  await using asker = await startPeer<Asker>(new URL('./paced-gateway.ts', import.meta.url), [code])
  const mesh = chatClient(asker.addresses.url, asker.addresses.token)
  const bare = chatClient(url, asker.addresses.token)
  const ways = { [MESH]: () => mesh.ask(PACED, ASKED), [BARE]: () => bare.ask(PACED, ASKED) }
  const tables = [...(await chats(ways, { asker, provider }, quick)), await firstCalls(mesh)]
  for (const client of [mesh, bare]) client.close()
  return tables
}

async function chats(
  ways: Ways,
  { asker, provider }: Readonly<Record<'asker' | 'provider', Peer<unknown>>>,
  quick: boolean
): Promise<BenchTable[]> {
  const size = quick ? 'quick' : 'thorough'
  const first: Series = new Map()
  const next: Series = new Map()
  const together: Series = new Map()
  const stalls: Series = new Map()
  for (let round = -WARMUPS[size]; round < ROUNDS[size]; round++) {
    if (round === 0) for (const series of [first, next, together, stalls]) series.clear()
    for (const [way, ask] of Object.entries(ways)) {
      const answers: Word[][] = []
      for (let n = 0; n < ANSWERS_PER_ROUND; n++) answers.push(await ask())
      take(first, way, medianOf(answers.map(words => words[0]!.ms)))
      take(next, way, medianOf(answers.map(words => (words.at(-1)!.ms - words[0]!.ms) / (WORDS - 1))))
      for (const { stallMs } of [asker, provider]) await stallMs()
      take(together, way, await wordMs(ask))
      if (way !== MESH) continue
      take(stalls, HERE, await asker.stallMs())
      take(stalls, THERE, await provider.stallMs())
    }
    for (const series of [first, next]) {
      take(series, ADDED, series.get(MESH)!.at(-1)! - series.get(BARE)!.at(-1)!)
    }
  }
  const compared = { unit: 'ms', references: [BARE] }
  const limits = { [HERE]: STALL_MS_MAX, [THERE]: STALL_MS_MAX }
  return [
    tableOf(`First word of an engine that says one every ${PACE_MS} ms`, first, {
      ...compared,
      limits: { [ADDED]: FIRST_ADDED_MS_MAX }
    }),
    tableOf('Each next word', next, { ...compared, limits: { [ADDED]: NEXT_ADDED_MS_MAX } }),
    tableOf(`A word, of ${CHATS} chats at once`, together, { ...compared, atMost: TIME_MAX }),
    tableOf(`Longest stall of a loop during ${CHATS} chats`, stalls, { unit: 'ms', references: [], limits })
  ]
}

/** For each word, when several chats go on. */
async function wordMs(ask: () => Promise<Word[]>): Promise<number> {
  const startedMs = performance.now()
  const answers = await Promise.all(Array.from({ length: CHATS }, ask))
  const words = answers.flat().length
  if (words !== CHATS * WORDS) throw new Error(`Of ${CHATS * WORDS} words, ${words} came.`)
  return (performance.now() - startedMs) / words
}

/** Models that nobody asked yet are asked by many at once; each answer says how many times its model was loaded. */
async function firstCalls({ ask }: ChatClient): Promise<BenchTable> {
  const loads: Series = new Map()
  for (let model = 0; model < LATE_MODELS; model++) {
    const asked = Array.from({ length: FIRST_CALLS }, () => ask(`${LATE}-${model}`, 'How many loads?'))
    const answers = await Promise.all(asked)
    take(loads, MESH, Math.max(...answers.map(([word]) => Number(word?.text))))
  }
  const title = `Loads of a model for its ${FIRST_CALLS} first calls, all at once`
  return tableOf(title, loads, { unit: 'loads', references: [], limits: { [MESH]: 1 } })
}
