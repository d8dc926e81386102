/** What every engine must do, whatever it runs. */

import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { Engine } from '../../capabilities/host/engine.ts'
import { WINDOW_CHUNKS } from '../../capabilities/host/engine-messages.ts'
import type { Clock } from '../../interface/clock.ts'
import { systemClock } from '../../interface/clock.ts'
import type { ErrorCode, LumosError } from '../../interface/errors.ts'
import type { InferenceChunk, PreparedRequest } from '../../interface/inference.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { childrenOf } from '../capabilities/processes.ts'

/** To hold another engine to this: a row in `test/capabilities/engines.test.ts`, or a file of its own. */
export interface EngineCase {
  make(clock: Clock): Promise<Engine> | Engine
  readonly slots: number
  /** A request that is answered well, at least once per task. */
  readonly requests: readonly PreparedRequest[]
  /** A request that takes over 200 ms and heeds its signal, when the engine can have one. */
  readonly long?: PreparedRequest
  /** An answer of more chunks than a reader may leave waiting. */
  readonly streamed?: PreparedRequest
  /** Requests that the engine refuses, each with the code. */
  readonly refused?: readonly (readonly [request: PreparedRequest, code: ErrorCode])[]
  /** Whether it runs in a process of its own, which can crash and hang. */
  readonly process?: true
}

/** A cancelled request must stop costing anything within this time. */
const CANCEL_MS_MAX = 100
/** Beyond what the host waits for a sign of its engine. */
const HANG_MS = 121_000

export function engineCompliance(name: string, options: EngineCase): void {
  const { make, slots, requests, long, streamed, refused = [], process: isProcess } = options
  describe(`${name} as an engine`, () => {
    // An engine in a process needs no time of its node but to notice that it hangs.
    const clock = isProcess ? new ManualClock() : systemClock
    let engine: Engine

    beforeAll(async () => {
      engine = await make(clock)
      await engine.load()
    })
    afterAll(() => engine.close())

    const ask = (request: PreparedRequest, signal?: AbortSignal): Promise<InferenceChunk[]> =>
      Array.fromAsync(engine.infer(request, { signal }))

    it('says that it is loaded, and may be told to load again', async () => {
      assert.equal(engine.loaded, true)
      await engine.load()
      assert.equal(engine.loaded, true)
    })

    for (const request of requests) answersWell(() => engine, request, slots)

    for (const [request, expected] of refused) {
      it(`refuses what it cannot do with ${expected}, and goes on`, async () => {
        await assert.rejects(
          async () => await ask(request),
          ({ code }: LumosError) => code === expected
        )
        assert.equal(engine.loaded, true)
        assert.equal((await ask(requests[0]!)).at(-1)?.type, 'done')
      })
    }

    if (long !== undefined) {
      it(`stops within ${CANCEL_MS_MAX} ms of its signal`, async () => {
        const controller = new AbortController()
        let abortedMs = Number.NaN
        const reason = new Error('no longer wanted')

        await assert.rejects(async () => {
          for await (const _ of engine.infer(long, { signal: controller.signal })) {
            abortedMs = performance.now()
            controller.abort(reason)
          }
        }, reason)
        await engine.settled?.()

        assert.ok(performance.now() - abortedMs <= CANCEL_MS_MAX)
      })
    }

    if (streamed !== undefined) {
      it('waits for a slow reader, and loses nothing', async () => {
        const whole = await ask(streamed)
        assert.ok(whole.length > WINDOW_CHUNKS, `${whole.length} chunks`)
        const answer = engine.infer(streamed)[Symbol.asyncIterator]()
        const slow = [(await answer.next()).value]
        // Others are answered meanwhile.
        await ask(requests[0]!)
        for (let next = await answer.next(); !next.done; next = await answer.next()) slow.push(next.value)
        assert.deepEqual(slow, whole)
      })
    }

    if (isProcess) livesAnew(() => engine, requests[0]!, clock as ManualClock)

    it('can be unloaded and loaded again, and answers the same', async () => {
      const before = await ask(requests[0]!)
      await engine.close()
      assert.equal(engine.memoryBytes, 0)
      await engine.load()
      assert.equal(engine.loaded, true)
      assert.deepEqual(await ask(requests[0]!), before)
    })
  })
}

function answersWell(engine: () => Engine, request: PreparedRequest, slots: number): void {
  const ask = (signal?: AbortSignal): Promise<InferenceChunk[]> =>
    Array.fromAsync(engine().infer(request, { signal }))

  it(`numbers its chunks and ends ${request.task} with one done`, async () => {
    const chunks = await ask()

    assert.deepEqual(
      chunks.map(({ index }) => index),
      [...chunks.keys()]
    )
    assert.deepEqual(
      chunks.map(({ type }) => type === 'done'),
      chunks.map((_, index) => index === chunks.length - 1)
    )
    const { maxTokens } = request.params
    if (typeof maxTokens === 'number') assert.ok(chunks.length - 1 <= maxTokens)
  })

  it(`answers the same to the same ${request.task}`, async () => {
    assert.deepEqual(await ask(), await ask())
  })

  it(`answers as many ${request.task} at once as it has slots`, async () => {
    const expected = await ask()
    const answers = await Promise.all(Array.from({ length: slots }, () => ask()))
    for (const answer of answers) assert.deepEqual(answer, expected)
  })

  it(`does no ${request.task} for a signal that is aborted already`, async () => {
    const reason = new Error('no longer wanted')
    await assert.rejects(ask(AbortSignal.abort(reason)), reason)
  })

  it(`answers ${request.task} after a caller left early`, async () => {
    for await (const _ of engine().infer(request)) break
    await engine().settled?.()
    assert.equal((await ask()).at(-1)?.type, 'done')
  })
}

/** Its process ends, one way or another, and the next one answers. */
function livesAnew(engine: () => Engine, request: PreparedRequest, clock: ManualClock): void {
  const failure = (): Promise<LumosError> =>
    Array.fromAsync(engine().infer(request)).then(
      () => assert.fail('It answered.'),
      (err: LumosError) => err
    )
  const answersAgain = async (): Promise<void> => {
    assert.equal(engine().loaded, false)
    assert.equal(engine().memoryBytes, 0)
    await engine().load()
    assert.equal((await Array.fromAsync(engine().infer(request))).at(-1)?.type, 'done')
  }
  const pid = (): number => childrenOf(process.pid).at(-1)!

  it.skipIf(process.platform !== 'linux')(
    'fails what is under way when it crashes, and comes back',
    async () => {
      process.kill(pid(), 'SIGSTOP')
      const answer = failure()
      const lost = new Promise<void>(resolve => {
        engine().onLost = resolve
      })
      process.kill(pid(), 'SIGKILL')
      await lost
      const { code, message } = await answer
      assert.equal(code, 'ENGINE_FAILED')
      assert.match(message, /died/)
      await answersAgain()
    }
  )

  it.skipIf(process.platform !== 'linux')('is killed when it hangs, and comes back', async () => {
    process.kill(pid(), 'SIGSTOP')
    const answer = failure()
    clock.advance(HANG_MS)
    const { code, message } = await answer
    assert.equal(code, 'ENGINE_FAILED')
    assert.match(message, /gave no sign/)
    await engine().close()
    await answersAgain()
  })
}
