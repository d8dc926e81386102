import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import type { Engine } from '../../capabilities/host/engine.ts'
import { ModelManager } from '../../capabilities/models/model-manager.ts'
import { Residency } from '../../capabilities/models/residency.ts'
import { LumosError } from '../../interface/errors.ts'
import { ManualClock } from './manual-clock.ts'
import { memoryLog } from './parts.ts'

const { signal } = new AbortController()

/** An engine whose loads the test ends one by one. */
class StagedEngine implements Engine {
  loaded = false
  readonly memoryBytes = 0
  onLost?: () => void
  loads = 0
  #load = Promise.withResolvers<void>()

  load(): Promise<void> {
    this.loads++
    this.#load = Promise.withResolvers()
    return this.#load.promise
  }

  finish(): void {
    this.loaded = true
    this.#load.resolve()
  }

  fail(): void {
    this.#load.reject(new LumosError('MODEL_INVALID', 'damaged'))
  }

  die(): void {
    this.loaded = false
    this.onLost?.()
  }

  async close(): Promise<void> {
    this.#load.reject(new Error('closed'))
  }

  async *infer() {}
}

function managed() {
  const engine = new StagedEngine()
  const clock = new ManualClock()
  const changes: boolean[] = []
  const manager: ModelManager = new ModelManager(
    { id: 'model', tasks: ['tensor'], slots: 1, engine },
    {
      clock,
      random: () => 1,
      log: memoryLog(),
      residency: new Residency({ clock, budgetBytes: Number.POSITIVE_INFINITY }),
      footprint: { bytes: 0, pinned: false, keepAliveMs: Number.POSITIVE_INFINITY },
      onChange: () => changes.push(manager.warm)
    }
  )
  return { engine, clock, manager, changes }
}

const retryAfterMs = (manager: ModelManager): number => {
  try {
    // Not ready and not refused means that it is loading.
    manager.ready(signal)?.catch(() => {})
    return 0
  } catch (err) {
    assert.equal((err as LumosError).code, 'ENGINE_FAILED')
    return Number((err as LumosError).details.retryAfterMs)
  }
}

describe('ModelManager', () => {
  it('loads once for all who wait, and then nobody waits', async () => {
    const { engine, manager, changes } = managed()
    const waiting = [manager.ready(signal), manager.ready(signal), manager.ready(signal)]
    engine.finish()
    await Promise.all(waiting)

    assert.equal(engine.loads, 1)
    assert.equal(manager.ready(signal), undefined)
    assert.deepEqual(changes, [true])
  })

  it('lets one who waits leave without ending the load for the others', async () => {
    const { engine, manager } = managed()
    const controller = new AbortController()
    const leaving = manager.ready(controller.signal)
    const staying = manager.ready(signal)

    controller.abort(new Error('no longer wanted'))
    await assert.rejects(leaving!, /no longer wanted/)

    engine.finish()
    await staying
    assert.equal(manager.warm, true)
  })

  it('tells a failed load to all who wait, and tries again for the next', async () => {
    const { engine, manager } = managed()
    const waiting = [manager.ready(signal), manager.ready(signal)]
    engine.fail()
    for (const ready of waiting) await assert.rejects(ready!, { code: 'MODEL_INVALID' })

    const next = manager.ready(signal)
    engine.finish()
    await next
    assert.equal(engine.loads, 2)
  })

  it('waits ever longer between tries that fail, up to a minute', async () => {
    const { engine, clock, manager } = managed()
    const waits: number[] = []
    for (let i = 0; i < 10; i++) {
      const waitMs = retryAfterMs(manager)
      waits.push(waitMs)
      if (waitMs > 0) {
        clock.advance(waitMs - 1)
        assert.equal(retryAfterMs(manager), 1)
        clock.advance(1)
        assert.equal(retryAfterMs(manager), 0)
      }
      engine.fail()
      await new Promise(resolve => setImmediate(resolve))
    }
    assert.deepEqual(waits, [0, 0, 500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000])
  })

  it('counts an engine that dies after loading like one that does not load, until it answers', async () => {
    const { engine, clock, manager, changes } = managed()
    const reload = async (): Promise<void> => {
      const ready = manager.ready(signal)
      engine.finish()
      await ready
    }

    await reload()
    engine.die()
    await reload()
    engine.die()
    assert.equal(retryAfterMs(manager), 500)
    clock.advance(500)
    await reload()
    manager.answered()
    engine.die()
    assert.equal(retryAfterMs(manager), 0)
    assert.deepEqual(changes, [true, false, true, false, true, false])
  })

  it('ends a load under way when it closes, and starts no other', async () => {
    const { engine, manager } = managed()
    const waiting = manager.ready(signal)
    await Promise.all([manager.close(), assert.rejects(waiting!)])

    assert.throws(() => manager.ready(signal), { code: 'ENGINE_FAILED' })
    assert.equal(engine.loads, 1)
  })

  it('has closed once its engine has, and not before', async () => {
    const { engine, manager } = managed()
    const closing = Promise.withResolvers<void>()
    engine.close = () => closing.promise
    let closed = false
    const ended = manager.close().then(() => {
      closed = true
    })
    await new Promise(resolve => setImmediate(resolve))
    assert.equal(closed, false)
    closing.resolve()
    await ended
  })

  it('waits when it closes for the load under way, however long it unwinds', async () => {
    const { engine, manager } = managed()
    engine.close = async () => {}
    const waiting = assert.rejects(manager.ready(signal)!)
    let closed = false
    const ended = manager.close().then(() => {
      closed = true
    })
    await new Promise(resolve => setImmediate(resolve))
    assert.equal(closed, false)
    engine.fail()
    await Promise.all([ended, waiting])
  })

  it('says so when its engine fails to close', async () => {
    const { engine, manager } = managed()
    engine.close = async () => {
      throw new Error('stuck')
    }
    await assert.rejects(manager.close(), /stuck/)
  })
})
