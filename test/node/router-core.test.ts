import { describe, expect, it } from 'vitest'
import { CancelledError, LumosError, PeerUnreachableError, TimeoutError } from '../../interface/errors.ts'
import type { Candidate } from '../../node/routing/rank.ts'
import { newRouter, type RouterEvent, stepRouter } from '../../node/routing/router-core.ts'

const offer = (peerId: string): Candidate => ({
  peerId,
  name: peerId,
  local: false,
  connected: true,
  rttMs: 1,
  capability: { task: 'text-generation', model: 'echo', slots: 4, warm: true }
})

/** What a request to two peers ends with when the first fails after so many chunks. */
function failedAfter(chunks: number, failure: LumosError) {
  const state = newRouter(0)
  const step = (event: RouterEvent) => stepRouter(state, event, 10).effects
  step({ type: 'ask', id: 1, budgetMs: 1000, offers: [offer('a'), offer('b')] })
  for (let i = 0; i < chunks; i++) step({ type: 'chunk', id: 1, last: false })
  return step({ type: 'failed', id: 1, failure, unwanted: false })
}

describe('a request that fails after its first chunk', () => {
  it.each([
    ['TIMEOUT', new TimeoutError('No answer within 1000 ms.')],
    ['CANCELLED', new CancelledError()]
  ])('keeps the code %s, which says more than that it was cut', (code, failure) => {
    for (const chunks of [1, 2]) {
      expect(failedAfter(chunks, failure)).toMatchObject([{ type: 'fail', failure: { code } }])
    }
  })

  it.each([new PeerUnreachableError('gone'), new LumosError('ENGINE_FAILED', 'The engine died.')])(
    'is told with the number of chunks that came: $code',
    failure => {
      expect(failedAfter(2, failure)).toMatchObject([
        { type: 'fail', failure: { code: 'STREAM_INTERRUPTED', details: { received: 2 } } }
      ])
      expect(failedAfter(0, failure)).toMatchObject([{ type: 'attempt' }])
    }
  )
})
