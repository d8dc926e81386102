/** Which models are in memory, on virtual time: any order of wishes, loads and ends. */

import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { describe, it } from 'vitest'
import { newResidency, ROOM_WAIT_MS, stepResidency } from '../../capabilities/models/residency-core.ts'
import { usedBytes } from '../../capabilities/models/residency-memory.ts'
import type { ResidencyEffect, ResidencyEvent } from '../../capabilities/models/residency-state.ts'

const MINUTE_MS = 60_000
const GIB = 2 ** 30

interface Kept {
  readonly bytes: number
  readonly pinned?: boolean
  readonly keepAliveMs?: number
}

/** The core with engines that load and close in their time. */
class Machine {
  nowMs = 0
  readonly state
  readonly effects: ResidencyEffect[] = []
  #timers: { atMs: number; run: () => void }[] = []
  /** When each model that waits was wanted. */
  readonly wantedMs = new Map<number, number>()
  longestWaitMs = 0
  readonly loadMs: number
  readonly closeMs = 50

  constructor(budgetBytes: number, models: readonly Kept[], loadMs = 500) {
    this.loadMs = loadMs
    this.state = newResidency(budgetBytes)
    for (const [key, { bytes, pinned = false, keepAliveMs = Number.POSITIVE_INFINITY }] of models.entries()) {
      this.step({ type: 'add', key, bytes, pinned, keepAliveMs })
    }
  }

  step(event: ResidencyEvent): readonly ResidencyEffect[] {
    const { effects } = stepResidency(this.state, event, this.nowMs)
    for (const effect of effects) {
      this.effects.push(effect)
      this.#follow(effect)
    }
    assert.ok(usedBytes(this.state) <= this.state.budgetBytes, `${usedBytes(this.state)} bytes are used`)
    return effects
  }

  want(key: number): void {
    const { phase } = this.state.models.get(key)!
    if (phase === 'ready' || phase === 'loading') return
    if (!this.wantedMs.has(key)) this.wantedMs.set(key, this.nowMs)
    this.step({ type: 'want', key })
  }

  /** Holds the model for so long, from when it is there. */
  ask(key: number, forMs: number): void {
    this.step({ type: 'begin', key })
    this.want(key)
    const model = this.state.models.get(key)!
    const answer = (): void => {
      if (model.phase === 'ready') this.later(forMs, () => this.step({ type: 'end', key }))
      else if (model.phase === 'cold' && !this.wantedMs.has(key)) this.step({ type: 'end', key })
      else this.later(10, answer)
    }
    answer()
  }

  later(ms: number, run: () => void): void {
    this.#timers.push({ atMs: this.nowMs + ms, run })
  }

  advance(ms: number): void {
    const endMs = this.nowMs + ms
    for (;;) {
      const due = this.#timers.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0]
      if (due === undefined) break
      this.#timers = this.#timers.filter(timer => timer !== due)
      this.nowMs = due.atMs
      due.run()
    }
    this.nowMs = endMs
  }

  phases(): string[] {
    return [...this.state.models.values()].map(({ phase }) => phase)
  }

  #follow(effect: ResidencyEffect): void {
    if (effect.type === 'timer') {
      this.later(effect.delayMs, () => this.step({ type: 'timer' }))
      return
    }
    const { key } = effect
    const model = this.state.models.get(key)!
    if (effect.type === 'unload') {
      assert.equal(model.leases, 0, `a leased model is unloaded: ${effect.reason}`)
      assert.ok(effect.reason === 'asked' || !model.pinned, 'a pinned model is unloaded')
      this.later(this.closeMs, () => this.step({ type: 'unloaded', key }))
      return
    }
    this.longestWaitMs = Math.max(this.longestWaitMs, this.nowMs - this.wantedMs.get(key)!)
    this.wantedMs.delete(key)
    if (effect.type === 'refuse') return
    this.later(this.loadMs, () => this.step({ type: 'loaded', key, bytes: model.bytes, loadMs: this.loadMs }))
  }
}

const of = (machine: Machine, type: string) => machine.effects.filter(effect => effect.type === type)

