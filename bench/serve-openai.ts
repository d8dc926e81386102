/**
 * What gateway and mesh add to a model that streams: a client of `/v1` on one node, asking a paced engine on another,
 * against the same engine here.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { echoModel } from '../capabilities/index.ts'
import { Gateway } from '../gateway/index.ts'
import { systemClock } from '../interface/clock.ts'
import type { LumosNode } from '../interface/node.ts'
import { prepare } from '../interface/prepare.ts'
import { createUnits } from '../units/index.ts'
import { startPeer, take } from './harness.ts'
import { knowsModel, startNode } from './nodes.ts'
import { PACE_MS, PACED } from './paced.ts'
import { medianOf } from './statistics.ts'
import { type BenchTable, tableOf } from './table.ts'

const ROUNDS = { thorough: 15, quick: 2 }
const ANSWERS_PER_ROUND = 5
const WORDS = 50
/** Chats at once. */
const CHATS = 16
const TOKEN = 'token-of-this-benchmark'
const ASKED = 'word '.repeat(WORDS).trim()
const MESH = 'by /v1, on another node'
const DIRECT = 'the engine alone'

/** When each word came, in milliseconds from the question. */
type Ask = () => Promise<number[]>

export async function servedTables(quick: boolean): Promise<BenchTable[]> {
  await using provider = await startPeer<string>(new URL('./paced-server.ts', import.meta.url))
  const node = await startNode({})
  await node.mesh.join(provider.addresses)
  await knowsModel(node, PACED)
  const home = mkdtempSync(join(tmpdir(), 'lumos-bench-gateway-'))
  const gateway = await gatewayOf(node, home)
  const ways: Record<string, Ask> = { [MESH]: () => askGateway(gateway.url!), [DIRECT]: askEngine }
  const first = new Map<string, number[]>()
  const next = new Map<string, number[]>()
  const rates = new Map<string, number[]>()
  for (let round = -1; round < (quick ? ROUNDS.quick : ROUNDS.thorough); round++) {
    for (const [way, ask] of Object.entries(ways)) {
      const answers: number[][] = []
      for (let n = 0; n < ANSWERS_PER_ROUND; n++) answers.push(await ask())
      const together = await rateOf(ask)
      if (round < 0) continue
      take(first, way, medianOf(answers.map(times => times[0]!)))
      take(next, way, medianOf(answers.map(times => (times.at(-1)! - times[0]!) / (times.length - 1))))
      take(rates, way, together)
    }
  }
  await gateway.close({ drainMs: 0 })
  await node.stop()
  rmSync(home, { recursive: true, force: true })
  const references = [DIRECT]
  return [
    tableOf(`First word of an engine that says one every ${PACE_MS} ms`, first, { unit: 'ms', references }),
    tableOf('Each next word', next, { unit: 'ms', references }),
    tableOf(`Words of ${CHATS} chats at once`, rates, { unit: 'words/s', references })
  ]
}

async function rateOf(ask: Ask): Promise<number> {
  const startedMs = performance.now()
  const answers = await Promise.all(Array.from({ length: CHATS }, ask))
  return (answers.flat().length / (performance.now() - startedMs)) * 1000
}

const engine = echoModel({ clock: systemClock, wordDelayMs: PACE_MS }).engine

async function askEngine(): Promise<number[]> {
  const startedMs = performance.now()
  const times: number[] = []
  const input = { messages: [{ role: 'user', content: ASKED }] }
  const asked = { id: 'bench', task: 'text-generation' as const, input, params: {}, budgetMs: 60_000 }
  for await (const { type } of engine.infer(prepare(asked))) {
    if (type === 'text') times.push(performance.now() - startedMs)
  }
  return times
}

/** Counts events with words: what a client makes of them is its own affair. */
async function askGateway(url: string): Promise<number[]> {
  const startedMs = performance.now()
  const times: number[] = []
  const body = { model: PACED, stream: true, messages: [{ role: 'user', content: ASKED }] }
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }
  request(`${url}/v1/chat/completions`, { method: 'POST', headers }, response => {
    response.setEncoding('utf8')
    response.on('data', (text: string) => {
      for (const _ of text.matchAll(/"content":"[^"]/g)) times.push(performance.now() - startedMs)
    })
    response.on('end', resolve)
  })
    .on('error', reject)
    .end(JSON.stringify(body))
  await ended
  if (times.length !== WORDS) throw new Error(`Of ${WORDS} words, ${times.length} came.`)
  return times
}

async function gatewayOf(node: LumosNode, home: string): Promise<Gateway> {
  const log = { debug() {}, info() {}, warn: console.warn, error: console.error }
  const none = { gatewayUrl: () => undefined, rotateToken: () => 0, stop() {} }
  const gateway = new Gateway(
    { units: async () => createUnits({ node, ...none }), clock: systemClock, log },
    {
      ...{ socketPath: join(home, 'node.sock'), token: TOKEN, newToken: () => TOKEN },
      ...{ host: '127.0.0.1', hosts: [], origins: [], port: 0 }
    }
  )
  await gateway.start()
  return gateway
}
