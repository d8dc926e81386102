/**
 * `model.list` of a node in another process: over HTTP beside a bare server, over the mesh beside gRPC with mutual TLS.
 * Then what open streams of events cost, and whether each of 10,000 requests at once gets an answer.
 */

import { Pool } from 'undici'
import { type Bench, rateTable, startPeer, take, takeTurns } from './harness.ts'
import { startNode } from './nodes.ts'
import { connectGrpc } from './rpc-others.ts'
import type { Identity } from './self-signed.ts'
import { quantileOf } from './statistics.ts'
import { type BenchTable, tableOf } from './table.ts'

const ROUNDS = { thorough: 5, quick: 2 }
const ROUND_MS = { thorough: 800, quick: 1000 }
const HTTP_IN_FLIGHT = 50
const MESH_IN_FLIGHT = 64
const STREAMS = { thorough: 1000, quick: 50 }
const AT_ONCE = { thorough: 10_000, quick: 500 }
/** A stream costs what it costs once its buffers are there. */
const SETTLE_MS = 500
const CONNECT_MS = 60_000
const BODY = JSON.stringify({ unit: 'model.list' })
/** Of the issue, in ms and MB. */
const LIMITS = { http: { p50: 12, p99: 45 }, mesh: { p50: 5, p99: 18 }, streamsMb: 150 }

interface Addresses {
  readonly code: string
  readonly peerId: string
  readonly url: string
  readonly token: string
  readonly identity: Identity
  readonly bare: string
  readonly grpcTls: number
}

type Server = Awaited<ReturnType<typeof startPeer<Addresses>>>
type Ask = () => Promise<unknown>

export const bench: Bench = async ({ quick }) => {
  const mode = quick ? 'quick' : 'thorough'
  await using server = await startPeer<Addresses>(new URL('./gateway-server.ts', import.meta.url))
  const { url, token, bare, code, peerId, grpcTls, identity } = server.addresses
  const node = await startNode({})
  await node.mesh.join(code)

  const http = httpTo(url, token)
  const { text } = (await http()) as { text: string }
  await server.ask('answer', text)
  const call = { unit: 'model.list', input: {}, requestId: 'bench', budgetMs: 60_000 }
  const payload = Buffer.from(text)
  const grpc = connectGrpc(grpcTls, identity)
  const measured = { rounds: ROUNDS[mode], roundMs: ROUND_MS[mode], quick, server }
  const tables = [
    ...(await callTables('over HTTP', LIMITS.http, {
      ...measured,
      inFlight: HTTP_IN_FLIGHT,
      ways: { 'model.list': http, 'bare node:http': httpTo(bare, token) }
    })),
    ...(await callTables('over the mesh', LIMITS.mesh, {
      ...measured,
      inFlight: MESH_IN_FLIGHT,
      ways: {
        'model.list': () => node.remote.execute(peerId, call),
        'grpc-js, mutual TLS': () => grpc(payload)
      }
    })),
    await streams(server, STREAMS[mode]),
    await atOnce(AT_ONCE[mode], {
      HTTP: httpTo(url, token, AT_ONCE[mode]),
      'the mesh': () => node.remote.execute(peerId, call)
    })
  ]
  await node.stop()
  return tables
}

function httpTo(url: string, token: string, connections = HTTP_IN_FLIGHT): Ask {
  // Ten thousand connections are not made in the ten seconds of the default where the cores are taken.
  const pool = new Pool(url, { connections, pipelining: 1, connect: { timeout: CONNECT_MS } })
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return async () => {
    const { statusCode, body } = await pool.request({
      path: '/api/v2/execute',
      method: 'POST',
      headers,
      body: BODY
    })
    const text = await body.text()
    if (statusCode !== 200) throw Object.assign(new Error(text), { code: JSON.parse(text).error.code })
    return { text }
  }
}

interface Calls {
  readonly rounds: number
  readonly roundMs: number
  readonly inFlight: number
  readonly ways: Readonly<Record<string, Ask>>
  readonly quick: boolean
  readonly server: Server
}

