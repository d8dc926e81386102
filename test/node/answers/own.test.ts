/** Answers of this device that were cut by the end of its node, and devices that have the rest, or say so. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'vitest'
import { type AnswerOptions, newAnswerId, requestIdOf } from '../../../interface/answers.ts'
import type { DoneChunk, InferenceChunk } from '../../../interface/chunks.ts'
import { type Clock, systemClock } from '../../../interface/clock.ts'
import { LumosError } from '../../../interface/errors.ts'
import type { InferOptions, NewInferenceRequest } from '../../../interface/node.ts'
import { AnswerStore, nameOf } from '../../../node/answers/answer-store.ts'
import { Forgetting } from '../../../node/answers/forgetting.ts'
import { OwnAnswers, type OwnAnswersComponents } from '../../../node/answers/own-answers.ts'
import type { MeshContext } from '../../../node/feature.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const LIMITS = { keptMs: 3_600_000, bytesMax: 1e6, filesMax: 100, peerShare: 1 / 8 }
const mesh = { peerId: 'PeerHere1111', meshId: 'm', clock: systemClock, log } as unknown as MeshContext
const ROUTE = { peerId: 'there', task: 'text-generation' as const, model: 'm' }
const id = newAnswerId(mesh.peerId)
const text = (index: number): InferenceChunk => ({ type: 'text', index, text: `word${index} ` })

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lumos-answers-'))
})
afterEach(() => rm(directory, { recursive: true }))

const storeOf = () =>
  new AnswerStore({ directory, key: new Uint8Array(32), clock: systemClock, log, limits: LIMITS })

/** These many chunks of it are on disk when the node ends. */
async function cut({
  chunks = 3,
  routed = chunks > 0,
  ...options
}: AnswerOptions & { chunks?: number; routed?: boolean } = {}): Promise<void> {
  const store = storeOf()
  const own = new OwnAnswers({
    mesh,
    store,
    isOn: true,
    forget: async () => {},
    rest: () => Promise.reject(new Error())
  })
  const answer = own.keep(
    id,
    async function* ({ onRoute }) {
      if (routed) onRoute(ROUTE)
      for (let i = 0; i < chunks; i++) yield text(i)
      await new Promise(() => {})
    },
    options
  )
  for (let i = 0; i < chunks; i++) await answer.next()
  if (chunks === 0) void answer.next().catch(() => {})
  await store.close()
}

/** A device that says that it goes on with the answer, and sends nothing. */
function silent() {
  const seen = { opened: [] as string[], closed: false }
  const rest: OwnAnswersComponents['rest'] = async requestId => {
    seen.opened.push(requestId)
    return {
      info: {
        ...{ id, state: 'running', chunks: 3, task: ROUTE.task, model: 'm', peerId: 'there' },
        ...{ durable: false, createdAtMs: 1, error: null }
      },
      async *chunks({ signal } = {}) {
        await new Promise(resolve => signal!.addEventListener('abort', resolve))
        seen.closed = true
        signal!.throwIfAborted()
      },
      close() {
        seen.closed = true
      }
    }
  }
  return { rest, seen }
}

describe('an answer that was cut, of which a device says that it goes on and sends nothing', () => {
  it('is shown as far as it is here, and is cancelled there by its id', async () => {
    await cut()
    const store = storeOf()
    const { rest, seen } = silent()
    const own = new OwnAnswers({ mesh, store, isOn: true, forget: async () => {}, rest })
    const { info, chunks } = await own.open(id, { follow: false })
    assert.deepEqual([info.state, info.chunks], ['running', 3])
    assert.deepEqual(await Array.fromAsync(chunks()), [text(0), text(1), text(2)])
    assert.equal((await own.cancel(id)).state, 'cancelled')
    await store.close()
    // The id that opens the answer stays here.
    assert.deepEqual(seen, { opened: [requestIdOf(id)], closed: true })
    assert.equal((await own.open(id, {})).info.state, 'cancelled')
  })

  it('is forgotten while that device is asked, and does not come back', async () => {
    await cut()
    const store = storeOf()
    const { rest, seen } = silent()
    const { promise: asked, resolve } = Promise.withResolvers<void>()
    const own = new OwnAnswers({
      ...{ mesh, store, isOn: true, forget: async () => {} },
      async rest(of, peerId, from, signal) {
        resolve()
        await new Promise(stopped => signal.addEventListener('abort', stopped))
        // It comes all the same.
        return await rest(of, peerId, from, signal)
      }
    })
    const opening = own.open(id, { follow: false })
    await asked
    await own.forget(id)
    await opening.catch(() => {})
    await store.close()
    assert.deepEqual(await readdir(directory), [])
    assert.equal(seen.closed, true)
  })

  it('whose file was erased meanwhile is not gone on with', async () => {
    await cut()
    const store = storeOf()
    const { rest, seen } = silent()
    const own = new OwnAnswers({
      ...{ mesh, store, isOn: true, forget: async () => {} },
      async rest(...given) {
        for (const name of await readdir(directory)) await rm(join(directory, name))
        return await rest(...given)
      }
    })
    await assert.rejects(own.open(id, {}).then(({ info }) => assert.equal(info.state, 'interrupted')))
    assert.deepEqual([store.live(store.names('a')[0]!), seen.closed], [undefined, true])
    await store.close()
  })
})

