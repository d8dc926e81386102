import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import { echoModel } from '../../capabilities/engines/echo.ts'
import type { Engine, Model } from '../../capabilities/host/engine.ts'
import { systemClock } from '../../interface/clock.ts'
import { CancelledError, LumosError } from '../../interface/errors.ts'
import type { InferenceChunk, InferenceRequest } from '../../interface/inference.ts'
import { prepare } from '../../interface/prepare.ts'
import { ManualClock } from './manual-clock.ts'
import { errorOf, float32, outputOf, registryOf, tensorRequest, textOf, textRequest } from './parts.ts'

const echo = (wordDelayMs = 0, slots = 4): Model =>
  echoModel({ clock: systemClock, wordDelayMs }, 'echo', slots)

/** An engine in this process that answers with exactly these chunks. */
function scripted(chunks: readonly unknown[], id = 'scripted'): Model {
  const engine: Engine = {
    loaded: true,
    memoryBytes: 0,
    load: async () => {},
    close: async () => {},
    async *infer() {
      yield* chunks as InferenceChunk[]
    }
  }
  return { id, tasks: ['text-generation', 'tensor'], slots: 1, engine }
}

function refusalOf(prepared: () => unknown): LumosError {
  try {
    prepared()
  } catch (err) {
    if (err instanceof LumosError) return err
    throw err
  }
  throw new Error('The request was not refused.')
}

const text = (index: number, words: unknown = 'word') => ({ type: 'text', index, text: words })
const done = (index: number, more = {}) => ({ type: 'done', index, finishReason: 'stop', usage: {}, ...more })

