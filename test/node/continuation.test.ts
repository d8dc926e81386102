/** Nodes whose answers are cut, stopped or handed over in the middle, and go on from another node. */

import { rm } from 'node:fs/promises'
import Anthropic from '@anthropic-ai/sdk'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EchoEngine } from '../../capabilities/engines/echo.ts'
import { echoModel } from '../../capabilities/index.ts'
import { newAnswerId, requestIdOf } from '../../interface/answers.ts'
import type { DoneChunk, InferenceChunk } from '../../interface/chunks.ts'
import { systemClock } from '../../interface/clock.ts'
import { EngineFailedError } from '../../interface/errors.ts'
import type { InferenceRequest } from '../../interface/inference.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import type { InferOptions, LumosNode } from '../../interface/node.ts'
import { startGatewayOf } from '../openai/two-devices.ts'
import { knows, meets, startNode, temporaryHome, until } from './mesh-nodes.ts'

/** Longer than any test: what waits for it has not heard that the work is over. */
const DRAIN_MS = 600_000
const WORDS = Array.from({ length: 40 }, (_, i) => `word-${i}`).join(' ')
/** From the last chunk of one peer to the first of the next, on a machine that runs other tests, too: `npm run failover` holds it to 1500. */
const GAP_MS_MAX = 6000
const HANDED_OVER_MS_MAX = 2000

/** Gives so many chunks of each answer that it begins, and then nothing until it is left. */
class Stopping extends EchoEngine {
  override async *infer(
    request: InferenceRequest,
    options: AbortOptions = {}
  ): AsyncGenerator<InferenceChunk> {
    let given = 0
    for await (const chunk of super.infer(request, options)) {
      if (chunk.type === 'text' && ++given > 6) {
        await new Promise((_, reject) => options.signal?.addEventListener('abort', reject))
      }
      yield chunk
    }
  }
}

/** Fails after so many chunks of each answer, and goes on with none, until it is mended. */
class Frail extends EchoEngine {
  static isMended = false

  override async *infer(
    request: InferenceRequest,
    options: AbortOptions = {}
  ): AsyncGenerator<InferenceChunk> {
    let given = 0
    for await (const chunk of super.infer(request, options)) {
      if (!Frail.isMended && (request.resume !== undefined || ++given > 6))
        throw new EngineFailedError('The engine is frail.')
      yield chunk
    }
  }
}

const slow = () => [{ ...echoModel({ clock: systemClock, wordDelayMs: 15 }), resumes: true }]
const stopping = () => [
  { ...slow()[0]!, id: 'stops', engine: new Stopping({ clock: systemClock, wordDelayMs: 15 }) },
  { ...slow()[0]!, id: 'alone' }
]
const going = () => [{ ...slow()[0]!, id: 'stops' }]

const frail = () => [
  { ...slow()[0]!, id: 'frail', engine: new Frail({ clock: systemClock, wordDelayMs: 1 }) }
]

const relayed = () => [{ ...slow()[0]!, id: 'relayed' }]

const request = (model: string) => ({ model, input: { messages: [{ role: 'user', content: WORDS }] } })

/** Asks, and calls `act` with the name of whoever answers once some chunks have come. */
async function answered(
  asker: LumosNode,
  model: string,
  act: (name: string) => unknown,
  options: InferOptions = {}
) {
  const chunks: InferenceChunk[] = []
  const names: string[] = []
  let lastMs = Number.NaN
  let gapMs = 0
  const onRoute: InferOptions['onRoute'] = ({ name }) => void names.push(name!)
  let failure: unknown
  try {
    for await (const chunk of asker.infer(request(model), { ...options, onRoute })) {
      if (chunk.type === 'text') {
        const nowMs = performance.now()
        if (chunks.length > 2) gapMs = Math.max(gapMs, nowMs - lastMs)
        lastMs = nowMs
      }
      chunks.push(chunk)
      if (chunks.length === 5) void act(names.at(-1)!)
    }
  } catch (err) {
    failure = err
  }
  const pieces = chunks.filter(({ type }) => type === 'text')
  expect(pieces.map(({ index }) => index)).toEqual([...pieces.keys()])
  const text = pieces.map(piece => ('text' in piece ? piece.text : '')).join('')
  return { chunks, names, text, gapMs, failure }
}

