import { describe, expect, it } from 'vitest'
import { type Clock, systemClock, type Timer } from '../../interface/clock.ts'
import {
  LumosError,
  OverloadedError,
  PeerUnreachableError,
  ProtocolViolationError
} from '../../interface/errors.ts'
import type { Inference, InferenceChunk, InferenceRequest } from '../../interface/inference.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import type { InferOptions, NewInferenceRequest } from '../../interface/node.ts'
import { DECISIONS_MAX } from '../../node/routing/decisions.ts'
import { RETRY_AFTER_MS_MAX } from '../../node/routing/failures.ts'
import { Router, type RouterComponents } from '../../node/routing/router.ts'

type Answer = (request: InferenceRequest, options?: AbortOptions) => AsyncIterable<InferenceChunk>

async function* answer(): AsyncGenerator<InferenceChunk> {
  yield { type: 'text', index: 0, text: 'hello' }
  yield { type: 'done', index: 1, finishReason: 'stop', usage: {} }
}

const failing = (error: () => Error): Answer =>
  async function* () {
    if (asFarAsTypesKnow) throw error()
    yield* answer()
  }
const asFarAsTypesKnow = true as boolean

/** Time that passes only when a test says that all wait. */
class VirtualTime implements Clock {
  #nowMs = 0
  readonly #timers = new Map<object, { atMs: number; task: () => void }>()
  wallMs = () => this.#nowMs
  monotonicMs = () => this.#nowMs
  get pending(): number {
    return this.#timers.size
  }
  setTimer(task: () => void, delayMs: number): Timer {
    const key = {}
    this.#timers.set(key, { atMs: this.#nowMs + delayMs, task })
    return { cancel: () => void this.#timers.delete(key) }
  }
  /** Everybody sleeps: go to the earliest timer. */
  sleepers(): void {
    const [first] = [...this.#timers].sort(([, one], [, other]) => one.atMs - other.atMs)
    if (first === undefined) return
    const [key, { atMs, task }] = first
    this.#timers.delete(key)
    this.#nowMs = atMs
    task()
  }
}

/** A router over peers called `a`, `b`, …, ranked in that order. */
function routerOver(
  answers: Record<string, Answer>,
  clock: Clock = systemClock,
  contexts: Record<string, number> = {}
) {
  const asked: string[] = []
  const events: string[] = []
  const service = (peerId: string): Inference => ({
    infer(request, options) {
      asked.push(peerId)
      return answers[peerId]!(request, options)
    }
  })
  const components: RouterComponents = {
    clock,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    random: () => 0,
    policy: 'balanced' as const,
    newId: () => 'id',
    providers: {
      offers: ({ task, model }) =>
        Object.keys(answers)
          .map((peerId, i) => ({
            peerId,
            name: `name-${peerId}`,
            local: i === 0,
            connected: true,
            rttMs: i,
            capability: {
              ...{ task: 'text-generation' as const, model: 'echo', slots: 4, warm: true },
              contextTokens: contexts[peerId],
              ...(peerId === 'b' && { joulesPerToken: 0.5 })
            }
          }))
          .filter(c => (task ?? c.capability.task) === c.capability.task && (model ?? 'echo') === 'echo'),
      client: service,
      isConnected: peerId => peerId !== 'away',
      named: called => {
        if (called === 'away') return called
        const found = Object.keys(answers).find(peerId => called === peerId || called === `name-${peerId}`)
        if (found === undefined) throw new LumosError('PEER_NOT_FOUND', `No member is called "${called}".`)
        return found
      }
    },
    emit: name => void events.push(name)
  }
  return { router: new Router(components), asked, events }
}

/** As a node does with what its caller gives. */
async function* ask(router: Router, wanted: NewInferenceRequest, options?: InferOptions) {
  yield* router.infer(router.prepare(wanted), options)
}

const request = { model: 'echo', input: { messages: [{ role: 'user', content: 'hi' }] } }
const codeOf = async (run: Promise<unknown>) =>
  await run.then(
    () => 'none',
    err => (err as LumosError).code
  )

describe('the router', () => {
  it('asks the best peer, and only that one, when it answers', async () => {
    const { router, asked, events } = routerOver({ a: answer, b: answer })
    const chunks = await Array.fromAsync(ask(router, request))
    expect(chunks.map(({ type }) => type)).toEqual(['text', 'done'])
    expect(asked).toEqual(['a'])
    expect(events).toEqual(['inference.request_started', 'inference.request_completed'])
  })

  it('asks the next peer when the best one fails before its first chunk', async () => {
    const { router, asked } = routerOver({ a: failing(() => new PeerUnreachableError('gone')), b: answer })
    const routes: string[] = []
    await Array.fromAsync(ask(router, request, { onRoute: ({ peerId }) => routes.push(peerId) }))
    expect(asked).toEqual(['a', 'b'])
    expect(routes).toEqual(['a', 'b'])
  })

  it('asks no peer where none has room for the tokens that are wanted, and says both numbers', async () => {
    const { router, asked } = routerOver({ a: answer, b: answer }, systemClock, { a: 512, b: 2048 })
    const params = { maxTokens: 4000 }
    await expect(Array.fromAsync(ask(router, { ...request, params }))).rejects.toMatchObject({
      code: 'CONTEXT_TOO_SMALL',
      details: { contextTokens: 2048, maxTokens: 4000 }
    })
    expect(asked).toEqual([])
    await Array.fromAsync(ask(router, { ...request, id: 'long', params: { maxTokens: 2000 } }))
    expect(asked).toEqual(['b'])
    // Who asks why sees the one without room too.
    expect(router.decisions.get('long')!.candidates.map(({ name, fate }) => [name, fate])).toEqual([
      ['name-b', 'asked'],
      ['name-a', 'too_small']
    ])
  })

  it('is explained by what an answer takes, and not by its first chunk alone', () => {
    const { router } = routerOver({ a: answer })
    const [{ parts, costMs } = { parts: [], costMs: 0 }] = router.explain({ model: 'echo' })
    expect(parts.map(({ reason }) => reason)).toContain('writes the answer')
    expect(costMs).toBe(parts.reduce((sum, { ms }) => sum + ms, 0))
  })

  it('takes a request that states no bound, and a peer that states no context, for ones that fit', async () => {
    const small = routerOver({ a: answer }, systemClock, { a: 512 })
    await Array.fromAsync(ask(small.router, request))
    expect(small.asked).toEqual(['a'])
    const unknown = routerOver({ a: answer, b: answer }, systemClock, { a: 512 })
    await Array.fromAsync(ask(unknown.router, { ...request, params: { maxTokens: 4000 } }))
    expect(unknown.asked).toEqual(['b'])
  })

  it('asks only peers with more room after one whose context is too small', async () => {
    const full = failing(() => new LumosError('CONTEXT_TOO_SMALL', 'too long'))
    const contexts = { a: 2048, b: 512, c: 2048, d: 1024, e: 4096 }
    const peers = { a: full, b: answer, c: answer, d: answer, e: answer }
    const { router, asked } = routerOver(peers, systemClock, contexts)
    await Array.fromAsync(ask(router, request))
    expect(asked).toEqual(['a', 'e'])
    const none = routerOver({ a: full, b: answer }, systemClock, contexts)
    expect(await codeOf(Array.fromAsync(ask(none.router, request)))).toBe('CONTEXT_TOO_SMALL')
    expect(none.asked).toEqual(['a'])
  })

  it('asks another peer where one has no memory for the model, and asks that one after others for a while', async () => {
    const full = failing(() => new LumosError('NO_CAPACITY', 'no memory'))
    const { router, asked } = routerOver({ a: full, b: answer })
    await Array.fromAsync(ask(router, request))
    await Array.fromAsync(ask(router, request))
    expect(asked).toEqual(['a', 'b', 'b'])
    const all = routerOver({ a: full, b: full })
    expect(await codeOf(Array.fromAsync(ask(all.router, request)))).toBe('NO_CAPACITY')
    const mixed = routerOver({ a: failing(() => new OverloadedError('busy', 10)), b: full })
    expect(await codeOf(Array.fromAsync(ask(mixed.router, request)))).toBe('OVERLOADED')
  })

  it('knows how fast a peer wrote its last answer, by the tokens that it counts', async () => {
    const time = new VirtualTime()
    async function* paced(): AsyncGenerator<InferenceChunk> {
      for (let index = 0; index < 10; index++) {
        yield { type: 'text', index, text: 'word' }
        time.setTimer(() => {}, 100)
        time.sleepers()
      }
      yield { type: 'done', index: 10, finishReason: 'stop', usage: { outputTokens: 20 } }
    }
    const { router } = routerOver({ a: paced }, time)
    await Array.fromAsync(ask(router, request))
    expect(router.recordOf('a', 'echo').tokensPerSecond).toBe(20)
  })

  it('asks an only peer once more when its connection broke, and for no other reason', async () => {
    let broken = true
    const breaksOnce: Answer = async function* () {
      if (broken) {
        broken = false
        throw new PeerUnreachableError('gone')
      }
      yield* answer()
    }
    const recovering = routerOver({ a: breaksOnce })
    await Array.fromAsync(ask(recovering.router, request))
    expect(recovering.asked).toEqual(['a', 'a'])

    const busy = routerOver({ a: failing(() => new OverloadedError('busy', 10)) })
    expect(await codeOf(Array.fromAsync(ask(busy.router, request)))).toBe('OVERLOADED')
    expect(busy.asked).toEqual(['a'])
  })

  it('never asks one of several peers twice, nor more than three', async () => {
    const gone = failing(() => new PeerUnreachableError('gone'))
    const { router, asked } = routerOver({ a: gone, b: gone, c: gone, d: answer })
    expect(await codeOf(Array.fromAsync(ask(router, request)))).toBe('PEER_UNREACHABLE')
    expect(asked).toEqual(['a', 'b', 'c'])
  })

  it('ends a stream that was cut with the number of chunks that came, and asks nobody else', async () => {
    const cut: Answer = async function* () {
      yield { type: 'text', index: 0, text: 'hel' }
      throw new PeerUnreachableError('gone')
    }
    const { router, asked, events } = routerOver({ a: cut, b: answer })
    const failure = await Array.fromAsync(ask(router, request)).catch(err => err)
    expect(failure).toMatchObject({ code: 'STREAM_INTERRUPTED', details: { received: 1 } })
    expect(asked).toEqual(['a'])
    expect(events.at(-1)).toBe('inference.request_failed')
  })

  it('ends an answer whose pieces were changed on the way, and blames its peer', async () => {
    const changed: Answer = async function* () {
      yield { type: 'text', index: 0, text: 'hel' }
      throw new LumosError('ANSWER_CHANGED', 'other pieces')
    }
    const { router, asked } = routerOver({ a: changed, b: answer })
    expect(await codeOf(Array.fromAsync(ask(router, request)))).toBe('ANSWER_CHANGED')
    expect(asked).toEqual(['a'])
    for (let i = 0; i < 5; i++) await Array.fromAsync(ask(router, request)).catch(() => {})
    expect(asked.at(-1)).toBe('b')
  })

  it('blames a peer that breaks the protocol, and asks it no more once it did so five times', async () => {
    const endless: Answer = async function* () {
      yield { type: 'text', index: 0, text: 'on' }
      throw new ProtocolViolationError('The peer sent more than 1 pieces of text.')
    }
    const { router, asked } = routerOver({ a: endless, b: answer })
    for (let i = 0; i < 5; i++) {
      expect(await codeOf(Array.fromAsync(ask(router, request)))).toBe('PROTOCOL_VIOLATION')
    }
    await Array.fromAsync(ask(router, request))
    expect(asked).toEqual(['a', 'a', 'a', 'a', 'a', 'b'])
  })

  it('does not repeat a request that is wrong', async () => {
    const { router, asked } = routerOver({
      a: failing(() => new LumosError('INVALID_INPUT', 'no')),
      b: answer
    })
    expect(await codeOf(Array.fromAsync(ask(router, request)))).toBe('INVALID_INPUT')
    expect(asked).toEqual(['a'])
  })

  it('says when to come back once all are busy', async () => {
    const busy = (ms: number) => failing(() => new OverloadedError('busy', ms))
    const { router } = routerOver({ a: busy(900), b: busy(300) })
    const failure = await Array.fromAsync(ask(router, request)).catch(err => err)
    expect(failure).toMatchObject({ code: 'OVERLOADED', details: { retryAfterMs: 300 } })
  })

  it.each([
    [1e300, RETRY_AFTER_MS_MAX],
    [-1e300, 0]
  ])('believes no estimate of %d ms', async (ms, believed) => {
    const { router } = routerOver({ a: failing(() => new OverloadedError('busy', ms)) })
    const failure = await Array.fromAsync(ask(router, request)).catch(err => err)
    expect(failure).toMatchObject({ code: 'OVERLOADED', details: { retryAfterMs: believed } })
    const [ranked] = router.explain({ model: 'echo' })
    expect(ranked!.costMs).toBeLessThanOrEqual(RETRY_AFTER_MS_MAX + 10_000)
  })

  it('sends a request to the named peer only', async () => {
    const { router, asked } = routerOver({ a: answer, b: answer })
    await Array.fromAsync(ask(router, request, { peer: 'name-b' }))
    expect(asked).toEqual(['b'])
    expect(await codeOf(Array.fromAsync(ask(router, request, { peer: 'nobody' })))).toBe('PEER_NOT_FOUND')
  })

  it('says of a named peer that it is not connected, and not that it lacks what it is known to offer', async () => {
    const { router } = routerOver({ a: answer })
    const failure = await Array.fromAsync(ask(router, request, { peer: 'away' })).catch(err => err)
    expect(failure).toMatchObject({ code: 'NO_PROVIDER', message: 'The device "away" is not connected.' })
  })

  it('names what comes close when nobody offers the model', async () => {
    const { router } = routerOver({ a: answer })
    const failure = await Array.fromAsync(ask(router, { ...request, model: 'ecko' })).catch(err => err)
    expect(failure).toMatchObject({ code: 'NO_PROVIDER' })
    expect(failure.hint).toContain('echo')
  })

  it('says what a model is for that is asked for something else', async () => {
    const { router } = routerOver({ a: answer })
    const wrong = { model: 'echo', task: 'feature-extraction' as const, input: { texts: ['a'] } }
    const failure = await Array.fromAsync(ask(router, wrong)).catch(err => err)
    expect(failure).toMatchObject({
      code: 'NO_PROVIDER',
      message: '"echo" is for text-generation, and not for feature-extraction.'
    })
    const named = await Array.fromAsync(ask(router, wrong, { peer: 'name-a' })).catch(err => err)
    expect(named.message).toBe(failure.message)
  })

  it('refuses an unknown task, and input that its task cannot take, before asking anybody', async () => {
    const { router, asked } = routerOver({ a: answer })
    expect(await codeOf(Array.fromAsync(ask(router, { task: 'fly' as never, input: {} })))).toBe('USAGE')
    expect(await codeOf(Array.fromAsync(ask(router, { model: 'echo', input: { messages: [] } })))).toBe(
      'INVALID_INPUT'
    )
    expect(asked).toEqual([])
  })

  it('asks the next peer when one fails after it reported progress, for no answer had begun', async () => {
    const progress = { type: 'progress', index: 0, stage: 'loading', done: 1 } as const
    const { router, asked } = routerOver({
      async *a() {
        yield progress
        throw new LumosError('PEER_UNREACHABLE', 'gone')
      },
      b: answer
    })
    const chunks = await Array.fromAsync(ask(router, request))
    expect(asked).toEqual(['a', 'b'])
    expect(chunks[0]).toEqual(progress)
    expect(chunks[1]).toMatchObject({ index: 0 })
    expect(chunks[1]?.type).not.toBe('progress')
  })

  it('frees the peer and reports a cancellation when the loop is left', async () => {
    const { router, events } = routerOver({ a: answer })
    for await (const _ of ask(router, request)) break
    const [ranked] = router.explain({ model: 'echo' })
    expect(ranked?.candidate.record.inFlight).toBe(0)
    expect(events.at(-1)).toBe('inference.request_failed')
  })

  it('asks the next peer beside one that sends nothing for one and a half seconds, and cancels the slower one', async () => {
    const clock = new VirtualTime()
    let cancelled = false
    const wedged: Answer = async function* (_request, options) {
      await new Promise<never>((_resolve, reject) => {
        options!.signal!.addEventListener('abort', () => {
          cancelled = true
          reject(options!.signal!.reason)
        })
        queueMicrotask(() => clock.sleepers())
      })
      yield* answer()
    }
    const { router, asked } = routerOver({ a: wedged, b: answer }, clock)
    const chunks = await Array.fromAsync(ask(router, request))
    expect(chunks.map(({ type }) => type)).toEqual(['text', 'done'])
    expect(asked).toEqual(['a', 'b'])
    expect(cancelled).toBe(true)
    expect(clock.monotonicMs()).toBe(1500)
    expect(clock.pending).toBe(0)
  })

  it('lets a silent peer answer where the ones asked beside it fail, and says who answers', async () => {
    const clock = new VirtualTime()
    const began = Promise.withResolvers<void>()
    const slow: Answer = async function* () {
      queueMicrotask(() => clock.sleepers())
      await began.promise
      yield* answer()
    }
    const fails = async () => {
      began.resolve()
      throw new LumosError('ENGINE_FAILED', 'no')
    }
    const dies: Answer = () => ({ [Symbol.asyncIterator]: () => ({ next: fails }) })
    const { router, asked } = routerOver({ a: slow, b: dies, c: dies }, clock)
    const routes: string[] = []
    const chunks = await Array.fromAsync(
      ask(router, request, { onRoute: ({ peerId }) => routes.push(peerId) })
    )
    expect(chunks.map(({ type }) => type)).toEqual(['text', 'done'])
    expect(asked).toEqual(['a', 'b', 'c'])
    expect(routes).toEqual(['a', 'b', 'c', 'a'])
    expect(clock.pending).toBe(0)
  })

  it('cancels all that are asked when their caller leaves', async () => {
    const clock = new VirtualTime()
    const left = new AbortController()
    let cancelled = 0
    const silent: Answer = (_request, options) => ({
      [Symbol.asyncIterator]: () => ({
        next: () =>
          new Promise<never>((_resolve, reject) => {
            options!.signal!.addEventListener('abort', () => {
              cancelled++
              reject(options!.signal!.reason)
            })
            queueMicrotask(() => (clock.pending > 0 ? clock.sleepers() : left.abort()))
          })
      })
    })
    const { router, asked } = routerOver({ a: silent, b: silent, c: silent }, clock)
    const run = Array.fromAsync(ask(router, request, { signal: left.signal }))
    expect(await codeOf(run)).toBe('CANCELLED')
    expect([asked, cancelled]).toEqual([['a', 'b', 'c'], 3])
    for (const { candidate } of router.explain({ model: 'echo' })) expect(candidate.record.inFlight).toBe(0)
  })

  it('asks the next peer when the best one only reports progress, which is no first chunk', async () => {
    const clock = new VirtualTime()
    const loads: Answer = async function* (_request, options) {
      yield { type: 'progress', index: 0, stage: 'loading', done: 1 }
      await new Promise<never>((_resolve, reject) => {
        options!.signal!.addEventListener('abort', () => reject(options!.signal!.reason))
        clock.sleepers()
      })
    }
    const { router, asked } = routerOver({ a: loads, b: answer }, clock)
    const chunks = await Array.fromAsync(ask(router, request))
    expect(chunks.map(({ type }) => type)).toEqual(['progress', 'text', 'done'])
    expect([asked, clock.monotonicMs()]).toEqual([['a', 'b'], 1500])
  })

  it('keeps no timer once the first chunk has come', async () => {
    const clock = new VirtualTime()
    const { router } = routerOver({ a: answer, b: answer }, clock)
    for await (const _ of ask(router, request)) expect(clock.pending).toBe(0)
  })

  it('says of a request which peers were asked, in which order, and why', async () => {
    const { router } = routerOver({
      a: failing(() => new PeerUnreachableError('gone')),
      b: answer,
      c: answer
    })
    await Array.fromAsync(ask(router, { ...request, id: 'mine' }))
    const decision = router.decisions.get('mine')!
    expect(decision.candidates.map(({ name, fate }) => [name, fate])).toEqual([
      ['name-a', 'asked'],
      ['name-b', 'asked'],
      ['name-c', 'spare']
    ])
    expect(decision.candidates.map(({ joulesPerToken }) => joulesPerToken)).toEqual([
      undefined,
      0.5,
      undefined
    ])
    expect(decision.candidates[0]!.parts).toContainEqual({ reason: 'not measured yet', ms: 100 })
    expect(decision.attempts).toMatchObject([
      { peerId: 'a', outcome: 'PEER_UNREACHABLE', chunks: 0 },
      { peerId: 'b', outcome: 'answered', chunks: 2 }
    ])
    expect(decision).toMatchObject({ outcome: 'answered', more: 0 })
    expect(router.decisions.get('other')).toBeUndefined()
  })

  it('remembers peers that were left out, and a thousand requests', async () => {
    const { router } = routerOver({ a: failing(() => new PeerUnreachableError('gone')), b: answer })
    for (let i = 0; i < 3; i++) await codeOf(Array.fromAsync(ask(router, request, { peer: 'a' })))
    for (let i = 0; i < DECISIONS_MAX; i++) await Array.fromAsync(ask(router, { ...request, id: `${i}` }))
    expect(router.decisions.get('0')!.candidates.map(({ fate }) => fate)).toEqual(['asked', 'ejected'])
    await Array.fromAsync(ask(router, { ...request, id: 'one more' }))
    expect(router.decisions.get('0')).toBeUndefined()
    expect(router.decisions.get('1')).toBeDefined()
  })

  it('stops retrying once many requests had to be retried', async () => {
    const gone = failing(() => new PeerUnreachableError('gone'))
    const { router, asked } = routerOver({ a: gone, b: gone, c: gone })
    for (let i = 0; i < 10; i++) await codeOf(Array.fromAsync(ask(router, request)))
    // Ten requests, and the ten retries that the budget holds.
    expect(asked.length).toBe(20)
  })
})
