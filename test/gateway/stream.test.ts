import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type ClientRequest, request } from 'node:http'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { describe, it, vi } from 'vitest'
import { LumosError } from '../../interface/errors.ts'
import { patched } from '../../interface/json-patch.ts'
import { RICH_ANSWER } from '../fixtures/rich-answer.ts'
import { startGateway } from './running-gateway.ts'

const question = (content: string) => ({
  unit: 'inference.run',
  input: { task: 'text-generation', input: { messages: [{ role: 'user', content }] } }
})

/** The answer to one request, in pieces; leaving the loop hangs up. */
function eventsOf(socketPath: string, body: object): AsyncGenerator<EventSourceMessage> {
  const headers = { 'content-type': 'application/json' }
  const asked = request({ socketPath, path: '/api/v2/stream', method: 'POST', headers, agent: false })
  return messagesOf(asked.end(JSON.stringify(body)))
}

/** The events of a node, as a browser asks for them. */
function watch(socketPath: string, query: string, lastId?: string): AsyncGenerator<EventSourceMessage> {
  const headers: Record<string, string> = lastId === undefined ? {} : { 'last-event-id': lastId }
  return messagesOf(request({ socketPath, path: `/api/v2/events?${query}`, headers, agent: false }).end())
}

async function* messagesOf(req: ClientRequest): AsyncGenerator<EventSourceMessage> {
  const ready: EventSourceMessage[] = []
  const parser = createParser({ onEvent: event => ready.push(event) })
  try {
    const response = await new Promise<AsyncIterable<Buffer>>((resolve, reject) => {
      req.on('response', resolve).on('error', reject)
    })
    for await (const chunk of response) {
      parser.feed(chunk.toString('utf8'))
      yield* ready.splice(0)
    }
  } finally {
    req.destroy()
  }
}

describe('a stream over HTTP', () => {
  it('gives the pieces as they come, then an end that says who answered', async () => {
    await using gateway = await startGateway()
    const events = await Array.fromAsync(eventsOf(gateway.socketPath, question('a b')))

    assert.deepEqual(
      events.map(({ event, id }) => [event, id]),
      ['item', 'item', 'item', 'end'].map(event => [event, undefined])
    )
    assert.deepEqual(JSON.parse(events[0]!.data), { type: 'text', index: 0, text: 'a ' })
    assert.equal(JSON.parse(events[3]!.data).meta.route, 'local')
  })

  it('gives chunks of all types, in the names and the base64 of JSON', async () => {
    await using gateway = await startGateway()
    gateway.engine.script = RICH_ANSWER
    const events = await Array.fromAsync(eventsOf(gateway.socketPath, question('a')))
    const items = events.slice(0, -1).map(({ data }) => JSON.parse(data))
    assert.equal(items.length, RICH_ANSWER.length)
    assert.deepEqual(items[6], {
      ...{ type: 'delta', index: 3 },
      tool_calls: [{ index: 0, id: 'c-1', name: 'weather', arguments: '{"city":' }]
    })
    assert.deepEqual(items[8], { type: 'data', index: 5, part: 0, mime: 'audio/wav', bytes: 'AQID' })
    const said = createHash('sha256').update('It asks for the weather.Let me look.{"city":"Bern"}')
    assert.deepEqual(items[10], {
      ...{ type: 'done', index: 7, finish_reason: 'tool_calls' },
      usage: { input_tokens: 4, output_tokens: 9 },
      content_sha256: said.update(Buffer.from([1, 2, 3, 4, 5, 6])).digest('hex')
    })

    const { body } = await gateway.tcp('/api/v2/execute', question('a'))
    assert.deepEqual(body.data.output, {
      ...{ text: 'Let me look.', reasoning: 'It asks for the weather.' },
      tool_calls: [{ id: 'c-1', name: 'weather', arguments: '{"city":"Bern"}' }],
      logprobs: [{ token: 'look.', logprob: -0.25, top: [{ token: 'see.', logprob: -1.5 }] }],
      media: [{ mime: 'audio/wav', bytes: 'AQIDBAUG' }]
    })
  })

  it('ends with an error when the answer fails', async () => {
    await using gateway = await startGateway()
    gateway.engine.failure = new LumosError('ENGINE_FAILED', 'The engine died.')
    const events = await Array.fromAsync(eventsOf(gateway.socketPath, question('a')))

    assert.deepEqual(
      events.map(({ event }) => event),
      ['error']
    )
    assert.equal(JSON.parse(events[0]!.data).error.code, 'ENGINE_FAILED')
  })

  it('cancels the work when the client hangs up', async () => {
    await using gateway = await startGateway()
    const { engine } = gateway
    let words = 0
    engine.beforeWord = () => (words++ === 0 ? Promise.resolve() : new Promise(() => {}))
    for await (const _ of eventsOf(gateway.socketPath, question('a b c'))) break
    await vi.waitFor(() => assert.deepEqual(engine.outcomes, ['left']), 10_000)
  })

  it('does not run ahead of a client that reads slowly', async () => {
    await using gateway = await startGateway()
    let words = 0
    gateway.engine.beforeWord = async () => void words++
    const word = 'x'.repeat(64 * 1024)
    const content = Array.from({ length: 16 }, () => word).join(' ')
    const many = eventsOf(gateway.socketPath, question(content))
    await many.next()
    assert.ok(words < 16, `${words} words`)
    await many.return(undefined)
  })
})

