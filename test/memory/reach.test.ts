/** Devices of a space that are not connected dial each other, so that each edit has a way. */

import assert from 'node:assert/strict'
import { describe, it } from 'vitest'
import type { Manifest } from '../../interface/manifest.ts'
import { Reach } from '../../node/memory/sync/reach.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'

const quiet = { debug() {}, info() {}, warn() {}, error() {} }

/** Devices of one mesh, of which some have a space and some are off. */
class Mesh {
  readonly clock = new ManualClock()
  readonly links = new Set<string>()
  readonly dialed: string[] = []
  readonly off = new Set<string>()
  readonly peers: readonly string[]
  readonly sharers: readonly string[]

  constructor(peers: readonly string[], sharers: readonly string[]) {
    this.peers = peers
    this.sharers = sharers
  }

  connect(one: string, other: string): void {
    this.links.add(one < other ? `${one} ${other}` : `${other} ${one}`)
  }

  isConnected(one: string, other: string): boolean {
    return this.links.has(one < other ? `${one} ${other}` : `${other} ${one}`)
  }

  reachOf(self: string): Reach {
    const members = this.peers.map(peerId => ({ peerId, role: 'member' as const }))
    return new Reach({
      engine: { sharers: async peers => [peers.filter(peer => this.sharers.includes(peer))] },
      mesh: {
        ...{ peerId: self, clock: this.clock, log: quiet },
        members: { list: () => members } as never,
        stated: () => ({}) as Manifest,
        isConnected: peer => this.isConnected(self, peer),
        connect: async peer => {
          this.dialed.push(`${self} ${peer}`)
          if (this.off.has(peer)) throw new Error('It is off.')
          this.connect(self, peer)
        }
      },
      signal: new AbortController().signal
    })
  }

  /** Devices that an edit of this one reaches, from one device of the space to the next. */
  reached(from: string): Set<string> {
    const seen = new Set([from])
    for (const one of seen)
      for (const other of this.sharers) if (this.isConnected(one, other)) seen.add(other)
    return seen
  }
}

const named = (count: number) => Array.from({ length: count }, (_, n) => `peer-${String(n).padStart(3, '0')}`)

describe('devices of a space', () => {
  it('that know no others of it have a way to each other after one look of each', async () => {
    const peers = named(60)
    const sharers = peers.filter((_, n) => n % 3 === 0)
    const mesh = new Mesh(peers, sharers)
    // Two groups that are connected among themselves, and not to each other.
    for (const half of [sharers.slice(0, 10), sharers.slice(10)])
      for (const one of half) for (const other of half) if (one !== other) mesh.connect(one, other)
    assert.equal(mesh.reached(sharers[0]!).size, 10)
    for (const self of sharers) await mesh.reachOf(self).look()
    assert.equal(mesh.reached(sharers[0]!).size, sharers.length)
    assert.ok(mesh.dialed.length <= 6, `${mesh.dialed}`)
    assert.ok(mesh.dialed.every(pair => pair.split(' ').every(peer => sharers.includes(peer))))
  })

  it('that are off have no place in the ring until it is time to try them again', async () => {
    const [self, ...others] = named(5) as [string, ...string[]]
    const mesh = new Mesh([self, ...others], [self, ...others])
    for (const peer of others.slice(0, 2)) mesh.off.add(peer)
    const reach = mesh.reachOf(self)
    await reach.look()
    await reach.look()
    assert.deepEqual(
      mesh.dialed.map(pair => pair.split(' ')[1]),
      others
    )
    mesh.off.clear()
    mesh.clock.advance(10 * 60_000)
    await reach.look()
    assert.deepEqual(
      others.map(peer => mesh.isConnected(self, peer)),
      [true, true, true, true]
    )
  })

  it('dial nothing where all are connected, and none where this device holds many connections', async () => {
    const peers = named(70)
    const [self, ...others] = peers as [string, ...string[]]
    const mesh = new Mesh(peers, peers)
    for (const peer of others.slice(0, 64)) mesh.connect(self, peer)
    await mesh.reachOf(self).look()
    assert.deepEqual(mesh.dialed, [])
  })
})
