/** The client package against a real node: over its gateway, and over its unix socket. */

import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { type ConnectionState, createClient, type LumosClient, LumosClientError } from '../../client/index.ts'
import { startGateway } from '../gateway/running-gateway.ts'

const ASKED = { model: 'held', messages: [{ role: 'user', content: 'one two three' }] } as const

let gateway: Awaited<ReturnType<typeof startGateway>>
let client: LumosClient

beforeAll(async () => {
  gateway = await startGateway()
  client = createClient({ url: `http://127.0.0.1:${gateway.port}`, token: gateway.token })
})
afterAll(() => gateway?.[Symbol.asyncDispose]())

const textOf = async (pieces: AsyncIterable<{ type: string }>): Promise<string> => {
  let text = ''
  for await (const piece of pieces)
    if (piece.type === 'text') text += (piece as unknown as { text: string }).text
  return text
}

/** A server that answers each request by the next of these; the last one answers all others. */
async function serverOf(...answers: ((response: ServerResponse, lastId: string | undefined) => void)[]) {
  const lastIds: (string | undefined)[] = []
  const server = createServer((request, response) => {
    const lastId = request.headers['last-event-id']?.toString()
    lastIds.push(lastId)
    answers[Math.min(lastIds.length, answers.length) - 1]!(response, lastId)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    lastIds,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    }
  }
}

const sse = (response: ServerResponse, text: string): ServerResponse =>
  response.writeHead(200, { 'content-type': 'text/event-stream' }).end(text)

/** The connection is lost after this text. */
const cutSse = (response: ServerResponse, text: string): void => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(text, () => response.destroy())
}

describe('the client', () => {
  it('runs a unit, typed by its name', async () => {
    const { items, total } = await client.execute('model.list', { limit: 10 })
    assert.equal(total, items.length)
    assert.ok(items.some(({ id, providers }) => id === 'held' && providers.length === 1))
    const { meta } = await client.call('mesh.status')
    assert.equal(meta.unit, 'mesh.status')
    // @ts-expect-error: there is no such unit
    await assert.rejects(client.execute('model.lost'), { code: 'UNIT_NOT_FOUND' })
    // @ts-expect-error: it has no such field
    await assert.rejects(client.execute('model.list', { colour: 'red' }), { code: 'INVALID_INPUT' })
  })

  it('reaches the same over the unix socket, without a token', async () => {
    const local = createClient({ socket: gateway.socketPath })
    const [over, here] = await Promise.all([client.execute('model.list'), local.execute('model.list')])
    assert.deepEqual(here, over)
    assert.equal(await textOf(local.stream('inference.chat', ASKED)), 'one two three')
    await assert.rejects(createClient({ socket: '/nowhere' }).execute('mesh.status'), {
      code: 'NODE_NOT_RUNNING',
      retryable: true
    })
  })

  it('gives a whole answer with its pieces, in the trace of its caller', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const traces: unknown[] = []
    const note = ({ detail }: CustomEvent<{ traceId?: string | undefined }>) => traces.push(detail.traceId)
    gateway.node.events.addEventListener('inference.request_started', note)
    let pieces = 0
    const onPiece = () => pieces++
    const { content } = await client.execute('inference.chat', ASKED, { onPiece, traceparent })
    gateway.node.events.removeEventListener('inference.request_started', note)
    assert.deepEqual([content, pieces > 0, traces], ['one two three', true, [traceparent.split('-')[1]]])
    await assert.rejects(client.execute('inference.chat', { ...ASKED, model: 'lost' }, { onPiece }), {
      code: 'NO_PROVIDER'
    })
  })

  it('lists the units that it may see, and as a program may do less on the socket than its user', async () => {
    const [local, program] = [undefined, 'program' as const].map(as =>
      createClient({ socket: gateway.socketPath, as })
    )
    const named = async (of: LumosClient) => (await of.units()).map(({ name }) => name)
    assert.ok((await named(local!)).includes('inference.chat'))
    await local!.execute('token.list')
    await assert.rejects(program!.execute('token.list'), { code: 'DENIED' })
    await assert.rejects(createClient({ url: gateway.gateway.url!, token: 'x' }).units(), {
      code: 'UNAUTHENTICATED'
    })
  })

  it('fails with the error of the node: code, hint, details and whether to try again', async () => {
    const error = await client.execute('model.get', { model_id: 'helt' }).catch(err => err)
    assert.ok(error instanceof LumosClientError)
    assert.equal(error.code, 'MODEL_NOT_FOUND')
    assert.match(error.hint!, /held/)
    assert.equal(error.retryable, false)
    assert.equal(typeof error.requestId, 'string')
    const url = `http://127.0.0.1:${gateway.port}`
    await assert.rejects(createClient({ url, token: 'wrong' }).execute('mesh.status'), {
      code: 'UNAUTHENTICATED'
    })
    await using other = await serverOf(response => response.end('<html>'))
    await assert.rejects(createClient({ url: other.url }).execute('mesh.status'), {
      code: 'PROTOCOL_VIOLATION'
    })
  })

  it('streams an answer, and the value at the end is the meta of the call', async () => {
    const pieces = client.stream('inference.chat', ASKED)
    const types: string[] = []
    for (;;) {
      const next = await pieces.next()
      if (next.done) {
        assert.equal(next.value.route, 'local')
        break
      }
      types.push(next.value.type)
    }
    assert.deepEqual(types, ['text', 'text', 'text', 'done'])
  })

  it('ends the work when its loop is left, and when its signal aborts', async () => {
    const { engine } = gateway
    const left = async (n: number) => {
      while (engine.outcomes[n] !== 'left') await new Promise(resolve => setImmediate(resolve))
    }
    let words = 0
    engine.beforeWord = () => (words++ % 3 === 0 ? Promise.resolve() : new Promise(() => {}))
    const n = engine.outcomes.length
    for await (const _ of client.stream('inference.chat', ASKED)) break
    await left(n)

    words = 0
    const aborting = new AbortController()
    const reason = new Error('enough')
    const read = async () => {
      for await (const _ of client.stream('inference.chat', ASKED, { signal: aborting.signal }))
        aborting.abort(reason)
    }
    await assert.rejects(read(), err => err === reason)
    await left(n + 1)
    engine.beforeWord = async () => {}
  })

  it('comes back to a durable answer by its id', async () => {
    let id: string | undefined
    const onAnswer = (answer: string) => {
      id = answer
    }
    for await (const _ of client.stream('inference.chat', ASKED, { durable: true, onAnswer })) break
    assert.equal(await textOf(client.answers.attach(id!, { from: 1 })), 'two three')
    assert.equal((await client.answers.state(id!)).state, 'done')
    await assert.rejects(client.answers.state(`${id}x`), { code: 'INVALID_INPUT' })
  })

  it('watches a resource', async () => {
    for await (const { items } of client.watch<{ items: { id: string }[] }>('lumos://models')) {
      assert.ok(items.some(({ id }) => id === 'held'))
      break
    }
    await assert.rejects(client.watch('lumos://nothing').next(), { code: 'RESOURCE_NOT_FOUND' })
  })

  it('reads events as they happen', async () => {
    for await (const event of client.events({ names: ['job.*'], onConnection: emit })) {
      if (event.type === 'event' && event.name === 'job.changed') {
        assert.equal(event.data.state, 'done')
        return
      }
    }
    function emit({ state }: ConnectionState): void {
      if (state === 'open') gateway.emit('job.changed', { jobId: 'j', kind: 'k', state: 'done' })
    }
  })
})

