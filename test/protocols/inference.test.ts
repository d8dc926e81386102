import assert from 'node:assert/strict'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Stream } from '@libp2p/interface'
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import { LumosError, OverloadedError } from '../../interface/errors.ts'
import type {
  Inference,
  InferenceChunk,
  InferenceRequest,
  PreparedRequest
} from '../../interface/inference.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import { prepare } from '../../interface/prepare.ts'
import {
  INFERENCE_PROTOCOL,
  InferenceClient,
  InferenceHandler,
  type InferenceHandlerLimits
} from '../../protocols/inference/index.ts'
import { detach, encodeControl } from '../../protocols/wire/control.ts'
import { FrameStream } from '../../protocols/wire/frames.ts'
import { INFERENCE_STREAMS_INBOUND_MAX, INFERENCE_STREAMS_OUTBOUND_MAX } from '../../protocols/wire/limits.ts'
import { messageFrames, TYPE } from '../../protocols/wire/messages.ts'
import { Session } from '../../protocols/wire/session.ts'
import { RICH_ANSWER } from '../fixtures/rich-answer.ts'
import { connectPeers, type Peers } from './peers.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

type Serve = (request: InferenceRequest, options: AbortOptions) => AsyncIterable<InferenceChunk>

const done = (index: number): InferenceChunk => ({ type: 'done', index, finishReason: 'stop', usage: {} })

async function* echo({ input }: InferenceRequest): AsyncGenerator<InferenceChunk> {
  yield { type: 'output', index: 0, output: input }
  yield done(1)
}

async function* words(count: number): AsyncGenerator<InferenceChunk> {
  for (let index = 0; index < count; index++) yield { type: 'text', index, text: `word ${index} ` }
  yield done(count)
}

/** Never answers; says when it was told to stop. */
function hanging(): { serve: Serve; begun: Promise<void>; stopped: Promise<unknown> } {
  const [begun, stopped] = [Promise.withResolvers<void>(), Promise.withResolvers<unknown>()]
  return {
    begun: begun.promise,
    stopped: stopped.promise,
    async *serve(_, { signal }) {
      begun.resolve()
      await new Promise((_, reject) => {
        signal?.addEventListener('abort', () => {
          stopped.resolve(signal.reason)
          reject(signal.reason)
        })
      })
      yield done(0)
    }
  }
}

const tensorRequest = (bytes = 4, more: Partial<InferenceRequest> = {}): PreparedRequest =>
  prepare({
    id: 'r',
    task: 'tensor',
    model: 'echo',
    input: { tensors: { x: { type: 'uint8', dims: [bytes], data: new Uint8Array(bytes).fill(7) } } },
    params: {},
    budgetMs: 20_000,
    ...more
  })

const textRequest = (more: Partial<InferenceRequest> = {}): PreparedRequest =>
  prepare({
    id: 'r',
    task: 'text-generation',
    input: { messages: [{ role: 'user', content: 'hello' }] },
    params: { maxTokens: 10 },
    budgetMs: 20_000,
    ...more
  })