describe('events over HTTP', () => {
  const leave = (n: number) => ['peer.left', { peerId: `p${n}` }] as const
  const numberOf = ({ data }: EventSourceMessage) => JSON.parse(data).sequence

  it('go on after the last event that a client has seen, with none left out and none twice', async () => {
    await using gateway = await startGateway()
    const { socketPath, emit, node } = gateway
    const begun = node.events.position.sequence
    const first = watch(socketPath, 'name=peer.*&since=oldest')
    for (let n = 0; n < 3; n++) emit(...leave(n))
    emit('mesh.renamed', { mesh: 'den' })
    const { value: seen } = await first.next()
    await first.return(undefined)
    assert.equal(seen!.event, 'event')
    assert.deepEqual(JSON.parse(seen!.data).data, { peer_id: 'p0' })

    const resumed = watch(socketPath, 'name=peer.*&since=oldest', seen!.id)
    const others = [(await resumed.next()).value!, (await resumed.next()).value!]
    emit(...leave(3))
    others.push((await resumed.next()).value!)
    assert.deepEqual(
      others.map(numberOf),
      [2, 3, 5].map(n => begun + n)
    )
    await resumed.return(undefined)
  })

  it('begin with a gap for a client of an earlier start of the node', async () => {
    await using gateway = await startGateway()
    const resumed = watch(gateway.socketPath, '', 'another-17')
    const { value: gap } = await resumed.next()
    gateway.emit(...leave(1))
    const id = gap!.id!
    assert.deepEqual([gap!.event, JSON.parse(gap!.data).reason], ['gap', 'restarted'])
    await resumed.return(undefined)

    const again = watch(gateway.socketPath, 'name=peer.left', id)
    assert.equal((await again.next()).value!.event, 'event')
    await again.return(undefined)
  })
})

describe('a resource over HTTP', () => {
  const of = (gateway: Awaited<ReturnType<typeof startGateway>>, path: string, lastId?: string) => {
    const headers: Record<string, string> = lastId === undefined ? {} : { 'last-event-id': lastId }
    const { socketPath } = gateway
    return messagesOf(request({ socketPath, path: `/api/v2/resource/${path}`, headers, agent: false }).end())
  }

  it('is read by each spelling of its address, and watched as a snapshot and what changes', async () => {
    await using gateway = await startGateway()
    const escaped = encodeURIComponent('lumos://resource/allocations')
    for (const path of [
      escaped,
      'lumos://resource/allocations',
      'asms:/resource/allocations',
      'resource/allocations'
    ]) {
      const { status, body } = await gateway.tcp(`/api/v2/resource/${path}`)
      assert.deepEqual(
        [status, body.meta.unit, body.data.allocations.length],
        [200, 'resource.read', 1],
        path
      )
    }
    const { body: model } = await gateway.tcp('/api/v2/resource/lumos%3A%2F%2Fmodel%2Fheld')
    assert.equal(model.data.id, 'held')
    const { body: filtered } = await gateway.tcp('/api/v2/resource/models?type=none&since=x')
    assert.equal(filtered.data.total, 0)
    const { body: listed } = await gateway.tcp('/api/v2/resources')
    assert.ok(listed.data.items.some(({ uri }: { uri: string }) => uri === 'lumos://model/{model_id}'))

    const watcher = of(gateway, `${escaped}/watch`)
    const first = (await watcher.next()).value!
    assert.equal(first.event, 'snapshot')
    const allocated = async () => {
      const input = { name: 'train', type: 'program', memory_bytes: 1024 }
      await gateway.tcp('/api/v2/execute', { unit: 'resource.allocate', input })
      return (await watcher.next()).value!
    }
    const [second, third] = [await allocated(), await allocated()]
    await watcher.return(undefined)
    const resumed = of(gateway, 'resource/allocations/watch', second.id)
    const again = (await resumed.next()).value!
    await resumed.return(undefined)
    let data = JSON.parse(first.data).data
    const lengths = [second, third].map(message => {
      const item = JSON.parse(message.data)
      data = item.type === 'snapshot' ? item.data : patched(data, item.patch)
      return data.allocations.length
    })
    assert.deepEqual(lengths, [2, 3])
    assert.deepEqual(
      [third.event, again.event, again.id, again.data],
      ['patch', 'patch', third.id, third.data]
    )
  })

  it('is refused where it has no address, is not there, or is not for its caller', async () => {
    await using gateway = await startGateway()
    for (const [path, status, code] of [
      ['nothing', 404, 'RESOURCE_NOT_FOUND'],
      ['', 400, 'INVALID_INPUT'],
      ['watch', 404, 'RESOURCE_NOT_FOUND'],
      ['%zz', 400, 'INVALID_INPUT'],
      ['model/%zz/watch', 400, 'INVALID_INPUT'],
      [`model/${'x'.repeat(5000)}`, 400, 'INVALID_INPUT'],
      ['model/none', 404, 'MODEL_NOT_FOUND'],
      ['..%2f..%2fsession', 404, 'RESOURCE_NOT_FOUND'],
      [`models/watch?since=${'x'.repeat(100)}`, 400, 'INVALID_INPUT']
    ] as const) {
      const { status: got, body } = await gateway.tcp(`/api/v2/resource/${path}`)
      assert.deepEqual([got, body.error.code], [status, code], path)
    }
    const [gone] = await Array.fromAsync(of(gateway, 'model/none/watch'))
    assert.deepEqual([gone!.event, JSON.parse(gone!.data).error.code], ['error', 'MODEL_NOT_FOUND'])
  })

  it('has its watchers ended by a new token, and by the end of the gateway', async () => {
    await using gateway = await startGateway()
    const { port, token } = gateway
    const headers = { authorization: `Bearer ${token}` }
    const path = '/api/v2/resource/models/watch'
    const overTcp = messagesOf(request({ host: '127.0.0.1', port, path, headers, agent: false }).end())
    assert.equal((await overTcp.next()).value!.event, 'snapshot')
    gateway.gateway.rotateToken()
    await assert.rejects(Array.fromAsync(overTcp))

    const onSocket = of(gateway, 'models/watch')
    await onSocket.next()
    const [closed, rest] = [gateway.gateway.close({ drainMs: 5000 }), await Array.fromAsync(onSocket)]
    assert.deepEqual(
      rest.map(({ event }) => event),
      ['end']
    )
    await closed
  })
})

