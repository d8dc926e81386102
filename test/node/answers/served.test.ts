/** Answers that this device gives, when their askers cancel them, lose their connection, or come back. */

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it, vi } from 'vitest'
import { newAnswerId, requestIdOf } from '../../../interface/answers.ts'
import { systemClock } from '../../../interface/clock.ts'
import { CancelledError, PeerUnreachableError } from '../../../interface/errors.ts'
import type { Inference, PreparedRequest } from '../../../interface/inference.ts'
import { AnswerStore } from '../../../node/answers/answer-store.ts'
import { ServedAnswers } from '../../../node/answers/served-answers.ts'
import type { MeshContext } from '../../../node/feature.ts'
import { ManualClock } from '../../capabilities/manual-clock.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const LIMITS = { keptMs: 3_600_000, bytesMax: 1e6, filesMax: 100, peerShare: 1 / 8 }
const LAPTOP = 'PeerLaptop11'
const PHONE = 'PeerPhone111'

let directory: string
let store: AnswerStore
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lumos-answers-'))
  store = new AnswerStore({ directory, key: new Uint8Array(32), clock: systemClock, log, limits: LIMITS })
})
afterEach(async () => {
  await store.close()
  await rm(directory, { recursive: true })
})

/** A device that gives answers, and peers that connect and leave by hand. */
function servedHere() {
  const clock = new ManualClock()
  const connected = new Set<string>()
  const mesh = {
    ...{ peerId: 'here', meshId: 'm', clock, log },
    members: { get: () => ({ role: 'member' }) },
    isConnected: (peerId: string) => connected.has(peerId)
  } as unknown as MeshContext
  const served = new ServedAnswers({ mesh, store, isOn: true })
  const running = new Set<string>()
  const infer: Inference['infer'] = async function* ({ id, params }, { signal } = {}) {
    running.add(id)
    try {
      for (let index = 0; ; index++) {
        if (index === params.maxTokens) return yield { type: 'done', index, finishReason: 'stop', usage: {} }
        yield { type: 'text', index, text: 'word ' }
        await new Promise(setImmediate)
        signal?.throwIfAborted()
      }
    } finally {
      running.delete(id)
    }
  }
  /** @param words after which it ends. */
  const ask = (askedBy: string, words?: number) => {
    connected.add(askedBy)
    const gone = new AbortController()
    const id = newAnswerId(askedBy)
    const params = words === undefined ? {} : { maxTokens: words }
    const request = { id: requestIdOf(id), task: 'text-generation', model: 'm', params }
    const options = { askedBy, signal: gone.signal }
    const answer = served.infer({ infer }, request as unknown as PreparedRequest, options)
    return { id, answer: answer as AsyncGenerator, gone, isRunning: () => running.has(requestIdOf(id)) }
  }
  /** Its connection ends, in the middle of its answers. */
  const lose = async (
    peerId: string,
    answers: readonly Pick<ReturnType<typeof ask>, 'answer' | 'gone'>[]
  ) => {
    connected.delete(peerId)
    for (const { answer, gone } of answers) {
      const before = clock.timers
      gone.abort(new PeerUnreachableError('The peer has closed the stream.'))
      const left = answer.next().catch(() => {})
      while (clock.timers <= before) await new Promise(setImmediate)
      clock.advance(50)
      await left
    }
  }
  return { served, ask, clock, lose }
}

describe('an answer that a peer asks for', () => {
  it('is read by the id of its request by that peer, and by no other', async () => {
    const { served, ask } = servedHere()
    const { id, answer } = ask(LAPTOP)
    await answer.next()
    const read = (reader: string, by: string) => served.open(by, { reader, follow: false })
    assert.equal((await read(LAPTOP, requestIdOf(id))).info.state, 'running')
    assert.equal((await read(PHONE, id)).info.state, 'running')
    await assert.rejects(read(PHONE, requestIdOf(id)), { code: 'ANSWER_UNKNOWN' })
    await answer.return(undefined)
    // Also once it is on disk alone.
    const kept = ask(LAPTOP, 2)
    await Array.fromAsync(kept.answer)
    await store.flush()
    assert.equal((await read(LAPTOP, requestIdOf(kept.id))).info.state, 'done')
    await assert.rejects(read(PHONE, requestIdOf(kept.id)), { code: 'ANSWER_UNKNOWN' })
  })
  it('is deleted by that peer, and by no other', async () => {
    const { served, ask } = servedHere()
    const kept = ask(LAPTOP, 2)
    await Array.fromAsync(kept.answer)
    await store.flush()
    const requestId = requestIdOf(kept.id)
    for (const id of [requestId, kept.id])
      await assert.rejects(served.forget(id, PHONE), { code: 'ANSWER_UNKNOWN' })
    assert.equal((await served.open(requestId, { reader: LAPTOP, follow: false })).info.state, 'done')
    await served.forget(requestId, LAPTOP)
    await assert.rejects(served.open(requestId, { reader: LAPTOP }), { code: 'ANSWER_UNKNOWN' })
    await assert.rejects(served.open(kept.id, { reader: PHONE }), { code: 'ANSWER_UNKNOWN' })
  })

  it('ends in time without its asker, however often that connects, and others read it', async () => {
    const { served, ask, lose, clock } = servedHere()
    const { id, answer, isRunning, gone } = ask(LAPTOP)
    await answer.next()
    await lose(LAPTOP, [{ answer, gone }])
    assert.ok(isRunning())
    for (let i = 0; i < 3; i++) {
      served.onMember(LAPTOP)
      const { chunks } = await served.open(id, { reader: PHONE, follow: false })
      for await (const _ of chunks()) break
      clock.advance(2000)
    }
    await vi.waitFor(() => assert.ok(!isRunning()), 10_000)
  })

  it('goes on without its asker, a few at once, the newest', async () => {
    const { ask, lose } = servedHere()
    const other = ask(PHONE)
    await other.answer.next()
    await lose(PHONE, [other])
    const all = Array.from({ length: 6 }, () => ask(LAPTOP))
    for (const { answer } of all) await answer.next()
    await lose(LAPTOP, all)
    const running = () => all.map(({ isRunning }) => isRunning())
    await vi.waitFor(() => assert.deepEqual(running(), [false, false, true, true, true, true]), 10_000)
    assert.ok(other.isRunning())
  })
  it('ends when its asker cancels it, also where another device reads it', async () => {
    const { served, ask } = servedHere()
    const { id, answer, gone, isRunning } = ask(LAPTOP)
    await answer.next()
    const reading = (await served.open(id, { reader: PHONE })).chunks()[Symbol.asyncIterator]()
    await reading.next()
    gone.abort(new CancelledError('It is not wanted.'))
    await assert.rejects(async () => {
      for (;;) await answer.next().then(({ done }) => assert.ok(!done))
    })
    await assert.rejects(
      async () => {
        while (!(await reading.next()).done);
      },
      { code: 'CANCELLED' }
    )
    await vi.waitFor(() => assert.ok(!isRunning()), 10_000)
  })
})
