import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { Admission, type Turn } from '../../capabilities/serving/admission.ts'
import {
  type AdmissionState,
  newAdmission,
  stepAdmission
} from '../../capabilities/serving/admission-core.ts'
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
    let turn: Turn | undefined
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
    turn.admitted.then(
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

    await turn!.admitted
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

  describe('with several who ask', () => {
    /** A core with one slot that is taken, and room for 100 who wait. */
    const busy = () => {
      const state = newAdmission(1)
      let ids = 0
      let running: string | undefined = 'first'
      const enter = (peer?: string) => {
        const { effects } = stepAdmission(state, { type: 'enter', id: ++ids, peer }, 0)
        if (effects[0]?.type === 'admit') running = peer ?? ''
        return effects
      }
      /** Whose request is admitted next. */
      const next = () => {
        const askers = new Map(state.turns.queue)
        const [effect] = stepAdmission(state, { type: 'leave', peer: running, startedMs: 0 }, 20).effects
        running = effect && askers.get(effect.id)!.asker
        return running
      }
      // Long before the others: it wants no part of the queue.
      stepAdmission(state, { type: 'enter', id: ++ids, peer: 'first' }, -60_000)
      return { state, enter, next, waiting: (peer = '') => state.turns.lines.get(peer)?.size ?? 0 }
    }

    it('lets one alone use the whole queue', () => {
      const { enter, waiting } = busy()
      for (let i = 0; i < 200; i++) enter('a')
      assert.equal(waiting('a'), 100)
    })

    it('gives a second peer half of a queue that the first has filled, from its newest', () => {
      const { state, enter, waiting } = busy()
      for (let i = 0; i < 200; i++) enter('a')
      const [oldest] = state.turns.queue.keys()
      for (let i = 0; i < 200; i++) enter('b')
      for (let i = 0; i < 200; i++) enter('a')
      assert.deepEqual([waiting('a'), waiting('b')], [50, 50])
      assert.equal([...state.turns.lines.get('a')!][0], oldest)
    })

    it('lets this device go first, and peers take turns, however many each has waiting', () => {
      const { enter, next } = busy()
      for (let i = 0; i < 5; i++) enter('a')
      for (let i = 0; i < 2; i++) enter('b')
      enter()
      assert.deepEqual([next(), next(), next(), next(), next(), next()], ['', 'a', 'b', 'a', 'b', 'a'])
    })

    it('refuses the own user only for what it waits for itself', () => {
      const { enter, waiting } = busy()
      for (const peer of ['a', 'b']) for (let i = 0; i < 200; i++) enter(peer)
      for (let i = 1; i <= 100; i++) assert.notEqual(enter().at(0)?.id, 401 + i, `refused at ${i}`)
      assert.deepEqual([waiting(), waiting('a'), waiting('b')], [100, 0, 0])
      assert.equal(enter()[0]!.type, 'refuse')
    })

    it('tells whoever gave way that this node is busy', async () => {
      const admission = new Admission(1, new ManualClock())
      admission.enter(signal)
      const turns: Promise<void>[] = []
      for (let i = 0; i < 100; i++) turns.push(admission.enter(signal, { peer: 'a' })!.admitted)
      const kept = admission.enter(signal, { peer: 'b' })!.admitted
      await assert.rejects(turns.at(-1)!, { code: 'OVERLOADED' })
      admission.leave()
      await turns[0]
      admission.leave(admission.startedMs(), 'a')
      await kept
      assert.equal(admission.queued, 98)
    })

    it('never lets who asks less be passed over or refused for who asks more, whatever they do', () => {
      const asker = fc.constantFrom('a', 'b', 'c', undefined)
      const step = fc.oneof(
        { weight: 6, arbitrary: fc.record({ type: fc.constant('enter' as const), peer: asker }) },
        { weight: 2, arbitrary: fc.constant({ type: 'leave' as const }) },
        { weight: 1, arbitrary: fc.record({ type: fc.constant('give-up' as const), pick: fc.nat(1000) }) }
      )
      fc.assert(
        fc.property(fc.array(step, { maxLength: 400 }), steps => {
          const { state, enter, next, waiting } = busy()
          /** How often others were admitted since, for each who waits. */
          const passed = new Map<string, Map<string, number>>()
          for (const event of steps) {
            if (event.type === 'enter') {
              const before = new Map(state.turns.queue)
              const mine = waiting(event.peer)
              const [effect] = enter(event.peer)
              if (effect?.type === 'refuse') {
                const displaced = before.get(effect.id)?.asker
                assert.notEqual(displaced, '', 'the own user gave way')
                if (displaced === undefined)
                  for (const line of linesOfPeers(state)) assert.ok(line <= mine + 1)
              }
            } else if (event.type === 'leave') {
              const admitted = next()
              if (admitted === undefined) enter('first')
              else {
                passed.delete(admitted)
                for (const other of state.turns.lines.keys()) {
                  if (other === admitted || admitted === '') continue
                  assert.notEqual(other, '', 'a peer went before this device')
                  const since = passed.get(other) ?? new Map<string, number>()
                  since.set(admitted, (since.get(admitted) ?? 0) + 1)
                  passed.set(other, since)
                  assert.ok(since.get(admitted)! <= 1, `${admitted} came twice while ${other} waited`)
                }
              }
            } else {
              const ids = [...state.turns.queue.keys()]
              if (ids.length > 0) {
                stepAdmission(state, { type: 'give-up', id: ids[event.pick % ids.length]! }, 0)
              }
            }
            for (const other of passed.keys()) if (waiting(other) === 0) passed.delete(other)
            assert.ok(state.turns.queue.size <= 100)
            const lines = [...state.turns.lines.values()]
            assert.ok(lines.every(line => line.size > 0))
            assert.equal(
              lines.reduce((sum, line) => sum + line.size, 0),
              state.turns.queue.size
            )
          }
        })
      )
    })
  })
})

const linesOfPeers = ({ turns: { lines } }: AdmissionState): number[] =>
  [...lines].flatMap(([peer, line]) => (peer === '' ? [] : [line.size]))