describe('closing the gateway', () => {
  it('ends streams that have no end of their own, by whatever route they came, and waits for none', async () => {
    await using gateway = await startGateway()
    const units = gateway.units.list().map(({ name }) => name)
    const endless = units.filter(name => gateway.units.get(name).endless)
    assert.deepEqual(endless.sort(), ['event.list', 'log.tail', 'memory.watch', 'resource.watch'])
    const watching = eventsOf(gateway.socketPath, {
      unit: 'resource.watch',
      input: { uri: 'lumos://models' }
    })
    assert.equal((await watching.next()).value.event, 'item')
    // Far longer than a test may take.
    const closed = gateway.gateway.close({ drainMs: 600_000 })
    const rest = await Array.fromAsync(watching)
    assert.equal(rest.at(-1)!.event, 'end')
    await closed
  })

  it('lets an answer under way end, refuses new requests, and ends watchers', async () => {
    const gateway = await startGateway()
    const { engine } = gateway
    let release = () => {}
    engine.beforeWord = () => new Promise(resolve => (release = resolve))
    const answer = gateway.tcp('/api/v2/execute', question('word'))
    const watcher = Array.fromAsync(watch(gateway.socketPath, 'name=peer.left'))
    await vi.waitFor(() => assert.equal(engine.outcomes.length, 1), 10_000)

    const closed = gateway.gateway.close({ drainMs: 5000 })
    await assert.rejects(gateway.local('/api/v2/units'))
    assert.deepEqual(
      (await watcher).map(({ event }) => event),
      ['end']
    )
    release()
    assert.equal((await answer).body.data.output.text, 'word')
    await closed
    await gateway[Symbol.asyncDispose]()
  })

  it('cuts off what has not ended in time', async () => {
    const gateway = await startGateway()
    gateway.engine.beforeWord = () => new Promise(() => {})
    const answer = gateway.tcp('/api/v2/execute', question('word'))
    await vi.waitFor(() => assert.equal(gateway.engine.outcomes.length, 1), 10_000)

    await Promise.all([assert.rejects(answer), gateway.gateway.close({ drainMs: 10 })])
    await vi.waitFor(() => assert.deepEqual(gateway.engine.outcomes, ['left']), 10_000)
    await gateway[Symbol.asyncDispose]()
  })
})

describe('a taken port', () => {
  it('makes the gateway use the next free one, and say so', async () => {
    await using first = await startGateway()
    await using second = await startGateway({ port: first.port })
    assert.ok(second.port > first.port)
    assert.deepEqual(second.warnings, [{ wanted: first.port, port: second.port }])
  })

  it('is warned of only when it is taken', async () => {
    const first = await startGateway()
    const { port } = first
    await first[Symbol.asyncDispose]()
    await using again = await startGateway({ port })
    assert.equal(again.port, port)
    assert.deepEqual([...first.warnings, ...again.warnings], [])
  })
})
