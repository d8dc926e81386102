import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { Admission } from '../../capabilities/admission.ts'
import { OverloadedError } from '../../interface/errors.ts'
import { ManualClock } from './manual-clock.ts'

const { signal } = new AbortController()

/** Lets everything that is settled be seen. */
const settle = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

type Command = { type: 'enter' } | { type: 'finish' | 'abort'; pick: number } | { type: 'pass'; ms: number }

const pick = fc.nat(1000)
const commands: fc.Arbitrary<Command[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constant<Command>({ type: 'enter' }) },
    { weight: 3, arbitrary: pick.map((n): Command => ({ type: 'finish', pick: n })) },
    { weight: 2, arbitrary: pick.map((n): Command => ({ type: 'abort', pick: n })) },
    { weight: 1, arbitrary: fc.nat(3000).map((ms): Command => ({ type: 'pass', ms })) }
  ),
  { maxLength: 60 }
)

interface Caller {
  readonly controller: AbortController
  readonly startedMs: number
}

/** Runs commands against an `Admission` and a plain list beside it. */
class Model {
  readonly clock = new ManualClock()
  readonly admission: Admission
  readonly running: Caller[] = []
  /** Who must be admitted next comes first. */
  waiting: Caller[] = []

  constructor(slots: number) {
    this.admission = new Admission(slots, this.clock)
  }

  run(command: Command): void {
    switch (command.type) {
      case 'enter':
        this.enter()
        return
      case 'finish': {
        const [caller] = this.running.splice(command.pick % Math.max(this.running.length, 1), 1)
        if (caller !== undefined) this.admission.leave(caller.startedMs)
        return
      }
      case 'abort': {
        const caller = this.waiting[command.pick % Math.max(this.waiting.length, 1)]
        this.waiting = this.waiting.filter(other => other !== caller)
        caller?.controller.abort(new Error('no longer wanted'))
        return
      }
      case 'pass':
        this.clock.advance(command.ms)
    }
  }

  enter(): void {
    const caller = { controller: new AbortController(), startedMs: this.clock.monotonicMs() }
    let turn: Promise<void> | undefined
    try {
      turn = this.admission.enter(caller.controller.signal)
    } catch (err) {
      assert.ok(err instanceof OverloadedError)
      assert.ok(Number(err.details.retryAfterMs) > 0)
      assert.equal(this.running.length, this.admission.slots, 'refused although a slot was free')
      return
    }
    if (turn === undefined) {
      this.running.push(caller)
      return
    }
    this.waiting.push(caller)
    turn.then(
      () => {
        assert.equal(this.waiting.shift(), caller, 'not first in, first out')
        this.running.push(caller)
      },
      () => assert.ok(caller.controller.signal.aborted)
    )
  }

  check(): void {
    assert.equal(this.admission.running, this.running.length)
    assert.equal(this.admission.queued, this.waiting.length)
    assert.ok(this.running.length <= this.admission.slots, 'more run than there are slots')
    assert.ok(this.waiting.length === 0 || this.running.length === this.admission.slots, 'a slot is lost')
  }
}

describe('Admission', () => {
  it('never runs more than its slots, loses none and keeps the order, whatever callers do', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), commands, async (slots, run) => {
        const model = new Model(slots)
        for (const command of run) {
          model.run(command)
          await settle()
          model.check()
        }
        while (model.running.length > 0) {
          model.run({ type: 'finish', pick: 0 })
          await settle()
        }
        model.check()
        assert.equal(model.admission.running, 0)
      })
    )
  })

  it('keeps the slot of a waiter that is admitted and aborted at once', async () => {
    const admission = new Admission(1, new ManualClock())
    const controller = new AbortController()
    admission.enter(signal)
    const turn = admission.enter(controller.signal)

    admission.leave()
    controller.abort()

    await turn
    assert.equal(admission.running, 1)
    admission.leave()
    assert.equal(admission.running, 0)
  })

  it('refuses an aborted caller without giving it a slot', () => {
    const admission = new Admission(1, new ManualClock())
    assert.throws(() => admission.enter(AbortSignal.abort(new Error('gone'))), /gone/)
    assert.equal(admission.running, 0)
  })

  it('lets two per slot wait for a slow engine, then says when to come back', () => {
    const clock = new ManualClock()
    const admission = new Admission(2, clock)
    // Measured often enough that the average is what requests take.
    for (let i = 0; i < 100; i++) {
      admission.enter(signal)
      const startedMs = admission.startedMs()
      clock.advance(10_000)
      admission.leave(startedMs)
    }

    for (let i = 0; i < 6; i++) admission.enter(signal)
    assert.equal(admission.queued, 4)

    assert.throws(
      () => admission.enter(signal),
      (err: OverloadedError) => {
        assert.equal(err.code, 'OVERLOADED')
        // Five requests of ten seconds on two slots.
        assert.ok(Math.abs(Number(err.details.retryAfterMs) - 25_000) <= 1)
        return true
      }
    )
  })

  it('lets two seconds of work wait for a fast engine', () => {
    const clock = new ManualClock()
    const admission = new Admission(1, clock)
    for (let i = 0; i < 100; i++) {
      admission.enter(signal)
      const startedMs = admission.startedMs()
      clock.advance(20)
      admission.leave(startedMs)
    }

    let admitted = 0
    assert.throws(() => {
      for (;;) {
        admission.enter(signal)
        admitted++
      }
    }, OverloadedError)

    assert.equal(admission.running, 1)
    assert.equal(admitted, 1 + 100)
  })

  it('bounds the queue of even the fastest engine', () => {
    const admission = new Admission(1, new ManualClock())
    for (let i = 0; i < 100; i++) {
      admission.enter(signal)
      admission.leave(admission.startedMs())
    }
    assert.throws(() => {
      for (let i = 0; i < 5000; i++) admission.enter(signal)
    }, OverloadedError)
    assert.ok(admission.queued <= 1024)
  })
})