/** Rates in turns, and how long single calls took. */
async function callTables(
  where: string,
  limits: { readonly p50: number; readonly p99: number },
  { rounds, roundMs, inFlight, ways, quick, server }: Calls
): Promise<BenchTable[]> {
  const times = new Map<string, number[]>()
  const [ours, reference] = Object.keys(ways) as [string, string]
  const variants = Object.entries(ways).map(([name, ask]) => ({
    name,
    async round() {
      const ms: number[] = []
      const taken = await asked(ask, inFlight, roundMs, ms)
      take(times, `${name}, median`, quantileOf(ms, 0.5))
      take(times, `${name}, 99 of 100`, quantileOf(ms, 0.99))
      return taken
    }
  }))
  const measured = await takeTurns(variants, { rounds, quick }, server)
  // The first rounds compile the code.
  const counted = new Map([...times].map(([name, values]) => [name, values.slice(-rounds)]))
  return [
    rateTable(`model.list ${where}, ${inFlight} in flight`, measured, {
      unit: 'calls',
      references: [reference]
    }),
    tableOf(`One call ${where}, ${inFlight} in flight`, counted, {
      unit: 'ms',
      references: [],
      limits: { [`${ours}, median`]: limits.p50, [`${ours}, 99 of 100`]: limits.p99 }
    })
  ]
}

async function asked(ask: Ask, inFlight: number, roundMs: number, ms: number[]) {
  const beganMs = performance.now()
  const caller = async (): Promise<void> => {
    for (let nowMs = beganMs; nowMs < beganMs + roundMs; ) {
      await ask()
      const endedMs = performance.now()
      ms.push(endedMs - nowMs)
      nowMs = endedMs
    }
  }
  await Promise.all(Array.from({ length: inFlight }, caller))
  return { amount: ms.length, ms: performance.now() - beganMs }
}

/** What so many open streams of events add to the memory of the node. */
async function streams(server: Server, count: number): Promise<BenchTable> {
  const { url, token } = server.addresses
  const idleMb = await server.ask<number>('memoryMb')
  const pool = new Pool(url, { connections: count, pipelining: 1 })
  const headers = { authorization: `Bearer ${token}` }
  const opened = Array.from({ length: count }, async () => {
    const { statusCode, body } = await pool.request({
      path: '/api/v2/events',
      method: 'GET',
      headers,
      bodyTimeout: 0
    })
    if (statusCode !== 200) throw new Error(`A stream was answered with ${statusCode}: ${await body.text()}`)
    return body.on('error', () => {})
  })
  await Promise.all(opened)
  await new Promise(resolve => setTimeout(resolve, SETTLE_MS))
  const withMb = await server.ask<number>('memoryMb')
  await pool.destroy()
  const name = 'above the node without them'
  return tableOf(`Memory of ${count} open streams of events`, new Map([[name, [withMb - idleMb]]]), {
    unit: 'MB',
    references: [],
    limits: { [name]: LIMITS.streamsMb }
  })
}

/** Calls that got neither an answer nor a refusal. */
async function atOnce(count: number, ways: Readonly<Record<string, Ask>>): Promise<BenchTable> {
  const lost = new Map<string, number[]>()
  for (const [way, ask] of Object.entries(ways)) {
    const ends = await Promise.allSettled(Array.from({ length: count }, ask))
    const codes = ends.map(end =>
      end.status === 'fulfilled' ? 'answered' : (end.reason as { code?: string }).code
    )
    const without = codes.filter(code => code !== 'answered' && code !== 'OVERLOADED')
    if (without.length > 0) console.error(`${way} lost requests: ${[...new Set(without)].join(', ')}`)
    lost.set(way, [without.length])
  }
  const limits = Object.fromEntries(Object.keys(ways).map(way => [way, 0]))
  return tableOf(`Lost of ${count.toLocaleString('en-US')} requests at once`, lost, {
    unit: 'calls',
    references: [],
    limits
  })
}
