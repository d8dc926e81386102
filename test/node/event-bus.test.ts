import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import type { EventGap, NodeEvent, SubscribeOptions } from '../../interface/events.ts'
import { EVENT_BYTES_KEPT_MAX, EVENTS_KEPT_MAX, EventBus } from '../../node/events/event-bus.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'

function setUp(random = 0.5) {
  const bus = new EventBus({ clock: new ManualClock(), random: () => random })
  const leave = (n: number) => bus.emit('peer.left', { peerId: `p${n}` })
  /** All that is there already. */
  const now = (options: SubscribeOptions = {}) =>
    Array.fromAsync(bus.subscribe({ since: 'oldest', ...options, follow: false }))
  return { bus, leave, now, epoch: bus.position.epoch }
}

const sequences = (items: readonly (NodeEvent | EventGap)[]) => items.map(({ sequence }) => sequence)

describe('events of a node', () => {
  it('are numbered from 1 in each epoch, and reach listeners and subscribers alike', async () => {
    const { bus, leave, now, epoch } = setUp()
    const heard: string[] = []
    bus.addEventListener('peer.left', ({ detail }) => heard.push(detail.peerId))
    assert.deepEqual(bus.position, { epoch, sequence: 0 })
    leave(1)
    leave(2)
    assert.deepEqual(sequences(await now()), [1, 2])
    assert.deepEqual(heard, ['p1', 'p2'])
    assert.notEqual(setUp(0.6).epoch, epoch)
  })

  it('reach a subscriber from its call on, in order, until its signal aborts', async () => {
    const { bus, leave } = setUp()
    const stop = new AbortController()
    leave(0)
    const events = bus.subscribe({ names: ['peer.left'], signal: stop.signal })
    leave(1)
    bus.emit('mesh.renamed', { mesh: 'den' })
    leave(2)

    const seen: number[] = []
    for await (const { sequence } of events) {
      seen.push(sequence)
      if (seen.length === 2) setImmediate(leave, 3)
      if (seen.length === 3) setImmediate(() => stop.abort())
    }
    assert.deepEqual(seen, [2, 4, 5])
  })

  it.each([
    [['peer.*'], [1, 2]],
    [
      ['mesh.renamed', 'peer.joined'],
      [1, 3]
    ],
    [['*'], [1, 2, 3]]
  ])('are chosen by %j', async (names, chosen) => {
    const { bus, leave, now } = setUp()
    bus.emit('peer.joined', { peerId: 'p' })
    leave(1)
    bus.emit('mesh.renamed', { mesh: 'den' })
    assert.deepEqual(sequences(await now({ names })), chosen)
  })

  it('are refused under a name that none has, and from a place that is not reached yet', () => {
    const { bus, epoch } = setUp()
    assert.throws(() => bus.subscribe({ names: ['peer.joind'] }), {
      code: 'INVALID_INPUT',
      hint: /peer\.joined/
    })
    assert.throws(() => bus.subscribe({ since: { epoch, sequence: 1 } }), { code: 'INVALID_INPUT' })
  })

  it('of another start are reported as a gap, before those that are kept', async () => {
    const { leave, now, epoch } = setUp()
    leave(1)
    const [gap, ...events] = await now({ since: { epoch: 'another', sequence: 900 } })
    assert.deepEqual(gap, { type: 'gap', epoch, sequence: 0, reason: 'restarted', lost: null })
    assert.deepEqual(sequences(events), [1])
    assert.deepEqual(await now({ since: { epoch, sequence: gap!.sequence } }), events)
  })

  it('are kept up to a number, and a subscriber that asks for older ones is told how many are lost', async () => {
    const { leave, now, epoch } = setUp()
    for (let n = 0; n < EVENTS_KEPT_MAX + 10; n++) leave(n)
    const [gap, ...events] = await now({ since: { epoch, sequence: 3 } })
    assert.deepEqual(gap, { type: 'gap', epoch, sequence: 10, reason: 'late', lost: 7 })
    assert.equal(events.length, EVENTS_KEPT_MAX)
    assert.deepEqual(await now({ since: { epoch, sequence: 10 } }), events)
  })

  it('are kept up to so many bytes, the last one always', async () => {
    const { bus, now } = setUp()
    const long = 'x'.repeat(EVENT_BYTES_KEPT_MAX / 8)
    for (let n = 0; n < 20; n++) bus.emit('mesh.seen', { meshId: `${n}`, mesh: long, peerId: 'p' })
    assert.equal((await now()).length, 3)
    bus.emit('mesh.renamed', { mesh: long.repeat(8) })
    assert.deepEqual(sequences(await now()), [21])
  })

  it('of a slow subscriber end up in a gap, and it goes on after that', async () => {
    const { bus, leave } = setUp()
    const events = bus.subscribe()[Symbol.asyncIterator]()
    leave(1)
    assert.equal((await events.next()).value.sequence, 1)
    for (let n = 0; n < EVENTS_KEPT_MAX + 5; n++) leave(n)
    const { value: gap } = await events.next()
    assert.deepEqual([gap.type, gap.reason, gap.lost, gap.sequence], ['gap', 'late', 5, 6])
    assert.equal((await events.next()).value.sequence, 7)
  })

  it('end when the bus is closed, after those that happened before', async () => {
    const { bus, leave } = setUp()
    const all = Array.fromAsync(bus.subscribe())
    leave(1)
    bus.close()
    assert.deepEqual(sequences(await all), [1])
  })

  it('reach a subscriber that reads and resumes at any pace once each, or are counted as lost', async () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ emit: fc.integer({ min: 1, max: EVENTS_KEPT_MAX * 2 }) }),
        fc.record({ read: fc.integer({ min: 1, max: 50 }) }),
        fc.constant('resume' as const)
      ),
      { maxLength: 12 }
    )
    await fc.assert(
      fc.asyncProperty(steps, async script => {
        const { bus, leave, epoch } = setUp()
        let place = 0
        let events = bus.subscribe({ since: 'oldest' })[Symbol.asyncIterator]()
        for (const step of script) {
          if (step === 'resume') {
            events = bus.subscribe({ since: { epoch, sequence: place } })[Symbol.asyncIterator]()
          } else if ('emit' in step) {
            for (let n = 0; n < step.emit; n++) leave(n)
          } else {
            for (let n = 0; n < step.read && place < bus.position.sequence; n++) {
              const item: NodeEvent | EventGap = (await events.next()).value
              assert.equal(item.sequence, place + (item.type === 'gap' ? item.lost! : 1))
              place = item.sequence
            }
          }
        }
      }),
      { numRuns: 60 }
    )
  })
})
