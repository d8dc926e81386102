import assert from 'node:assert/strict'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { afterEach, describe, it } from 'vitest'
import type { Registry } from '../../capabilities/serving/registry.ts'
import type { Clock } from '../../interface/clock.ts'
import { bareEngine } from './bare-engine.ts'
import { ManualClock } from './manual-clock.ts'
import { errorOf, memoryLog, registryOf, textOf, textRequest, unrulyHost, unrulyModel } from './parts.ts'

const MIB = 1024 * 1024
const started: Registry[] = []

function served(options: { settings?: object; clock?: Clock; slots?: number } = {}) {
  const log = memoryLog()
  const host = unrulyHost(options.settings, options.clock, log)
  const registry = registryOf([unrulyModel(host, options.slots)], { log })
  started.push(registry)
  const ask = (content: string, signal?: AbortSignal) => registry.infer(textRequest(content), { signal })
  return { log, host, registry, ask }
}

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await setTimeout(5)
}

afterEach(async () => {
  await Promise.all(started.splice(0).map(registry => registry.stop()))
})

describe('an engine in its own process', () => {
  it('is loaded on first use, once, and tells its memory', async () => {
    const { log, host, registry, ask } = served({ slots: 3 })
    assert.equal(registry.memoryBytes(), 0)

    const answers = await Promise.all([textOf(ask('hi')), textOf(ask('hi')), textOf(ask('hi'))])

    assert.deepEqual(answers, ['hello', 'hello', 'hello'])
    assert.equal(log.lines.filter(({ message }) => message === 'model loaded').length, 1)
    assert.ok(host.memoryBytes > 10 * MIB && host.memoryBytes < 500 * MIB)
  })

  it('gets nothing of the environment', async () => {
    process.env.LUMOS_TEST_SECRET = 'secret'
    const { ask } = served()
    const names = (await textOf(ask('environment'))).split(',')
    assert.equal(names.includes('PATH'), false)
    assert.equal(names.includes('LUMOS_TEST_SECRET'), false)
  })

  it.each(['SIGSEGV', 'SIGKILL', 'SIGABRT'])(
    'fails only its own request when it dies of %s, and comes back',
    async how => {
      const { log, registry, ask } = served()
      await textOf(ask('hi'))

      const { code, message, retryable } = await errorOf(ask(`die ${how}`))

      assert.equal(code, 'ENGINE_FAILED')
      assert.match(message, new RegExp(how))
      assert.equal(retryable, true)
      assert.equal(registry.models()[0]?.warm, false)
      assert.equal(registry.memoryBytes(), 0)
      assert.ok(log.lines.some(({ fields }) => fields.how === how))
      assert.equal(await textOf(ask('hi')), 'hello')
    }
  )

  it('fails all its requests when it dies, and answers those that waited', async () => {
    const { ask } = served({ slots: 2 })
    await textOf(ask('hi'))
    const counting = errorOf(ask('count 1000'))
    const dying = errorOf(ask('die SIGKILL'))
    const waiting = textOf(ask('hi'))

    assert.equal((await counting).code, 'ENGINE_FAILED')
    assert.equal((await dying).code, 'ENGINE_FAILED')
    assert.equal(await waiting, 'hello')
  })

  it('backs off from an engine that dies again and again', async () => {
    const { ask } = served()
    await errorOf(ask('die SIGKILL'))
    await errorOf(ask('die SIGKILL'))
    const { code, details } = await errorOf(ask('hi'))
    assert.equal(code, 'ENGINE_FAILED')
    assert.ok(Number(details.retryAfterMs) > 0)
  })

  it('says why an engine did not load', async () => {
    const thrown = await errorOf(served({ settings: { load: 'throw' } }).ask('hi'))
    assert.equal(thrown.code, 'ENGINE_FAILED')
    assert.match(thrown.message, /out of tea/)

    const { log, ask } = served({ settings: { load: 'exit' } })
    assert.match((await errorOf(ask('hi'))).message, /code 3/)
    assert.ok(log.lines.some(({ fields }) => String(fields.output).includes('no such device')))
  })

  it.each([
    ['shout', /flooded its output/],
    ['flood', /more than 1024 pieces/],
    ['skip', /numbered its chunks wrongly/]
  ])('is killed when it does "%s"', async (verb, why) => {
    const { log, ask } = served()
    const { code, message } = await errorOf(ask(verb))

    assert.equal(code, 'ENGINE_FAILED')
    assert.match(message, why)
    assert.ok(log.lines.some(({ message }) => message === 'engine killed'))
    assert.equal(await textOf(ask('hi')), 'hello')
  })

  it('keeps the log small and free of what was asked when its engine floods', async () => {
    const { log, ask } = served()
    await errorOf(ask('shout'))
    assert.ok(JSON.stringify(log.lines).length < 10_000)
  })

  it.each(['silence', 'throw'])('survives an engine that does "%s"', async verb => {
    const { log, ask } = served()
    assert.equal((await errorOf(ask(verb))).code, 'ENGINE_FAILED')
    assert.equal(await textOf(ask('hi')), 'hello')
    assert.equal(log.lines.filter(({ message }) => message === 'model loaded').length, 1)
  })

  it('is killed when it gives no sign for too long', async () => {
    const clock = new ManualClock()
    const { host, ask } = served({ clock })
    const answer = errorOf(ask('stall'))
    await until(() => host.loaded)
    await setImmediate()

    clock.advance(119_000)
    assert.equal(host.loaded, true)
    clock.advance(2000)

    assert.match((await answer).message, /gave no sign/)
  })

  it('is killed when it hangs while loading', async () => {
    const clock = new ManualClock()
    const { ask } = served({ clock, settings: { load: 'hang' } })
    const answer = errorOf(ask('hi'))
    await setImmediate()
    clock.advance(121_000)
    assert.match((await answer).message, /gave no sign/)
  })

  it('is not killed for having been idle', async () => {
    const clock = new ManualClock()
    const { host, ask } = served({ clock })
    await textOf(ask('hi'))
    clock.advance(100_000)
    const answer = textOf(ask('block 200'))
    await setImmediate()
    clock.advance(100_000)

    await answer
    assert.equal(host.loaded, true)
  })

  it('stops an interruptible engine within 100 ms, and its slot is free', async () => {
    const { registry, ask } = served()
    const controller = new AbortController()
    const answer = ask('count 1000', controller.signal)
    await answer.next()

    const abortedMs = performance.now()
    controller.abort()
    assert.equal((await errorOf(answer)).code, 'CANCELLED')
    await until(() => registry.models()[0]?.running === 0)

    assert.ok(performance.now() - abortedMs <= 100)
    assert.equal(registry.models()[0]?.warm, true)
  })

  it('lets a short run that cannot be interrupted finish, and keeps its slot so long', async () => {
    const { log, registry, ask } = served()
    await textOf(ask('hi'))
    const controller = new AbortController()
    const answer = errorOf(ask('block 300', controller.signal))
    await setImmediate()

    controller.abort()
    assert.equal((await answer).code, 'CANCELLED')
    assert.equal(registry.models()[0]?.running, 1)

    assert.equal(await textOf(ask('hi')), 'hello')
    assert.equal(log.lines.filter(({ message }) => message === 'model loaded').length, 1)
  })

  it('is killed when it goes on too long after a cancel, and whoever waits gets the next one', async () => {
    const clock = new ManualClock()
    const { log, ask } = served({ clock })
    await textOf(ask('hi'))
    const controller = new AbortController()
    const answer = errorOf(ask('stall', controller.signal))
    await setImmediate()

    controller.abort()
    assert.equal((await answer).code, 'CANCELLED')
    const waiting = textOf(ask('hi'))
    clock.advance(2000)

    assert.equal(await waiting, 'hello')
    assert.ok(log.lines.some(({ fields }) => fields.why === 'did not stop when told to'))
  })

  it('is stopped when the budget ends', async () => {
    const { registry } = served()
    await textOf(registry.infer(textRequest('hi')))
    const { code } = await errorOf(registry.infer({ ...textRequest('count 1000'), budgetMs: 50 }))
    assert.equal(code, 'TIMEOUT')
    await until(() => registry.models()[0]?.running === 0)
    assert.equal(registry.models()[0]?.warm, true)
  })

  it('leaves the node its time while it is busy', async () => {
    const { ask } = served()
    await textOf(ask('hi'))
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    for (let i = 0; i < 20; i++) await textOf(ask('block 17'))
    delay.disable()
    // A run of the model in this process would show as 17 ms at half of all ticks.
    assert.ok(delay.percentile(90) / 1e6 < 10, `${delay.percentile(90) / 1e6} ms`)
  })

  it('ends with the node, also in the middle of work and of loading', async () => {
    const idle = served()
    const busy = served()
    const loading = served({ settings: { load: 'hang' } })
    await textOf(idle.ask('hi'))
    const answers = [errorOf(busy.ask('count 1000')), errorOf(loading.ask('hi'))]
    await until(() => busy.host.loaded)

    await Promise.all([idle, busy, loading].map(({ registry }) => registry.stop()))

    for (const answer of answers) assert.equal((await answer).code, 'CANCELLED')
    for (const { log } of [idle, busy, loading]) {
      assert.deepEqual(
        log.lines.filter(({ message }) => /died|killed|could not/.test(message)),
        []
      )
    }
  })

  it('reports its memory again, and not only when it is loaded', async () => {
    const reports: number[] = []
    const { channel, exited } = bareEngine(message => {
      if (message.type === 'memory') reports.push(message.bytes)
    })
    await until(() => reports.length === 2)
    assert.ok(reports.every(bytes => bytes > 10 * MIB))
    channel.close()
    await exited
  })

  it('ends when its node is gone, and outlives the Ctrl-C that its node drains', async () => {
    const loaded = Promise.withResolvers<void>()
    const { child, channel, exited } = bareEngine(({ type }) => {
      if (type === 'loaded') loaded.resolve()
    })
    await loaded.promise
    child.kill('SIGINT')
    child.kill('SIGTERM')

    channel.close()

    assert.deepEqual(await exited, [0, null])
  })
})