describe('a stream whose connection ends', () => {
  const item = (n: number) => `id: ${n}\nevent: item\ndata: {"type":"text","index":${n},"text":"${n}"}\n\n`

  it('goes on after the last event, and each event comes once', async () => {
    await using server = await serverOf(
      response => cutSse(response, `: open\n${item(0)}${item(1)}id: 2\nevent: it`),
      response =>
        response.writeHead(503).end('{"error":{"code":"NO_CAPACITY","message":"m","retryable":true}}'),
      response => sse(response, `${item(2)}event: end\ndata: {"meta":{"unit":"u"}}\n\n`)
    )
    const states: string[] = []
    const onConnection = ({ state }: ConnectionState) => states.push(state)
    const answer = createClient({ url: server.url }).answers.attach('a', { onConnection })
    assert.equal(await textOf(answer), '012')
    assert.deepEqual(server.lastIds, [undefined, '1', '1'])
    assert.deepEqual(states, ['open', 'waiting', 'waiting', 'open'])
  })

  it('of a resource goes on after its last id, and gives the whole after each change', async () => {
    const patch =
      '[{"op":"replace","path":"/items/0/a~1b","value":2},{"op":"add","path":"/items/-","value":3},{"op":"remove","path":"/c"}]'
    await using server = await serverOf(
      response =>
        cutSse(response, 'id: e-1\nevent: snapshot\ndata: {"data":{"items":[{"a/b":1}],"c":0}}\n\n'),
      response =>
        sse(
          response,
          `id: e-2\nevent: heartbeat\ndata: {}\n\nid: e-3\nevent: patch\ndata: {"patch":${patch}}\n\n`
        )
    )
    const seen: unknown[] = []
    for await (const data of createClient({ url: server.url }).watch('lumos://models'))
      if (seen.push(data) === 2) break
    assert.deepEqual(seen, [{ items: [{ 'a/b': 1 }], c: 0 }, { items: [{ 'a/b': 2 }, 3] }])
    assert.deepEqual(server.lastIds, [undefined, 'e-1'])
  })

  it('waits longer each time for a node that answers with an error at once', async () => {
    const error = 'event: error\ndata: {"error":{"code":"OVERLOADED","message":"m","retryable":true}}\n\n'
    await using server = await serverOf(
      response => sse(response, error),
      response => sse(response, error),
      response => sse(response, 'id: e-1\nevent: snapshot\ndata: {"data":1}\n\n')
    )
    const delays: number[] = []
    const onConnection = (state: ConnectionState) => {
      if (state.state === 'waiting') delays.push(state.delayMs)
    }
    for await (const _ of createClient({ url: server.url }).watch('lumos://models', { onConnection })) break
    assert.deepEqual([delays.length, delays[0]! < 250, delays[1]! >= 250], [2, true, true], `${delays}`)
  })

  it('ends with the error of the node, and without a first connection', async () => {
    const error = '{"error":{"code":"ENGINE_FAILED","message":"m","retryable":true}}'
    await using server = await serverOf(
      response => sse(response, `${item(0)}event: error\ndata: ${error}\n\n`),
      response => response.writeHead(503).end(error)
    )
    const { answers } = createClient({ url: server.url })
    await assert.rejects(textOf(answers.attach('a')), { code: 'ENGINE_FAILED' })
    await assert.rejects(textOf(answers.attach('a')), { code: 'ENGINE_FAILED' })
    assert.equal(server.lastIds.length, 2)
  })

  it('of an answer that is not durable is an error', async () => {
    await using server = await serverOf(response => cutSse(response, item(0)))
    const pieces = createClient({ url: server.url }).stream('inference.chat', ASKED)
    await assert.rejects(textOf(pieces), { code: 'STREAM_INTERRUPTED', retryable: true })
  })
})