describe('the models in memory', () => {
  it('are loaded while there is room, and then in place of the idle one that is cheapest to miss', () => {
    const machine = new Machine(2, [{ bytes: 1 }, { bytes: 1 }, { bytes: 1 }])
    machine.ask(0, 100)
    machine.advance(1000)
    machine.ask(1, 100)
    machine.advance(1000)
    assert.deepEqual(machine.phases(), ['ready', 'ready', 'cold'])
    machine.ask(2, 100)
    assert.deepEqual(machine.phases(), ['draining', 'ready', 'cold'])
    machine.advance(1000)
    assert.deepEqual(machine.phases(), ['cold', 'ready', 'ready'])
    assert.deepEqual(of(machine, 'unload'), [{ type: 'unload', key: 0, reason: 'evicted' }])
  })

  it('are refused at once where those that answer take long, and no other can go', () => {
    const machine = new Machine(1, [{ bytes: 1 }, { bytes: 1 }])
    machine.ask(0, MINUTE_MS)
    machine.advance(1000)
    machine.ask(1, 10)
    assert.deepEqual(of(machine, 'refuse'), [{ type: 'refuse', key: 1, needBytes: 1 }])
    machine.advance(1000)
    assert.deepEqual(machine.phases(), ['ready', 'cold'])
  })

  it('wait for one whose answers soon end', () => {
    const machine = new Machine(1, [{ bytes: 1 }, { bytes: 1 }])
    machine.ask(0, 300)
    machine.advance(2000)
    machine.ask(0, 300)
    machine.ask(1, 10)
    assert.deepEqual(of(machine, 'refuse'), [])
    machine.advance(2000)
    assert.deepEqual(machine.phases(), ['cold', 'ready'])
  })

  it('wait for no longer than is left to ask another peer', () => {
    const machine = new Machine(1, [{ bytes: 1 }, { bytes: 1 }])
    machine.ask(0, 1000)
    machine.advance(4000)
    machine.ask(0, MINUTE_MS)
    machine.ask(1, 10)
    machine.advance(ROOM_WAIT_MS - 1)
    assert.deepEqual(of(machine, 'refuse'), [])
    machine.advance(1)
    assert.equal(of(machine, 'refuse').length, 1)
  })

  it('leave when nobody used them for their keep-alive, and not before, unless they are pinned', () => {
    const models = [
      { bytes: 1, keepAliveMs: 1000 },
      { bytes: 1, keepAliveMs: 1000, pinned: true }
    ]
    const machine = new Machine(2, [...models, { bytes: 0, keepAliveMs: 1000 }])
    for (const key of [0, 1, 2]) machine.ask(key, 100)
    machine.advance(500 + 100 + 10 + 900)
    machine.ask(0, 100)
    machine.advance(100 + 999)
    assert.deepEqual(machine.phases(), ['ready', 'ready', 'ready'])
    machine.advance(1 + 50)
    assert.deepEqual(machine.phases(), ['cold', 'ready', 'ready'])
  })

  it('leave at once with a keep-alive of nothing, and once idle when their owner says so', () => {
    const machine = new Machine(2, [{ bytes: 1, keepAliveMs: 0 }, { bytes: 1 }])
    machine.ask(0, 100)
    machine.ask(1, 1000)
    machine.advance(700)
    assert.deepEqual(machine.phases(), ['cold', 'ready'])
    machine.step({ type: 'unload', key: 1 })
    assert.deepEqual(machine.phases(), ['cold', 'ready'])
    machine.advance(1000)
    assert.deepEqual(machine.phases(), ['cold', 'cold'])
  })

  it('are recycled when idle once they take much more memory than after their load', () => {
    const machine = new Machine(8 * GIB, [{ bytes: GIB }])
    machine.ask(0, 1000)
    machine.advance(600)
    machine.step({ type: 'measured', key: 0, bytes: 2 * GIB })
    assert.deepEqual(of(machine, 'unload'), [])
    machine.advance(1000)
    assert.deepEqual(of(machine, 'unload'), [{ type: 'unload', key: 0, reason: 'grown' }])
    machine.advance(machine.closeMs)
    assert.equal(machine.state.models.get(0)!.bytes, GIB)

    machine.ask(0, 1000)
    machine.advance(2000)
    machine.step({ type: 'measured', key: 0, bytes: GIB + 1 })
    assert.deepEqual(machine.phases(), ['ready'])
    machine.step({ type: 'measured', key: 0, bytes: 2 * GIB })
    assert.deepEqual(machine.phases(), ['draining'])
  })

  it('are refused before their first answer when they turn out larger than there is room for', () => {
    const { state } = new Machine(10, [{ bytes: 4 }, { bytes: 4 }])
    stepResidency(state, { type: 'begin', key: 0 }, 0)
    stepResidency(state, { type: 'want', key: 0 }, 0)
    stepResidency(state, { type: 'loaded', key: 0, bytes: 4, loadMs: 1 }, 1)
    stepResidency(state, { type: 'begin', key: 1 }, 1)
    stepResidency(state, { type: 'want', key: 1 }, 1)
    const { effects } = stepResidency(state, { type: 'loaded', key: 1, bytes: 7, loadMs: 1 }, 2)
    assert.deepEqual(effects, [
      { type: 'refuse', key: 1, needBytes: 7 },
      { type: 'unload', key: 1, reason: 'evicted' }
    ])
  })

  it('of two small ones and a large one, keep the small ones where the large one frees enough', () => {
    const machine = new Machine(12, [{ bytes: 1 }, { bytes: 1 }, { bytes: 10 }, { bytes: 8 }])
    for (const key of [0, 1, 2]) {
      machine.ask(key, 10)
      machine.advance(1000)
    }
    machine.ask(3, 10)
    machine.advance(1000)
    assert.deepEqual(machine.phases(), ['ready', 'ready', 'cold', 'ready'])
  })

  it('stay within the budget for a minute of any load, and every wish ends in time', () => {
    const question = fc.record({
      key: fc.nat(3),
      afterMs: fc.nat(2000),
      forMs: fc.nat(4000)
    })
    const load = fc.array(question, { minLength: 20, maxLength: 60 })
    fc.assert(
      fc.property(load, fc.nat(2000), fc.boolean(), (questions, loadMs, pinned) => {
        const machine = new Machine(
          10,
          [{ bytes: 4, keepAliveMs: 3000 }, { bytes: 5, keepAliveMs: 0 }, { bytes: 5, pinned }, { bytes: 6 }],
          loadMs
        )
        for (const { key, afterMs, forMs } of questions) {
          machine.ask(key, forMs)
          machine.advance(afterMs)
        }
        machine.advance(MINUTE_MS)
        assert.equal(machine.wantedMs.size, 0)
        assert.ok(machine.longestWaitMs <= ROOM_WAIT_MS + machine.closeMs, `${machine.longestWaitMs} ms`)
        for (const model of machine.state.models.values()) assert.equal(model.leases, 0)
      }),
      { numRuns: 300 }
    )
  })
})