/** An answer that is kept with its question, and goes on without readers. */
const keptAnswer = (node: LumosNode, id: string, model = 'relayed', peer?: string) =>
  node.answers.keep(
    id,
    options => node.infer({ ...request(model), id: requestIdOf(id) }, { ...options, peer, receipt: true }),
    { durable: true, question: { ...request('relayed'), receipt: true } }
  )

const textsOf = (chunks: readonly InferenceChunk[]) =>
  chunks.flatMap(chunk => (chunk.type === 'text' ? [chunk.text] : []))

const offers = (node: LumosNode, other: LumosNode, model: string) =>
  node
    .models()
    .some(one => one.model === model && one.providers.some(({ peerId }) => peerId === other.peerId))

describe('an answer in the middle of which its device is lost', () => {
  let asker: Awaited<ReturnType<typeof startNode>>
  let servers: Record<string, Awaited<ReturnType<typeof startNode>>>

  beforeAll(async () => {
    asker = await startNode('asker')
    const one = await startNode('one', [asker], {
      models: [...slow(), ...stopping(), ...relayed(), ...frail()]
    })
    const other = await startNode('other', [asker], { models: [...slow(), ...going(), ...relayed()] })
    const third = await startNode('third', [asker], { models: relayed() })
    servers = { one, other, third }
    await Promise.all([one, other, third].flatMap(node => [meets(asker, node), knows(asker, node)]))
    // What it offered before may have come first.
    await until(asker, 'manifest.updated', () => !offers(asker, third, 'frail'))
  })
  afterAll(async () => {
    for (const node of [asker, ...Object.values(servers)]) await node[Symbol.asyncDispose]()
  })

  it('goes on from another one where its device sends nothing any more, and says so', async () => {
    // Whoever was slower before is asked after the other.
    for (let i = 0, wasCut = false; i < 6 && !wasCut; i++) {
      const { text, names, gapMs, chunks } = await answered(asker, 'stops', () => {})
      expect(text).toBe(WORDS)
      // Where the first chunk of that one was late, the other has given all of them.
      wasCut = names[0] === 'one' && chunks.some(({ type }) => type === 'progress')
      if (!wasCut) continue
      expect(names).toEqual(['one', 'other'])
      expect(gapMs).toBeLessThan(GAP_MS_MAX)
      expect(chunks.filter(({ type }) => type === 'progress')).toEqual([
        { type: 'progress', index: 6, stage: 'continued', done: 6, continued: 'exact' }
      ])
      expect(chunks.at(-1)).toMatchObject({ type: 'done', index: 40, continued: 'exact' })
    }
  })

  it('ends there where its caller wants no continuation, and where no other device has the model', async () => {
    for (const [model, options] of [
      ['alone', {}],
      ['echo', { continuation: 'none' }]
    ] as const) {
      const signal = new AbortController()
      const { failure, names } = await answered(
        asker,
        model,
        name => {
          const { offeredTo } = servers[name]!.offer(model, 'everyone')
          expect(offeredTo).toBe('everyone')
          servers[name]!.withdraw(model)
        },
        { ...options, signal: signal.signal }
      )
      expect(failure).toMatchObject({ code: expect.stringMatching(/STREAM_INTERRUPTED|DENIED/) })
      expect(new Set(names).size).toBe(1)
      for (const name of new Set(names)) servers[name]!.offer(model, 'everyone')
    }
  })

  it('goes on from a third one where the second is lost too, and is kept whole by its asker', async () => {
    const id = newAnswerId(asker.peerId)
    const names: string[] = []
    const kept = asker.answers.keep(id, ({ signal, onRoute }) =>
      asker.infer(
        { ...request('relayed'), id: requestIdOf(id) },
        {
          signal,
          onRoute: route => {
            names.push(route.name!)
            onRoute(route)
          }
        }
      )
    )
    const given: InferenceChunk[] = []
    for await (const chunk of kept) {
      given.push(chunk)
      // Its model is taken back, so that it is asked for the rest no more.
      if (chunk.type === 'text' && [5, 15].includes(chunk.index)) servers[names.at(-1)!]!.withdraw('relayed')
    }

    expect(new Set(names)).toEqual(new Set(['one', 'other', 'third']))
    const pieces = given.filter(({ type }) => type === 'text')
    expect(pieces.map(({ index }) => index)).toEqual([...pieces.keys()])
    expect(pieces.map(piece => ('text' in piece ? piece.text : '')).join('')).toBe(WORDS)
    expect(given.at(-1)).toMatchObject({ type: 'done', index: 40, continued: 'exact' })

    const withoutProgress = (chunks: readonly InferenceChunk[]) =>
      chunks.filter(({ type }) => type !== 'progress')
    const whole = withoutProgress(given)
    expect(withoutProgress(await Array.fromAsync(asker.answers.read(id, { from: 0 })))).toEqual(whole)
  })

  it('that no device goes on with says how much is kept, and goes on for a reader who comes when one can', async () => {
    const id = newAnswerId(asker.peerId)
    const given: InferenceChunk[] = []
    const failure = await (async () => {
      for await (const chunk of keptAnswer(asker, id, 'frail')) given.push(chunk)
    })().catch(err => err)
    const received = textsOf(given).length
    expect(failure).toMatchObject({ code: 'STREAM_INTERRUPTED', details: { received } })
    // Where no device can, that stays so.
    await expect(Array.fromAsync(asker.answers.read(id))).rejects.toMatchObject({
      code: 'STREAM_INTERRUPTED'
    })

    Frail.isMended = true
    const whole = await Array.fromAsync(asker.answers.read(id, { from: 0 }))
    expect(textsOf(whole).join('')).toBe(WORDS)
    expect(whole.at(-1)).toMatchObject({ type: 'done', index: 40, continued: 'exact' })
    const again = await Array.fromAsync(asker.answers.read(id, { from: 39 }))
    expect(again.map(({ index }) => index)).toEqual([39, 40])
  })

  it('is signed by the device that answers, and checked on another one', async () => {
    const options = { peer: 'one', receipt: true }
    const { chunks } = await answered(asker, 'echo', () => {}, options)
    const { receipts = [] } = chunks.at(-1) as DoneChunk
    const given = { request: { ...request('echo') }, answer: WORDS }
    const verdict = await servers.third!.answers.verify(receipts, given)
    expect(verdict).toMatchObject({ ok: true, checked: { request: true, answer: true }, problems: [] })
    expect(verdict.receipts).toMatchObject([{ peerId: servers.one!.peerId, name: 'one', pieces: 40 }])
    const changed = { ...given, answer: WORDS.replace('word-7', 'word-8') }
    const { ok, problems } = await servers.other!.answers.verify(receipts, changed)
    expect({ ok, problems }).toMatchObject({ ok: false, problems: [{ reason: 'answer' }] })
    // Its own answers, too; and none where none was asked for.
    const own = await Array.fromAsync(servers.one!.infer(request('alone'), { receipt: true }))
    expect((await asker.answers.verify((own.at(-1) as DoneChunk).receipts!)).ok).toBe(true)
    expect(await Array.fromAsync(servers.one!.infer(request('echo'), { peer: 'one' }))).not.toContainEqual(
      expect.objectContaining({ receipts: expect.anything() })
    )
  })

  it('goes on in the stream of a client of Anthropic, which sees one answer', async () => {
    const { gateway, token } = await startGatewayOf(asker)
    const client = new Anthropic({ baseURL: gateway.url!, apiKey: token, maxRetries: 0 })
    const question = { model: 'echo', max_tokens: 100, messages: [{ role: 'user' as const, content: WORDS }] }
    const { data, response } = await client.messages.create({ ...question, stream: true }).withResponse()
    const first = response.headers.get('x-lumos-peer')!
    const types: string[] = []
    let text = ''
    for await (const event of data) {
      if (event.type !== 'content_block_delta') types.push(event.type)
      else if (event.delta.type === 'text_delta') text += event.delta.text
      if (text.split(' ').length === 5) servers[first]!.withdraw('echo')
    }
    expect(text).toBe(WORDS)
    expect(types).toEqual([
      ...['message_start', 'content_block_start', 'content_block_stop', 'message_delta', 'message_stop']
    ])
    expect(asker.requests()[0]).toMatchObject({ outcome: 'answered', attempts: 2 })
    await gateway.close({ drainMs: 0 })
    servers[first]!.offer('echo', 'everyone')
    await until(asker, 'manifest.updated', () => offers(asker, servers[first]!, 'echo'))
  })

  it('is handed over by a device that stops, which waits for nothing else', async () => {
    let stoppedMs = Number.POSITIVE_INFINITY
    const { text, names, chunks, failure } = await answered(asker, 'echo', async name => {
      const beganMs = performance.now()
      await servers[name]!.stop({ drainMs: DRAIN_MS })
      stoppedMs = performance.now() - beganMs
    })
    expect(failure).toBeUndefined()
    expect(text).toBe(WORDS)
    expect(new Set(names).size).toBe(2)
    expect(chunks.at(-1)).toMatchObject({ type: 'done', continued: 'exact' })
    await servers[names[0]!]!.stop()
    expect(stoppedMs).toBeLessThan(HANDED_OVER_MS_MAX)
  })

  it('goes on from a third one where its asker ended too, once that is back', async () => {
    const alive = Object.values(servers).filter(node =>
      asker.peers().some(({ peerId }) => peerId === node.peerId)
    )
    for (const node of alive) node.offer('relayed', 'everyone')
    const home = await temporaryHome()
    let id = ''
    let signedId = ''
    let lost: LumosNode | undefined
    {
      await using laptop = await startNode('laptop', alive, { home })
      id = newAnswerId(laptop.peerId)
      await Promise.all(
        alive.map(node => until(laptop, 'manifest.updated', () => offers(laptop, node, 'relayed')))
      )
      for await (const chunk of keptAnswer(laptop, id)) if (chunk.index === 10) break
      const { info } = await laptop.answers.show(id)
      lost = alive.find(({ peerId }) => peerId === info.peerId)
      signedId = newAnswerId(laptop.peerId)
      const stays = alive.find(node => node !== lost)!
      for await (const chunk of keptAnswer(laptop, signedId, 'relayed', stays.peerId))
        if (chunk.index === 10) break
    }
    await lost!.stop({ drainMs: 0 })
    const [third] = alive.filter(node => node !== lost)
    // The reader comes before the third one was met.
    await using laptop = await startNode('laptop', [third!], { home })
    const whole = await Array.fromAsync(laptop.answers.read(id, { from: 0 }))
    expect(textsOf(whole).join('')).toBe(WORDS)
    expect(whole.at(-1)).toMatchObject({ type: 'done', index: 40, continued: 'exact' })
    const { info } = await laptop.answers.show(id)
    expect(info.state).toBe('done')
    expect(info.peerId).not.toBe(lost!.peerId)

    // Receipts: of a device that goes on alone for all of it, of one that took over for its part.
    const signed = await Array.fromAsync(laptop.answers.read(signedId, { from: 0 }))
    const given = { request: request('relayed'), answer: WORDS }
    const verdictOf = (chunks: readonly InferenceChunk[]) =>
      asker.answers.verify((chunks.at(-1) as DoneChunk).receipts!, given)
    expect(await verdictOf(signed)).toMatchObject({ ok: true, receipts: [{ from: 0, pieces: 40 }] })
    const { receipts, problems } = await verdictOf(whole)
    expect(receipts).toMatchObject([{ peerId: third!.peerId }])
    expect(receipts[0]!.from + receipts[0]!.pieces).toBe(40)
    expect(problems.map(({ reason }) => reason)).toEqual(['missing'])
    await rm(home, { recursive: true, force: true })
  })
})