describe('an answer that was cut, whose device is gone', () => {
  const question = {
    task: 'text-generation' as const,
    model: 'alias',
    input: { prompt: 'count' },
    params: { responseFormat: { type: 'json_schema', schema: { a: { b: [1] } } } }
  }
  const gone = () => Promise.reject(new LumosError('PEER_UNREACHABLE', 'gone'))
  /** A node that has met its peers long since: what it does not find is not there. */
  const late = (): Clock => {
    let started = false
    const monotonicMs = () => {
      const nowMs = started ? 60_000 : 0
      started = true
      return nowMs
    }
    return { ...systemClock, monotonicMs }
  }
  /** One that has just started, whose pauses take no time, and 10 s of its clock. */
  const early = (): Clock => {
    let nowMs = 0
    const setTimer = (task: () => void, delayMs: number) => {
      if (delayMs > 1000) return systemClock.setTimer(task, delayMs)
      if (delayMs === 500) nowMs += 10_000
      return systemClock.setTimer(task, 0)
    }
    return { ...systemClock, monotonicMs: () => nowMs, setTimer }
  }
  const third = [{ peerId: 'third', model: 'm', resumes: true }]

  /** The third device gives what follows what it is told. `metAfter`: looks before it is met. */
  function restarted({ providers = third, fails = false, metAfter = 0, clock = late() } = {}) {
    const seen: unknown[] = []
    let looks = 0
    const around = {
      ...{ ...mesh, clock },
      providers: () => (looks++ < metAfter ? [] : providers),
      async *infer(request: NewInferenceRequest, { after = [], onRoute, receipt }: InferOptions) {
        seen.push({ ...request, after, ...(receipt && { receipt }) })
        if (fails) throw new LumosError('NO_PROVIDER', 'nobody')
        onRoute?.({ ...ROUTE, peerId: 'third', name: 'third', route: 'remote' })
        for (let i = after.length; i < 5; i++) yield text(i)
        yield {
          ...{ type: 'done', index: 5, finishReason: 'stop', usage: {}, contentSha256: '0'.repeat(64) }
        } as const
      }
    } as unknown as MeshContext
    const store = storeOf()
    const own = new OwnAnswers({ mesh: around, store, isOn: true, forget: async () => {}, rest: gone })
    return { own, store, seen }
  }
  const indexes = async (chunks: AsyncIterable<InferenceChunk>) =>
    (await Array.fromAsync(chunks)).map(({ index }) => index)

  it('goes on with the question from what is kept, on a third device, and is whole from then on', async () => {
    await cut({ question })
    const { own, store, seen } = restarted()
    assert.deepEqual(await indexes((await own.open(id, {})).chunks()), [0, 1, 2, 3, 4, 5])
    assert.deepEqual(seen, [
      { ...question, id: requestIdOf(id), model: 'm', after: [text(0), text(1), text(2)] }
    ])
    await store.close()
    const again = restarted()
    const { info, chunks } = await again.own.open(id, { from: 4 })
    assert.deepEqual([info.state, info.peerId], ['done', 'third'])
    // Its end says what all of its pieces say, those before the restart among them, and not what the device says of them.
    const said = createHash('sha256').update('word0 word1 word2 word3 word4 ').digest('hex')
    const [last, end] = await Array.fromAsync(chunks())
    assert.deepEqual([last, (end as DoneChunk).contentSha256], [text(4), said])
    assert.deepEqual(again.seen, [])
    await again.store.close()
  })

  it('begins anew where nothing had come of one that goes on without its client', async () => {
    await cut({ question, durable: true, chunks: 0 })
    const { own, store, seen } = restarted()
    assert.deepEqual(await indexes((await own.open(id, {})).chunks()), [0, 1, 2, 3, 4, 5])
    assert.deepEqual(seen, [{ ...question, id: requestIdOf(id), after: [] }])
    await store.close()
  })

  it('stays cancelled, also for who reads it later', async () => {
    await cut({ question })
    const { own, store } = restarted()
    assert.equal((await own.cancel(id)).state, 'cancelled')
    await store.close()
    const later = restarted()
    const { info, chunks } = await later.own.open(id, {})
    assert.equal(info.state, 'cancelled')
    await assert.rejects(indexes(chunks()), { code: 'CANCELLED' })
    assert.deepEqual(later.seen, [])
    await later.store.close()
  })

  it('is asked of no third device while nobody reads it', async () => {
    await cut({ question })
    const { own, store } = restarted()
    await own.onPeer(ROUTE.peerId, [nameOf('a', id)])
    assert.equal(store.live(nameOf('a', id)), undefined)
    await store.close()
  })

  it('before its beginning names no model that the question did not name', async () => {
    const { model: _, ...open } = question
    await cut({ question: open, durable: true, chunks: 0, routed: true })
    const { own, store, seen } = restarted()
    await indexes((await own.open(id, {})).chunks())
    assert.equal((seen[0] as { model?: string }).model, undefined)
    await store.close()
  })

  it('waits for its rest where the node has just started, after what is kept', async () => {
    await cut({ question: { ...question, receipt: true } })
    const { own, store, seen } = restarted({ metAfter: 2, clock: early() })
    const { chunks, info } = await own.open(id, { from: 1 })
    assert.equal(info.state, 'interrupted')
    assert.deepEqual(await indexes(chunks()), [1, 2, 3, 4, 5])
    assert.deepEqual(
      seen.map(asked => (asked as { receipt?: boolean }).receipt),
      [true]
    )
    await store.close()
  })

  it('waits no longer than this node may meet a device, nor than its reader, nor where none can have it', async () => {
    const lost = { code: 'STREAM_INTERRUPTED', details: { received: 3 } }
    await cut()
    const { own, store } = restarted({ providers: [], clock: early() })
    const looked = await own.open(id, {})
    assert.equal((await own.open(id, { follow: false })).info.state, 'interrupted')
    await assert.rejects(indexes(looked.chunks()), lost)
    await own.forget(id)
    await store.close()

    await cut()
    const leaving = restarted({ providers: [], clock: { ...systemClock, setTimer: () => ({ cancel() {} }) } })
    const stop = new AbortController()
    const { chunks } = await leaving.own.open(id, { signal: stop.signal })
    const reading = chunks()
    for (let i = 0; i < 3; i++) await reading[Symbol.asyncIterator]().next()
    const next = reading[Symbol.asyncIterator]().next()
    stop.abort(new LumosError('CANCELLED', 'left'))
    await assert.rejects(next, { code: 'CANCELLED' })
    await leaving.own.forget(id)
    await leaving.store.close()

    // No device was asked yet, and the question is not kept.
    await cut({ chunks: 0, durable: true })
    const unasked = restarted({ clock: early() })
    await assert.rejects(indexes((await unasked.own.open(id, {})).chunks()), { code: 'STREAM_INTERRUPTED' })
    await unasked.store.close()
  })

  it('says how much is kept where no device goes on, or its question is not kept, and stays there', async () => {
    await cut()
    const lost = { code: 'STREAM_INTERRUPTED', details: { received: 3 } }
    const without = restarted()
    await assert.rejects(indexes((await without.own.open(id, {})).chunks()), lost)
    await without.own.forget(id)
    await without.store.close()

    await cut({ question })
    const nobody = restarted({ providers: [] })
    await assert.rejects(indexes((await nobody.own.open(id, {})).chunks()), lost)
    await nobody.store.close()
    const failing = restarted({ fails: true })
    await assert.rejects(indexes((await failing.own.open(id, {})).chunks()), lost)
    assert.equal(failing.seen.length, 1)
    await failing.store.close()
    // Who looks at it has it tried no more, and who waits for it does.
    const later = restarted()
    assert.equal((await later.own.open(id, { follow: false })).info.state, 'failed')
    assert.deepEqual(await indexes((await later.own.open(id, { from: 2 })).chunks()), [2, 3, 4, 5])
    await later.store.close()
  })
})

describe('an answer that is deleted', () => {
  it('is deleted at the devices that answered, once they are back, while they may still have it', async () => {
    const away = new Set(['den', 'attic'])
    const told: string[] = []
    let nowMs = 0
    const clock = { ...systemClock, monotonicMs: () => nowMs, setTimer: () => ({ cancel() {} }) }
    const forgetting = new Forgetting({
      mesh: { ...mesh, clock, log, isConnected: peerId => !away.has(peerId) },
      keptMs: 1000,
      async ask(requestId, peerId) {
        assert.equal(requestId, requestIdOf(id))
        told.push(peerId)
        if (peerId === 'shed') throw new LumosError('ANSWER_UNKNOWN', 'not here')
      }
    })
    await forgetting.tell(id, ['here', 'den', 'attic', 'shed', mesh.peerId])
    assert.deepEqual(told, ['here', 'shed'])
    away.clear()
    await forgetting.onMember('den')
    await forgetting.onMember('den')
    assert.deepEqual(told, ['here', 'shed', 'den'])
    // By now its copy has expired.
    nowMs = 1000
    await forgetting.onMember('attic')
    assert.deepEqual(told, ['here', 'shed', 'den'])
  })
})
