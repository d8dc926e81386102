import fc from 'fast-check'
import { assert, describe, expect, it } from 'vitest'
import type { Role } from '../../interface/membership.ts'
import {
  newReplication,
  type ReplicaDevice,
  type ReplicationState,
  stepReplication
} from '../../node/weights/replication/replication-core.ts'

const TIMES = { settleMs: 3000, patienceMs: 60_000, retryMs: 120_000, graceMs: 3_600_000 }
const CID = 'cid'
const BYTES = 1000
const STEP_MS = 1000

interface Device {
  readonly peerId: string
  readonly role: Role
  readonly roomBytes: number
  /** It states room, and fetches nothing. */
  readonly lies: boolean
  isMember: boolean
  isPresent: boolean
  holds: boolean
  readonly state: ReplicationState
}

/** A mesh in which each device sees at once what all state. */
class Mesh {
  readonly devices: Device[]
  nowMs = 0
  begun = 0
  copies: number

  constructor(copies: number, devices: readonly (Partial<Device> | undefined)[]) {
    this.copies = copies
    this.devices = devices.map((given, i) => ({
      ...{ role: 'member', roomBytes: 1_000_000, lies: false, isMember: true, isPresent: true, holds: false },
      peerId: `peer-${i}`,
      state: newReplication(`peer-${i}`, TIMES),
      ...given
    }))
  }

  get holders(): Device[] {
    return this.devices.filter(({ holds, isMember }) => holds && isMember)
  }

  view(): ReplicaDevice[] {
    return this.devices
      .filter(({ isMember }) => isMember)
      .map(({ peerId, role, isPresent, holds, roomBytes }) => ({
        ...{ peerId, role, isPresent, roomBytes },
        holds: new Set(holds ? [CID] : [])
      }))
  }

  /** All look at the same moment, and what they begin is seen after it. */
  step(): void {
    this.nowMs += STEP_MS
    const devices = this.view()
    const wanted = [{ cid: CID, name: 'tiny', bytes: BYTES, copies: this.copies, isRefused: false }]
    const begin = this.devices.filter(({ state, isMember, isPresent, lies }) => {
      if (!isMember || !isPresent) return false
      const { effects } = stepReplication(state, { type: 'look', wanted, devices }, this.nowMs, Math.random)
      return effects.some(({ type }) => type === 'fetch') && !lies
    })
    for (const device of begin) device.holds = true
    this.begun += begin.length
  }

  run(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; ) this.step()
  }
}

const anyDevice = fc.record({
  role: fc.constantFrom<Role>('admin', 'member', 'edge', 'guest'),
  roomBytes: fc.constantFrom(0, BYTES - 1, BYTES, 5000, 1_000_000),
  lies: fc.boolean(),
  holds: fc.constant(false)
})
const HOLDER = { holds: true }

