/**
 * A node of a mesh with 200 devices and 10,000 requests, as its page sees it: a real gateway, behind a server that
 * answers the questions about devices and requests, and the events, from what it makes up.
 */

import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import type { Units } from '../../../client/index.ts'

const DEVICES = 200
const REQUESTS = 10_000
/** What a busy mesh says in a second, in bursts of one each 20 ms. */
const EVENTS_PER_S = 50
/** Of those, how many tell that a device came or went. */
const CHANGE_EACH = 50
const MODELS = ['tiny-llm', 'llama-3.1-8b', 'qwen3-30b', 'whisper-large', 'bge-m3']

type Member = Units['mesh.members']['output']['items'][number]
type Peer = Units['mesh.peers']['output']['items'][number]
type Asked = Units['inference.requests']['output']['items'][number]
interface Where {
  readonly url: string
  readonly token: string
}

export async function startBigMesh(real: Where) {
  const devices = Array.from({ length: DEVICES }, (_, index) => deviceOf(index))
  const asked = Array.from({ length: REQUESTS }, (_, index) => requestOf(index))
  const streams = new Set<ServerResponse>()
  let sequence = 0

  const online = () => devices.filter(device => device.self || device.online)
  const say = (name: string, data: object) => {
    const event = { type: 'event', name, epoch: 'big', sequence: ++sequence, at_ms: Date.now(), data }
    const text = `id: big-${sequence}\nevent: event\ndata: ${JSON.stringify(event)}\n\n`
    for (const stream of streams) stream.write(text)
  }
  const change = () => {
    const device = devices[1 + (sequence % (DEVICES - 1))]!
    device.online = !device.online
    say(device.online ? 'peer.joined' : 'peer.left', { peer_id: device.peer_id, name: device.name })
  }
  const happen = (changes: boolean) => {
    const { peer_id } = devices[1 + (sequence % (DEVICES - 1))]!
    const ask = {
      request_id: `live-${sequence}`,
      task: 'text-generation',
      model: MODELS[sequence % MODELS.length]
    }
    if (changes && sequence % CHANGE_EACH === 0) change()
    else if (sequence % 2 === 0) say('inference.serving_started', { ...ask, peer_id })
    else say('inference.request_completed', { ...ask, peer_id, route: 'remote', duration_ms: 120 })
  }

  const answers: Record<string, (input: never) => object> = {
    'mesh.members': () => ({ items: devices }),
    'mesh.peers': () => ({
      items: online()
        .filter(({ self }) => !self)
        .map(peerOf)
    }),
    'inference.requests': ({
      state,
      model,
      limit = 50,
      offset = 0
    }: Units['inference.requests']['input']) => {
      const wanted = asked.filter(
        item =>
          (state === undefined || (state === 'answered') === (item.outcome === 'answered')) &&
          (model === undefined || item.model === model)
      )
      return { items: wanted.slice(offset, offset + limit), total: wanted.length }
    }
  }

  async function serve(asks: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { method, url = '/' } = asks
    if (url.startsWith('/api/v2/events')) {
      answer.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
      answer.write(': open\n\n')
      streams.add(answer)
      answer.on('close', () => streams.delete(answer))
      return
    }
    const isJson = asks.headers['content-type'] === 'application/json'
    const body = isJson ? ((await json(asks)) as { unit?: string; input?: never }) : undefined
    const made = url === '/api/v2/execute' && answers[body?.unit ?? '']
    if (made) {
      const meta = {
        request_id: 'big',
        answer: null,
        unit: body!.unit,
        peer: null,
        route: 'local',
        duration_ms: 1
      }
      answer.writeHead(200, { 'content-type': 'application/json' })
      answer.end(
        JSON.stringify({ success: true, data: made((body?.input ?? {}) as never), error: null, meta })
      )
      return
    }
    const { host, origin, cookie, ...headers } = asks.headers
    const to = new URL(url, real.url)
    const onward = request(to, { method, headers: { ...headers, authorization: `Bearer ${real.token}` } })
    onward.on('response', response => {
      answer.writeHead(response.statusCode!, response.headers)
      response.pipe(answer)
    })
    onward.on('error', () => answer.destroy())
    answer.on('close', () => onward.destroy())
    onward.end(body && JSON.stringify(body))
  }

  const server = createServer((asks, answer) => void serve(asks, answer).catch(() => answer.destroy()))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  let timer: NodeJS.Timeout | undefined
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    models: MODELS,
    /** How many devices are connected, this one too. */
    online: () => online().length,
    change,
    /** Events come until `quiet`, each second one of a device that came or went. */
    live(changes = true) {
      timer = setInterval(() => happen(changes), 1000 / EVENTS_PER_S)
    },
    quiet: () => clearInterval(timer),
    [Symbol.dispose]() {
      clearInterval(timer)
      server.close()
      server.closeAllConnections()
    }
  }
}

const deviceOf = (index: number): Member => ({
  peer_id: `12D3KooW${String(index).padStart(4, '0')}${'x'.repeat(40)}`,
  name: index === 0 ? 'desk' : `device-${index}`,
  role: index % 20 === 0 ? 'admin' : 'member',
  expires_at_ms: 4_000_000_000_000,
  online: index % 10 !== 9,
  self: index === 0,
  duplicated: false
})

const peerOf = ({ peer_id, name }: Member, index: number): Peer => ({
  ...{
    peer_id,
    name,
    path: index % 7 === 0 ? 'relayed' : 'direct',
    address: `/ip4/10.0.0.${index}/tcp/4001`
  },
  ...{ rtt_ms: 0.5 * 1.03 ** index, software: '0.1.0', duplicated: false },
  capabilities: [
    { task: 'text-generation', model: MODELS[index % MODELS.length]!, slots: 4, warm: index % 3 === 0 }
  ]
})

const requestOf = (index: number): Asked => ({
  ...{ request_id: `request-${index}`, task: 'text-generation', model: MODELS[index % MODELS.length]! },
  ...{ policy: 'balanced', at_ms: Date.now() - index * 7000, peer_id: deviceOf(index % DEVICES).peer_id },
  ...{
    name: `device-${index % DEVICES}`,
    attempts: 1 + (index % 3),
    chunks: index % 400,
    first_chunk_ms: 80
  },
  ...{ outcome: index % 17 === 0 ? 'TIMEOUT' : 'answered', duration_ms: 200 + (index % 5000) }
})
