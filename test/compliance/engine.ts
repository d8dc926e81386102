/** What every engine must do, whatever it runs. */

import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { Engine } from '../../capabilities/host/engine.ts'
import type { InferenceChunk, PreparedRequest } from '../../interface/inference.ts'

export interface EngineCase {
  make(): Promise<Engine> | Engine
  readonly slots: number
  /** A request that is answered well, at least once per task. */
  readonly requests: readonly PreparedRequest[]
  /** A request that takes over 200 ms and heeds its signal, when the engine can have one. */
  readonly long?: PreparedRequest
}

/** A cancelled request must stop costing anything within this time. */
const CANCEL_MS_MAX = 100

export function engineCompliance(name: string, { make, slots, requests, long }: EngineCase): void {
  describe(`${name} as an engine`, () => {
    let engine: Engine

    beforeAll(async () => {
      engine = await make()
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

    for (const request of requests) {
      it(`numbers its chunks and ends ${request.task} with one done`, async () => {
        const chunks = await ask(request)

        assert.deepEqual(
          chunks.map(({ index }) => index),
          [...chunks.keys()]
        )
        assert.deepEqual(
          chunks.map(({ type }) => type === 'done'),
          chunks.map((_, index) => index === chunks.length - 1)
        )
      })

      it(`answers the same to the same ${request.task}`, async () => {
        assert.deepEqual(await ask(request), await ask(request))
      })

      it(`answers as many ${request.task} at once as it has slots`, async () => {
        const expected = await ask(request)
        const answers = await Promise.all(Array.from({ length: slots }, () => ask(request)))
        for (const answer of answers) assert.deepEqual(answer, expected)
      })

      it(`does no ${request.task} for a signal that is aborted already`, async () => {
        const reason = new Error('no longer wanted')
        await assert.rejects(ask(request, AbortSignal.abort(reason)), reason)
      })

      it(`answers ${request.task} after a caller left early`, async () => {
        for await (const _ of engine.infer(request)) break
        await engine.settled?.()
        assert.equal((await ask(request)).at(-1)?.type, 'done')
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
  })
}