describe('Registry', () => {
  it('answers with numbered chunks, done last', async () => {
    const chunks = await Array.fromAsync(registryOf([echo()]).infer(textRequest('to be or')))

    assert.deepEqual(chunks, [
      { type: 'text', index: 0, text: 'to' },
      { type: 'text', index: 1, text: ' be' },
      { type: 'text', index: 2, text: ' or' },
      { type: 'done', index: 3, finishReason: 'stop', usage: { outputTokens: 3 } }
    ])
  })

  it('fills in the defaults of parameters and reads base64 as bytes', async () => {
    const tensor = float32([2], [1, 2])
    const asked = { ...tensor, data: Buffer.from(tensor.data).toString('base64') }

    const output = await outputOf<'tensor'>(registryOf([echo()]).infer(tensorRequest({ x: asked })))

    assert.deepEqual(output.tensors.x, tensor)
  })

  it.each([
    ['an unknown task', { task: 'fortune-telling' }, 'task'],
    ['no budget', { budgetMs: 0 }, 'budgetMs'],
    ['a budget that is no number', { budgetMs: Number.NaN }, 'budgetMs'],
    ['an endless budget', { budgetMs: Number.POSITIVE_INFINITY }, 'budgetMs'],
    ['no input', { input: undefined }, 'input'],
    ['an input of another task', { input: { image: new Uint8Array(4) } }, 'input'],
    ['a message without content', { input: { messages: [{ role: 'user' }] } }, 'input.messages.0.content'],
    ['a parameter out of range', { params: { maxTokens: 0 } }, 'params.maxTokens'],
    ['an unknown parameter', { params: { colour: 'red' } }, 'params']
  ])('is not asked: %s is refused when the request is prepared, naming the field', (_, wrong, field) => {
    const request = { ...textRequest('hello'), ...wrong } as InferenceRequest
    const { code, details, message } = refusalOf(() => prepare(request))
    assert.equal(code, 'INVALID_INPUT')
    // An unknown key belongs to the object that holds it.
    assert.ok(String(details.field).startsWith(field), message)
  })

  it('is not asked: a tensor whose bytes disagree with its shape is refused', () => {
    const tensor = { ...float32([2], [1, 2]), dims: [3] }
    const { code, details } = refusalOf(() => tensorRequest({ x: tensor }))
    assert.equal(code, 'INVALID_INPUT')
    assert.equal(details.field, 'input.tensors.x')
  })

  it('has no model of another name, or for a task that no model does', async () => {
    const registry = registryOf([echo()])
    for (const wrong of [
      { model: 'nobody' },
      { task: 'image-classification', input: { image: new Uint8Array(1) } }
    ]) {
      const request = prepare({ ...textRequest('hello'), params: {}, ...wrong } as InferenceRequest)
      assert.equal((await errorOf(registry.infer(request))).code, 'MODEL_NOT_FOUND')
    }
  })

  it('does not run a model for a task that it does not do', async () => {
    const registry = registryOf([{ ...echo(), tasks: ['tensor'] }])
    const { code } = await errorOf(registry.infer({ ...textRequest('hello'), model: 'echo' }))
    assert.equal(code, 'MODEL_NOT_FOUND')
  })

  it('takes any model that does the task when none is named', async () => {
    const registry = registryOf([{ ...echo(), id: 'other', tasks: ['tensor'] }, echo()])
    assert.equal(await textOf(registry.infer(textRequest('hello'))), 'hello')
  })

  it('answers by each name of a model, with one engine, unless another model has that name', async () => {
    const one = { ...echo(), id: 'one', aliases: ['one:q8', 'other'] }
    const registry = registryOf([one, { ...echo(), id: 'other' }])
    assert.equal(await textOf(registry.infer({ ...textRequest('hello'), model: 'one:q8' })), 'hello')
    const names = registry.capabilities().flatMap(({ task, model }) => (task === 'tensor' ? [model] : []))
    assert.deepEqual(names, ['one', 'one:q8', 'other'])
    assert.equal(registry.modelCalled('one:q8').model, 'one')
    assert.equal(registry.modelCalled('other').model, 'other')
    assert.equal((await registry.loadModel('one:q8')).phase, 'ready')
    assert.deepEqual(
      registry.models().map(({ names, warm }) => [names, warm]),
      [
        [['one', 'one:q8'], true],
        [['other'], true]
      ]
    )
  })

  it('asks nothing new of a model that leaves, lets its requests end, and then closes its engine', async () => {
    let closed = 0
    const leaving = scripted([text(0), text(1), done(2)])
    const engine = Object.assign(leaving.engine, { close: async () => void closed++ })
    let changes = 0
    const registry = registryOf([{ ...leaving, engine, slots: 2 }], { onChange: () => changes++ })
    const answers = [1, 2].map(() => registry.infer(textRequest('hello'))[Symbol.asyncIterator]())
    await Promise.all(answers.map(answer => answer.next()))

    const next = echo()
    registry.update([next])

    assert.equal(changes, 1)
    assert.deepEqual(
      registry.capabilities().map(({ model }) => model),
      ['echo', 'echo']
    )
    const { code } = await errorOf(registry.infer({ ...textRequest('hello'), model: 'scripted' }))
    assert.equal(code, 'MODEL_NOT_FOUND')
    assert.deepEqual(registry.load(), { running: 2, queued: 0 })
    for (const [i, answer] of answers.entries()) {
      assert.equal(closed, 0)
      assert.deepEqual((await answer.next()).value, text(1))
      assert.deepEqual((await answer.next()).value, done(2))
      assert.equal((await answer.next()).done, true)
      assert.equal(closed, i)
    }
    assert.deepEqual(registry.load(), { running: 0, queued: 0 })
    registry.update([next])
    assert.equal(closed, 1)
  })

  it('keeps a model that stays, and closes at once one that leaves with nothing under way', async () => {
    let closed = 0
    const idle = scripted([])
    Object.assign(idle.engine, { close: async () => void closed++ })
    const kept = echo(20)
    const registry = registryOf([kept, idle])
    const answer = textOf(registry.infer(textRequest('one two three')))
    registry.update([kept])
    assert.equal(closed, 1)
    assert.equal(await answer, 'one two three')
  })

  it('ends the requests of a model that left when the node stops', async () => {
    const registry = registryOf([echo(50)])
    const answer = registry.infer(textRequest('a long answer'))[Symbol.asyncIterator]()
    await answer.next()
    registry.update([])
    const ended = assert.rejects(answer.next(), { code: 'CANCELLED' })
    await registry.stop()
    await ended
  })

  it('says why a model could not be loaded, until it is', async () => {
    const broken = scripted([done(0)])
    let mended = false
    const engine: Engine = {
      ...broken.engine,
      loaded: false,
      async load() {
        if (!mended) throw new LumosError('MODEL_INVALID', 'The graph is empty.')
      }
    }
    const registry = registryOf([{ ...broken, engine }])
    await errorOf(registry.infer(textRequest('hello')))
    assert.deepEqual(
      registry.failed().map(({ model, code, reason }) => [model, code, reason]),
      [['scripted', 'MODEL_INVALID', 'The graph is empty.']]
    )
    mended = true
    await Array.fromAsync(registry.infer(textRequest('hello')))
    assert.deepEqual(registry.failed(), [])
  })

  it.each([
    ['never ends', [text(0)]],
    ['ends twice', [text(0), done(1), done(1)]],
    ['goes on after its end', [done(0), text(1)]],
    ['leaves a gap', [text(0), text(2), done(3)]],
    ['counts its end wrongly', [text(0), done(0)]],
    ['sends text that is no string', [text(0, 7), done(1)]],
    ['sends more text than tokens were asked for', [text(0), text(1), text(2), text(3), done(4)]],
    ['sends one huge piece of text', [text(0, 'x'.repeat(100_000)), done(1)]],
    ['sends an output for text', [{ type: 'output', index: 0, output: {} }, done(1)]],
    ['sends no chunk at all', [null]],
    ['sends a chunk of unknown type', [{ type: 'poem', index: 0 }]],
    ['gives a reason that is no name', [done(0, { finishReason: 'I am bored.' })]]
  ])('fails an engine that %s', async (_, chunks) => {
    const { code } = await errorOf(registryOf([scripted(chunks)]).infer(textRequest('hi', { maxTokens: 3 })))
    assert.equal(code, 'ENGINE_FAILED')
  })

  it.each([
    ['without an output', [done(0)]],
    ['with two outputs', [0, 1].map(index => ({ type: 'output', index, output: { tensors: {} } }))],
    ['with an output of another form', [{ type: 'output', index: 0, output: { labels: [] } }, done(1)]]
  ])('fails an engine that answers a tensor task %s', async (_, chunks) => {
    const { code } = await errorOf(registryOf([scripted(chunks)]).infer(tensorRequest({})))
    assert.equal(code, 'ENGINE_FAILED')
  })

  it('wraps what an engine throws by mistake, and frees its slot', async () => {
    const broken = scripted([])
    broken.engine.infer = () => {
      throw new TypeError('x is not a function')
    }
    const registry = registryOf([broken])
    const { code, message } = await errorOf(registry.infer(textRequest('hi')))
    assert.equal(code, 'ENGINE_FAILED')
    assert.match(message, /x is not a function/)
    assert.equal(registry.models()[0]?.running, 0)
  })

  it('ends a request with TIMEOUT when its budget is spent', async () => {
    const clock = new ManualClock()
    const registry = registryOf([echoModel({ clock, wordDelayMs: 1000 })], { clock })
    const answer = registry.infer({ ...textRequest('a b c'), budgetMs: 1500 })

    const first = answer.next()
    clock.advance(1000)
    assert.equal(((await first).value as { text: string }).text, 'a')

    const second = assert.rejects(answer.next(), { code: 'TIMEOUT' })
    clock.advance(500)
    await second
    assert.equal(registry.models()[0]?.running, 0)
  })

  it('keeps each of many budgets, whatever their order', async () => {
    const clock = new ManualClock()
    const registry = registryOf([echoModel({ clock, wordDelayMs: 10_000 })], { clock })
    const endedMs = new Map<number, number>()
    const answers = [500, 100, 900, 300].map(async budgetMs => {
      const { code } = await errorOf(registry.infer({ ...textRequest('a'), budgetMs }))
      assert.equal(code, 'TIMEOUT')
      endedMs.set(budgetMs, clock.monotonicMs())
    })

    for (let ms = 0; ms < 1000; ms += 50) {
      await new Promise(resolve => setImmediate(resolve))
      clock.advance(50)
    }
    await Promise.all(answers)

    for (const [budgetMs, atMs] of endedMs) assert.ok(atMs >= budgetMs && atMs <= budgetMs + 100)
  })

  it('counts time in the queue against the budget', async () => {
    const clock = new ManualClock()
    const registry = registryOf([echoModel({ clock, wordDelayMs: 10_000 }, 'echo', 1)], { clock })
    const running = errorOf(registry.infer(textRequest('a b c')))
    const waiting = errorOf(registry.infer({ ...textRequest('a'), budgetMs: 50 }))

    await new Promise(resolve => setImmediate(resolve))
    assert.equal(registry.models()[0]?.queued, 1)
    clock.advance(60)

    assert.equal((await waiting).code, 'TIMEOUT')
    assert.equal(registry.models()[0]?.queued, 0)
    await registry.stop()
    assert.equal((await running).code, 'CANCELLED')
  })

  it('ends a request with the reason of its signal, and frees the slot', async () => {
    const registry = registryOf([echo(20)])
    const controller = new AbortController()
    const reason = new LumosError('SLOW_PEER', 'too slow')
    const answer = registry.infer(textRequest('word '.repeat(500)), { signal: controller.signal })

    await answer.next()
    const startedMs = performance.now()
    controller.abort(reason)

    await assert.rejects(answer.next(), reason)
    assert.ok(performance.now() - startedMs < 100)
    assert.equal(registry.models()[0]?.running, 0)
  })

  it('calls an abort without a reason of ours CANCELLED, also when it came first', async () => {
    const registry = registryOf([echo()])
    const answer = registry.infer(textRequest('hello'), { signal: AbortSignal.abort() })
    assert.ok((await errorOf(answer)) instanceof CancelledError)
    assert.equal(registry.models()[0]?.running, 0)
  })

  it('frees the slot of a caller that leaves the loop', async () => {
    const registry = registryOf([echo(0, 1)])
    for await (const _ of registry.infer(textRequest('a b c'))) break
    assert.equal(registry.models()[0]?.running, 0)
  })

  it('has freed the slot before done is seen', async () => {
    const registry = registryOf([echo(0, 1)])
    for await (const chunk of registry.infer(textRequest('a'))) {
      assert.equal(registry.models()[0]?.running, chunk.type === 'done' ? 0 : 1)
    }
  })

  it('answers many at once, one slot after the other', async () => {
    const registry = registryOf([echo(0, 2)])
    const answers = Array.from({ length: 50 }, (_, n) => textOf(registry.infer(textRequest(`number ${n}`))))
    assert.deepEqual(
      await Promise.all(answers),
      Array.from({ length: 50 }, (_, n) => `number ${n}`)
    )
  })

  it('lists each model once per task, and prefers a warm one', async () => {
    let changes = 0
    let loaded = false
    const sleepy = scripted([text(0), done(1)], 'sleepy')
    const engine: Engine = {
      ...sleepy.engine,
      get loaded() {
        return loaded
      },
      load: async () => {
        loaded = true
      }
    }
    const registry = registryOf([{ ...sleepy, tasks: ['text-generation'], engine }, echo()], {
      onChange: () => changes++
    })
    const warmth = () => registry.capabilities().map(({ model, task, warm }) => `${model} ${task} ${warm}`)

    assert.deepEqual(warmth(), [
      'sleepy text-generation false',
      'echo text-generation true',
      'echo tensor true'
    ])
    await textOf(registry.infer(textRequest('hello')))
    assert.equal(changes, 0)

    await textOf(registry.infer({ ...textRequest('hello'), model: 'sleepy' }))
    assert.equal(changes, 1)
    assert.equal(warmth()[0], 'sleepy text-generation true')
  })

  it('says where a request waits that waits for long, and that its turn has come', async () => {
    const { promise: go, resolve } = Promise.withResolvers<void>()
    const slow = scripted([text(0), done(1)])
    const engine: Engine = {
      ...slow.engine,
      async *infer(request, options) {
        await go
        yield* slow.engine.infer(request, options)
      }
    }
    const registry = registryOf([{ ...slow, engine }])
    const request = { ...textRequest('hello'), model: 'scripted' }
    const others = Array.from({ length: 29 }, () => Array.fromAsync(registry.infer(request)))
    const last = registry.infer(request)
    assert.deepEqual((await last.next()).value, {
      ...{ type: 'progress', index: 0, stage: 'queued', done: 0 },
      queue: { place: 29, of: 29, waitMs: 580 }
    })
    const left = registry.infer(request)
    await left.next()
    await left.return(undefined)
    assert.deepEqual(registry.load(), { running: 1, queued: 29 })

    resolve()
    for (const other of others) assert.equal((await other).at(-1)!.type, 'done')
    const rest = await Array.fromAsync(last)
    assert.deepEqual(rest.at(-3), { type: 'progress', index: 0, stage: 'queued', done: 1 })
    assert.equal(rest.at(-1)!.type, 'done')
    assert.deepEqual(registry.load(), { running: 0, queued: 0 })
  })

  it('ends everything when it stops, and takes nothing more', async () => {
    const registry = registryOf([echo(50)])
    const answer = registry.infer(textRequest('a b c'))
    await answer.next()

    await registry.stop()

    await assert.rejects(answer.next(), { code: 'CANCELLED' })
    assert.equal((await errorOf(registry.infer(textRequest('hello')))).code, 'CANCELLED')
  })
})