describe('copies of a model', () => {
  it('become as many as are wanted, where as many devices can hold one, and never more', () => {
    fc.assert(
      fc.property(fc.array(anyDevice, { maxLength: 9 }), fc.integer({ min: 1, max: 6 }), (others, copies) => {
        const mesh = new Mesh(copies, [HOLDER, ...others])
        const able = others.filter(
          ({ role, roomBytes, lies }) => role !== 'guest' && roomBytes >= BYTES && !lies
        )
        // Each liar costs the patience of those behind it.
        mesh.run((others.length + 1) * TIMES.patienceMs)
        assert.isAtMost(mesh.holders.length, Math.max(1, copies))
        const liars = others.filter(({ lies }) => lies).length
        // One that was passed over is named again in time, so that liars beside it share the rounds.
        if (liars <= 1) assert.equal(mesh.holders.length, Math.max(1, Math.min(copies, able.length + 1)))
      }),
      { numRuns: 25 }
    )
  })

  it('do not change while devices come and go within the grace time', () => {
    const outages = fc.array(fc.tuple(fc.nat(5), fc.integer({ min: 1, max: 300 })), { maxLength: 20 })
    fc.assert(
      fc.property(outages, all => {
        const mesh = new Mesh(3, [HOLDER, {}, {}, {}, {}, {}])
        mesh.run(20_000)
        assert.equal(mesh.begun, 2)
        for (const [which, seconds] of all) {
          mesh.devices[which]!.isPresent = false
          mesh.run(seconds * 1000)
          mesh.devices[which]!.isPresent = true
          mesh.step()
        }
        assert.equal(mesh.begun, 2)
      }),
      { numRuns: 8 }
    )
  })

  it('are made anew, one for one, when a holder is away for longer, and at once when it was removed', () => {
    const mesh = new Mesh(2, [HOLDER, {}, {}, {}])
    mesh.run(10_000)
    const second = mesh.holders.find(({ peerId }) => peerId !== 'peer-0')!
    second.isPresent = false
    mesh.run(TIMES.graceMs - 5000)
    assert.equal(mesh.begun, 1)
    mesh.run(15_000)
    assert.equal(mesh.begun, 2)
    // It comes back with a copy too many, which stays.
    second.isPresent = true
    mesh.run(10_000)
    assert.equal(mesh.holders.length, 3)
    for (const device of mesh.holders.slice(1)) device.isMember = false
    mesh.run(5000)
    assert.equal(mesh.begun, 3)
  })

  it('go to devices with most room, and to edge devices last', () => {
    const mesh = new Mesh(3, [HOLDER, { role: 'edge', roomBytes: 2 ** 40 }, {}, { roomBytes: 2 ** 35 }])
    mesh.run(10_000)
    expect(mesh.holders.map(({ peerId }) => peerId)).toEqual(['peer-0', 'peer-2', 'peer-3'])
    mesh.copies = 4
    mesh.run(10_000)
    expect(mesh.holders).toHaveLength(4)
  })

  it('pass over a device that states room and does not fetch', () => {
    const mesh = new Mesh(2, [HOLDER, { lies: true, roomBytes: 2 ** 45 }, {}])
    mesh.run(TIMES.patienceMs - 5000)
    assert.equal(mesh.begun, 0)
    mesh.run(15_000)
    expect(mesh.holders.map(({ peerId }) => peerId)).toEqual(['peer-0', 'peer-2'])
  })

  it('are not begun where no device that is there has it, nor before manifests had time to come', () => {
    const mesh = new Mesh(2, [{ ...HOLDER, isPresent: false }, {}, {}])
    mesh.run(30_000)
    assert.equal(mesh.begun, 0)
    mesh.devices[0]!.isPresent = true
    mesh.step()
    assert.isAtMost(mesh.begun, 1)
    const other = new Mesh(2, [HOLDER, {}])
    other.run(TIMES.settleMs - STEP_MS)
    assert.equal(other.begun, 0)
  })

  it('are fetched again some time after a fetch failed, and never where the owner refuses', () => {
    const state = newReplication('b', TIMES)
    const devices: ReplicaDevice[] = [
      { peerId: 'a', role: 'member', isPresent: true, holds: new Set([CID]), roomBytes: 0 },
      { peerId: 'b', role: 'member', isPresent: true, holds: new Set(), roomBytes: BYTES }
    ]
    const look = (atMs: number, isRefused = false) => {
      const wanted = [{ cid: CID, name: 'tiny', bytes: BYTES, copies: 2, isRefused }]
      return stepReplication(state, { type: 'look', wanted, devices }, atMs, Math.random).effects.map(
        ({ type }) => type
      )
    }
    look(0)
    expect(look(3000)).toContain('fetch')
    expect(look(4000)).not.toContain('fetch')
    stepReplication(state, { type: 'failed', cid: CID }, 5000, Math.random)
    expect(look(30_000)).not.toContain('fetch')
    const againMs = TIMES.patienceMs + TIMES.retryMs
    look(againMs)
    expect(look(againMs + 5000, true)).not.toContain('fetch')
    expect(look(againMs + 5000)).toContain('fetch')
  })
})