describe('inference between peers', () => {
  let peers: Peers
  let serve: Serve = echo
  let streamsOpened = 0
  let client: InferenceClient
  let handler: InferenceHandler
  const logged: { level: string; code?: string }[] = []
  const note = (level: string) => (fields: object) => void logged.push({ level, ...fields })

  beforeAll(async () => {
    peers = await connectPeers()
  })
  afterAll(async () => {
    await peers[Symbol.asyncDispose]()
  })

  async function start(
    service: Serve,
    limits: InferenceHandlerLimits = {},
    authorize?: () => void
  ): Promise<void> {
    serve = service
    streamsOpened = 0
    logged.length = 0
    const asService: Inference = { infer: (request, options = {}) => serve(request, options) }
    const log = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') }
    handler = new InferenceHandler({ service: asService, clock: systemClock, log, authorize }, limits)
    await peers.listener.handle(INFERENCE_PROTOCOL, handler.onStream, {
      maxInboundStreams: INFERENCE_STREAMS_INBOUND_MAX
    })
    client = connect()
  }

  const connect = (): InferenceClient =>
    new InferenceClient({
      clock: systemClock,
      openStream: options => {
        streamsOpened++
        return peers.connection.newStream(INFERENCE_PROTOCOL, options)
      }
    })

  afterEach(async () => {
    await client.close()
    handler.close()
    await peers.listener.unhandle(INFERENCE_PROTOCOL)
  })

  /** A listener that answers the first request with these frames. */
  async function lying(...frames: Parameters<typeof messageFrames>[]): Promise<void> {
    await peers.listener.handle(INFERENCE_PROTOCOL, async (stream: Stream) => {
      const theirs = new FrameStream(stream)
      await theirs.read()
      for (const frame of frames) await theirs.writeAll(messageFrames(...frame))
    })
    handler = new InferenceHandler({ service: { infer: echo }, clock: systemClock, log: console })
    client = connect()
  }

  it('answers a call', async () => {
    await start(echo)
    const request = tensorRequest()
    assert.deepEqual(await Array.fromAsync(client.infer(request)), [
      { type: 'output', index: 0, output: request.input },
      done(1)
    ])
  })

  it('carries chunks of all types, and progress without a number', async () => {
    await start(async function* () {
      yield* RICH_ANSWER
    })
    assert.deepEqual(await Array.fromAsync(client.infer(textRequest())), RICH_ANSWER)
  })

  it('resets the stream of a peer that floods its caller with progress', async () => {
    const report = encodeControl({ stage: 'loading', done: 1 })
    let sent = 0
    let reset = false
    await peers.listener.handle(INFERENCE_PROTOCOL, async (stream: Stream) => {
      const theirs = new FrameStream(stream)
      await theirs.read()
      try {
        for (; ; sent++) await theirs.writeAll(messageFrames(20, 1, sent, report))
      } catch {
        reset = true
      }
    })
    handler = new InferenceHandler({ service: { infer: echo }, clock: systemClock, log: console })
    client = connect()
    let taken = 0
    const failing = async () => {
      for await (const _ of client.infer(textRequest())) taken++
    }
    await assert.rejects(failing(), { code: 'PROTOCOL_VIOLATION', message: /more than 65536 times/ })
    assert.equal(taken, 65_536)
    await until(() => reset)
  })

  it.each([
    [
      'a piece of media that is too large',
      19,
      { mime: 'audio/wav', part: 0, bytes: new Uint8Array(300_000) }
    ],
    ['a delta that is no record', 18, ['text']],
    ['progress that would pass for text', 20, { type: 'text', index: 0, text: 'a' }]
  ])('ends a call that is answered with %s', async (_, type, body) => {
    const { control, data } = detach(body)
    await lying([type, 1, 0, control, data])
    await assert.rejects(Array.fromAsync(client.infer(textRequest())), { code: 'PROTOCOL_VIOLATION' })
  })

  const said = { index: 2, text: 'one two', tokens: [1, 2] }

  it('asks for the rest of an answer, and numbers it on', async () => {
    let asked: InferenceRequest | undefined
    await start(async function* (request) {
      asked = request
      yield { type: 'progress', index: 2, stage: 'continued', done: 2, continued: 'exact' }
      yield { type: 'text', index: 2, text: ' three' }
      yield done(3)
    })
    const chunks = await Array.fromAsync(client.infer(textRequest({ resume: said, movable: true })))
    assert.deepEqual(
      chunks.map(({ type, index }) => [type, index]),
      [
        ['progress', 2],
        ['text', 2],
        ['done', 3]
      ]
    )
    assert.deepEqual([asked?.resume, asked?.movable], [said, true])
  })

  it.each([0, 1, 3])('resets a peer that goes on with an answer at chunk %i instead of 2', async index => {
    await lying([16, 1, index, Buffer.from('again')])
    const answer = Array.fromAsync(client.infer(textRequest({ resume: said })))
    await assert.rejects(answer, { code: 'PROTOCOL_VIOLATION' })
  })

  it.each([
    ['more chunks than the answer may have', { ...said, index: 11 }],
    ['more tokens than the answer may have', { ...said, tokens: Array(11).fill(1) }],
    ['no chunk', { ...said, index: 0 }],
    ['a token that is no number of a token', { ...said, tokens: [-1] }],
    ['more text than is continued', { ...said, text: 'x'.repeat(128 * 1024 + 1) }]
  ])('refuses to go on with an answer of which %s was said', async (_, resume) => {
    let isAsked = false
    await start(() => {
      isAsked = true
      return words(1)
    })
    const request = { ...textRequest(), resume } as PreparedRequest
    await assert.rejects(Array.fromAsync(client.infer(request)))
    assert.equal(isAsked, false)
  })

  it('hands over what its asker can have another device go on with, and lets the rest end', async () => {
    const rests = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    await start(async function* (request) {
      yield { type: 'text', index: 0, text: 'one' }
      await rests[request.movable ? 1 : 0]!.promise
      yield done(1)
    })
    const [staying, moving] = [textRequest(), textRequest({ movable: true })].map(request =>
      client.infer(request)[Symbol.asyncIterator]()
    )
    for (const answer of [staying!, moving!]) await answer.next()
    handler.handOver(new OverloadedError('This node is stopping.', 1))
    await assert.rejects(moving!.next(), { code: 'OVERLOADED', details: { retryAfterMs: 1, received: 1 } })
    rests[0]!.resolve()
    assert.deepEqual((await staying!.next()).value, done(1))
    rests[1]!.resolve()
  })

  it('carries tensors of many megabytes', async () => {
    await start(echo)
    const request = tensorRequest(20_000_000)
    const [output] = await Array.fromAsync(client.infer(request))
    assert.ok(output?.type === 'output')
    const [sent, received] = [request.input, output.output].map(
      value => (value as { tensors: { x: { data: Uint8Array } } }).tensors.x.data
    )
    assert.equal(Buffer.compare(sent!, received!), 0)
  })

  it('carries prompts far larger than a frame', async () => {
    let prompt: unknown
    await start(request => {
      prompt = request.input
      return words(1)
    })
    const request = textRequest({ input: { messages: [{ role: 'user', content: 'é'.repeat(400_000) }] } })
    await Array.fromAsync(client.infer(request))
    assert.equal(JSON.stringify(prompt) === JSON.stringify(request.input), true)
  })

  it('puts all small calls on one stream, at once', async () => {
    await start(echo)
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, i) => Array.fromAsync(client.infer(tensorRequest(i + 1))))
    )
    for (const [i, [output]] of answers.entries()) {
      assert.ok(output?.type === 'output')
      assert.deepEqual(output.output, tensorRequest(i + 1).input)
    }
    assert.equal(streamsOpened, 1)
  })

  it('takes one lane after the other for long answers, and no more lanes than calls at once', async () => {
    await start(() => words(5))
    for (let i = 0; i < 5; i++) {
      const chunks = await Array.fromAsync(client.infer(textRequest()))
      assert.deepEqual(chunks.at(-1), done(5))
    }
    assert.equal(streamsOpened, 1)
    await Promise.all(Array.from({ length: 3 }, () => Array.fromAsync(client.infer(textRequest()))))
    assert.equal(streamsOpened, 3)
  })

  it('lets calls wait for a lane when all are taken', async () => {
    await start(() => words(3))
    const calls = INFERENCE_STREAMS_OUTBOUND_MAX * 2
    const answers = await Promise.all(
      Array.from({ length: calls }, () => Array.fromAsync(client.infer(textRequest())))
    )
    for (const chunks of answers) assert.equal(chunks.length, 4)
    assert.equal(streamsOpened, INFERENCE_STREAMS_OUTBOUND_MAX - 1)
  })

  it('answers a small call while bulk is under way', async () => {
    const bulk = hanging()
    await start(request => (request.task === 'tensor' ? echo(request) : bulk.serve(request, {})))
    const large = Array.fromAsync(client.infer(tensorRequest(30_000_000)))
    const small = await Array.fromAsync(client.infer(tensorRequest()))
    assert.equal(small.length, 2)
    await large
  })

  it('holds an engine whose reader lags, and loses nothing', async () => {
    let produced = 0
    await start(async function* () {
      for (let index = 0; index < 3000; index++) {
        yield { type: 'text', index, text: 'x'.repeat(1000) }
        produced++
      }
      yield done(3000)
    })
    let taken = 0
    for await (const chunk of client.infer(textRequest({ params: { maxTokens: 3000 } }))) {
      if (chunk.type === 'done') break
      taken++
      if (taken === 10) {
        // Every buffer on the way is full, and 3 MB do not fit into them.
        await until(() => produced > 500)
        await turns(50)
        assert.ok(produced < 2990, `${produced} produced, 10 taken`)
      }
    }
    assert.equal(taken, 3000)
  })

  it.each([
    ['session', tensorRequest()],
    ['lane', textRequest()]
  ])('stops the work when the signal is aborted, on a %s', async (_, request) => {
    const { serve, begun, stopped } = hanging()
    await start(serve)
    const given = new AbortController()
    const failing = assert.rejects(Array.fromAsync(client.infer(request, { signal: given.signal })), {
      code: 'CANCELLED'
    })
    await begun
    given.abort()
    await failing
    assert.ok((await stopped) instanceof LumosError)
  })

  it('stops the work when the caller leaves the loop', async () => {
    const aborted = Promise.withResolvers<void>()
    await start(async function* (_, { signal }) {
      signal?.addEventListener('abort', () => aborted.resolve())
      yield { type: 'text', index: 0, text: 'first' }
      await aborted.promise
    })
    for await (const _ of client.infer(textRequest())) break
    await aborted.promise
  })

  it('goes on with other calls of a session after one was cancelled', async () => {
    const { serve, begun, stopped } = hanging()
    await start((request, options) => (request.id === 'hang' ? serve(request, options) : echo(request)))
    const given = new AbortController()
    const hung = assert.rejects(
      Array.fromAsync(client.infer(tensorRequest(4, { id: 'hang' }), { signal: given.signal })),
      { code: 'CANCELLED' }
    )
    await begun
    const others = Array.from({ length: 20 }, () => Array.fromAsync(client.infer(tensorRequest())))
    given.abort()
    await hung
    await stopped
    for (const chunks of await Promise.all(others)) assert.equal(chunks.length, 2)
    assert.equal((await Array.fromAsync(client.infer(tensorRequest()))).length, 2)
    assert.equal(streamsOpened, 1)
  })

  it('gives up by itself when the budget is over and the peer says nothing', async () => {
    const { serve, stopped } = hanging()
    await start(serve)
    await assert.rejects(Array.fromAsync(client.infer(tensorRequest(4, { budgetMs: 50 }))), {
      code: 'TIMEOUT'
    })
    await stopped
  })

  it('sends less budget when some of it went by before', async () => {
    let budgetMs = 0
    await start(request => {
      budgetMs = request.budgetMs
      return echo(request)
    })
    const slow = new InferenceClient({
      clock: systemClock,
      openStream: async options => {
        const openedMs = performance.now() + 20
        await until(() => performance.now() >= openedMs)
        return await peers.connection.newStream(INFERENCE_PROTOCOL, options)
      }
    })
    await Array.fromAsync(slow.infer(tensorRequest(4, { budgetMs: 10_000 })))
    await slow.close()
    assert.ok(budgetMs <= 9980 && budgetMs > 5000, `${budgetMs} ms`)
  })

  it('reports what the peer reports, with code and details', async () => {
    await start(() => {
      throw new OverloadedError('Full.', 321)
    })
    await assert.rejects(Array.fromAsync(client.infer(tensorRequest())), (err: LumosError) => {
      assert.equal(err.code, 'OVERLOADED')
      assert.equal(err.details.retryAfterMs, 321)
      assert.equal(err.name, 'RemoteError')
      return true
    })
  })

  it.each(['TIMEOUT', 'DENIED', 'PEER_REVOKED'] as const)(
    'reports %s as it is after the first chunk too, with the number of chunks',
    async code => {
      await start(async function* () {
        yield { type: 'text', index: 0, text: 'half' }
        throw new LumosError(code, 'No more.')
      })
      await assert.rejects(Array.fromAsync(client.infer(textRequest())), {
        code,
        message: 'No more.',
        details: { received: 1 }
      })
    }
  )

  it('hides unexpected failures from the peer and logs them here', async () => {
    await start(() => {
      throw new Error('secret path')
    })
    await assert.rejects(Array.fromAsync(client.infer(tensorRequest())), (err: LumosError) => {
      assert.equal(err.code, 'INTERNAL')
      assert.doesNotMatch(err.message, /secret/)
      return true
    })
    assert.ok(logged.some(({ level }) => level === 'error'))
  })

  it('reports a service that ends without done as failed', async () => {
    await start(async function* () {
      yield { type: 'text', index: 0, text: 'half' }
    })
    await assert.rejects(Array.fromAsync(client.infer(textRequest())), {
      code: 'ENGINE_FAILED',
      details: { received: 1 }
    })
  })

  it('says that a peer is unreachable when the stream is lost before the first chunk', async () => {
    const { serve, begun } = hanging()
    await start(serve)
    const failing = assert.rejects(Array.fromAsync(client.infer(tensorRequest())), {
      code: 'PEER_UNREACHABLE'
    })
    await begun
    handler.close()
    await failing
  })

  it('says how many chunks came when the stream is lost after some', async () => {
    const cut = Promise.withResolvers<void>()
    await start(async function* () {
      yield { type: 'text', index: 0, text: 'a' }
      yield { type: 'text', index: 1, text: 'b' }
      await cut.promise
    })
    const failing = assert.rejects(
      async () => {
        let taken = 0
        for await (const _ of client.infer(textRequest())) if (++taken === 2) handler.close()
      },
      { code: 'PEER_UNREACHABLE', details: { received: 2 } }
    )
    await failing
    cut.resolve()
  })

  it('gets the whole answer of a node that stops as soon as it is written', async () => {
    const components = { service: { infer: echo }, clock: systemClock, log: console }
    handler = new InferenceHandler({ ...components, onEnded: () => handler.close() })
    await peers.listener.handle(INFERENCE_PROTOCOL, handler.onStream)
    client = connect()
    assert.deepEqual((await Array.fromAsync(client.infer(tensorRequest(4 * 1024 * 1024)))).at(-1), done(1))
  })

  it('opens a new session after one was lost', async () => {
    await start(echo)
    await Array.fromAsync(client.infer(tensorRequest()))
    handler.close()
    await until(() => peers.connection.streams.every(stream => !INFERENCE_PROTOCOL.includes(stream.protocol)))
    assert.equal((await Array.fromAsync(client.infer(tensorRequest()))).length, 2)
    assert.equal(streamsOpened, 2)
  })

  it('says that a peer is unreachable when no stream can be opened', async () => {
    await start(echo)
    await peers.listener.unhandle(INFERENCE_PROTOCOL)
    for (const request of [tensorRequest(), textRequest()]) {
      await assert.rejects(Array.fromAsync(client.infer(request)), { code: 'PEER_UNREACHABLE' })
    }
  })

  it('refuses a peer that may not ask', async () => {
    await start(echo, {}, () => {
      throw new LumosError('DENIED', 'Not a member.')
    })
    await assert.rejects(Array.fromAsync(client.infer(tensorRequest())), { code: 'DENIED' })
  })

  it('refuses calls beyond what a peer may have under way, and takes the next', async () => {
    const { serve, begun, stopped } = hanging()
    await start((request, options) => (request.id === 'hang' ? serve(request, options) : echo(request)), {
      callsPerPeerMax: 1
    })
    const given = new AbortController()
    const hung = assert.rejects(
      Array.fromAsync(client.infer(tensorRequest(4, { id: 'hang' }), { signal: given.signal }))
    )
    await begun
    await assert.rejects(Array.fromAsync(client.infer(tensorRequest())), (err: LumosError) => {
      assert.equal(err.code, 'OVERLOADED')
      assert.ok(Number(err.details.retryAfterMs) > 0)
      return true
    })
    given.abort()
    await hung
    // A cancelled call counts until its work has really stopped.
    await stopped
    await turns(1)
    assert.equal((await Array.fromAsync(client.infer(tensorRequest()))).length, 2)
  })

  it('refuses input beyond what a peer may have under way, without keeping it', async () => {
    const { serve, begun } = hanging()
    await start((request, options) => (request.id === 'hang' ? serve(request, options) : echo(request)), {
      inputBytesPerPeerMax: 1_000_000
    })
    const given = new AbortController()
    const hung = assert.rejects(
      Array.fromAsync(client.infer(tensorRequest(600_000, { id: 'hang' }), { signal: given.signal }))
    )
    await begun
    await assert.rejects(Array.fromAsync(client.infer(tensorRequest(600_000))), { code: 'OVERLOADED' })
    assert.equal((await Array.fromAsync(client.infer(tensorRequest(100)))).length, 2)
    given.abort()
    await hung
    assert.equal((await Array.fromAsync(client.infer(tensorRequest(600_000)))).length, 2)
  })

  it('refuses what cannot be sent, and goes on with the next call on the same stream', async () => {
    await start(echo)
    const request = { ...tensorRequest(600_000), params: { when: new Date() } }
    await assert.rejects(Array.fromAsync(client.infer(request)), { code: 'INVALID_INPUT' })
    assert.equal((await Array.fromAsync(client.infer(tensorRequest(600_000)))).length, 2)
    assert.equal(streamsOpened, 1)
  })

  it('ends its calls and refuses new ones when it is closed', async () => {
    const { serve, begun, stopped } = hanging()
    await start(serve)
    const failing = assert.rejects(Array.fromAsync(client.infer(tensorRequest())), {
      code: 'PEER_UNREACHABLE'
    })
    await begun
    await client.close()
    await failing
    await stopped
    await assert.rejects(Array.fromAsync(client.infer(tensorRequest())), { code: 'PEER_UNREACHABLE' })
  })

  it.each([
    ['a small call', tensorRequest()],
    ['a long answer', textRequest()]
  ])('ends %s when it is closed while the stream for it opens', async (_, request) => {
    await start(echo)
    const opened = Promise.withResolvers<void>()
    const opening = Promise.withResolvers<void>()
    client = new InferenceClient({
      clock: systemClock,
      openStream: async options => {
        opening.resolve()
        await opened.promise
        return await peers.connection.newStream(INFERENCE_PROTOCOL, options)
      }
    })
    const failing = assert.rejects(Array.fromAsync(client.infer(request)), { code: 'PEER_UNREACHABLE' })
    await opening.promise
    await client.close()
    opened.resolve()
    await failing
    await until(() => peers.connection.streams.every(stream => !INFERENCE_PROTOCOL.includes(stream.protocol)))
  })

  it('tells a call at once that its session is lost already', async () => {
    await start(echo)
    const stream = await peers.connection.newStream(INFERENCE_PROTOCOL)
    const session = new Session(new FrameStream(stream), systemClock)
    await session.close()
    const call = { deadlineMs: 0, onMessage: () => undefined, onLost() {}, onExpired() {} }
    assert.throws(() => session.begin(call), { code: 'PEER_UNREACHABLE' })
  })

  const output = encodeControl({ tensors: {} })
  const end = encodeControl({ usage: {}, finishReason: 'stop' })

  it.each([
    ['a chunk is missing', [[17, 1, 1, output]]],
    ['an output is not of its task', [[17, 1, 0, encodeControl({ labels: [] })]]],
    ['an end is malformed', [[TYPE.done, 1, 0, encodeControl({ usage: {} })]]],
    ['text comes where none may', [[16, 1, 0, Buffer.from('text')]]],
    ['a reply is of a type below those that may be added', [[9, 1, 0, output]]],
    ['an answer comes to a call that was not made', [[17, 2, 0, output]]]
  ] as [string, Parameters<typeof messageFrames>[]][])('is a violation when %s', async (_, frames) => {
    await lying(...frames)
    await assert.rejects(Array.fromAsync(client.infer(tensorRequest())), { code: 'PROTOCOL_VIOLATION' })
  })

  it.each([
    ['a long answer', textRequest({ params: { maxTokens: 16 }, budgetMs: 5000 }), 16],
    ['a long answer of no stated length', textRequest({ params: {}, budgetMs: 5000 }), 2064],
    ['a small call', tensorRequest(4, { budgetMs: 5000 }), 1]
  ])(
    'without end is cut at its bound, its stream is reset, and its asker keeps little (%s)',
    async (_, request, max) => {
      const reset = Promise.withResolvers<number>()
      const text = Buffer.alloc(8 * 1024 - 64, 'a')
      await peers.listener.handle(INFERENCE_PROTOCOL, async (stream: Stream) => {
        const theirs = new FrameStream(stream)
        await theirs.read()
        let index = 0
        try {
          for (;;) {
            const small = request.task === 'tensor'
            await theirs.writeAll(messageFrames(small ? 17 : 16, 1, index, small ? output : text))
            await turns(1)
            index++
          }
        } catch {
          reset.resolve(index)
        }
      })
      handler = new InferenceHandler({ service: { infer: echo }, clock: systemClock, log: console })
      client = connect()
      const heldBefore = held()
      const chunks: InferenceChunk[] = []
      const asking = async () => {
        for await (const chunk of client.infer(request)) chunks.push(chunk)
      }
      await assert.rejects(asking, { code: 'PROTOCOL_VIOLATION', message: /^The peer sent/ })
      assert.ok((await reset.promise) >= max)
      assert.equal(chunks.length, max)
      const kept = (await heldAtLeast()) - heldBefore
      assert.ok(kept < ANSWER_HELD_MAX, `${kept} bytes`)
    }
  )

  it('is a violation, with what came before, when the answer goes wrong after its first chunk', async () => {
    await lying([17, 1, 0, output], [TYPE.done, 1, 5, end])
    await assert.rejects(Array.fromAsync(client.infer(tensorRequest())), {
      code: 'PROTOCOL_VIOLATION',
      details: { received: 1 }
    })
  })
})

/** A bound on an answer of 1,024 pieces of 8 KiB, its frames and the windows of its stream. */
const ANSWER_HELD_MAX = 20 * 1024 * 1024
const held = (): number => {
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** The memory of buffers is given back by a thread of its own, a little after they were collected. */
async function heldAtLeast(): Promise<number> {
  let least = held()
  for (let n = 0; n < 4; n++) {
    await turns(1)
    least = Math.min(least, held())
  }
  return least
}

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve))
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turns(1)
}
