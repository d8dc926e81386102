/** What people who are no members can make a node hold, and how often they may guess. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { beforeEach, describe, it } from 'vitest'
import type { JoinRequest } from '../../interface/mesh.ts'
import { Invitations } from '../../node/pairing/invitations.ts'
import { JoinRequests } from '../../node/pairing/join-requests.ts'
import { inviteId, inviteKey, joinProof, type Pair } from '../../node/pairing/pairing-secret.ts'
import { MeshStore } from '../../storage/mesh/mesh-store.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { temporaryDatabase } from './temporary-database.ts'

const LIFE_MS = 10 * 60_000
const pairOf = (joiner: string): Pair => ({ mesh: 'mesh', inviter: 'den', joiner })

describe('invitations', () => {
  const secret = new Uint8Array(16).fill(7)
  const pair = pairOf('attic')
  let clock: ManualClock
  let store: MeshStore
  let invitations: Invitations

  beforeEach(() => {
    clock = new ManualClock()
    store = new MeshStore(temporaryDatabase())
    invitations = new Invitations(clock, store)
  })
  const redeem = (proof: Uint8Array) => invitations.redeem(inviteId(secret), proof, pair)
  const right = () => joinProof(inviteKey(secret), pair)

  it('die after five wrong proofs', () => {
    invitations.add(secret, 'member')
    for (let i = 0; i < 5; i++) assert.throws(() => redeem(new Uint8Array(32)), { code: 'INVITE_INVALID' })
    assert.throws(() => redeem(right()), { code: 'INVITE_USED' })
  })

  it('survive four, and a restart, and are for one pair of devices only', () => {
    invitations.add(secret, 'edge')
    const others = joinProof(inviteKey(secret), pairOf('elsewhere'))
    for (let i = 0; i < 4; i++) assert.throws(() => redeem(others), { code: 'INVITE_INVALID' })
    invitations = new Invitations(clock, store)
    assert.equal(invitations.open, false)
    invitations.load()
    assert.equal(invitations.open, true)
    assert.equal(redeem(right()).role, 'edge')
    const other = { ...pair, joiner: 'another' }
    const proof = joinProof(inviteKey(secret), other)
    assert.throws(() => invitations.redeem(inviteId(secret), proof, other), { code: 'INVITE_USED' })
  })

  it('let the same device in again, which may have lost what it was given, until they end', () => {
    invitations.add(secret, 'member')
    redeem(right())
    assert.equal(redeem(right()).role, 'member')
    clock.advance(LIFE_MS + 1)
    assert.throws(() => redeem(right()), { code: 'INVITE_EXPIRED' })
  })

  it('keep the door open no longer than they live, and no more than 32 at a time', () => {
    for (let i = 0; i < 32; i++) invitations.add(new Uint8Array(16).fill(i), 'member')
    const other = new Uint8Array(16).fill(8)
    const late = [inviteId(other), joinProof(inviteKey(other), pair), pair] as const
    assert.throws(() => invitations.add(new Uint8Array(16).fill(99), 'member'), { code: 'OVERLOADED' })
    assert.equal(invitations.open, true)
    // One that was used makes room for the next device.
    redeem(right())
    invitations.add(new Uint8Array(16).fill(98), 'member')
    assert.throws(() => invitations.add(new Uint8Array(16).fill(99), 'member'), { code: 'OVERLOADED' })
    clock.advance(LIFE_MS + 1)
    assert.equal(invitations.open, false)
    assert.throws(() => invitations.redeem(...late), { code: 'INVITE_EXPIRED' })
    invitations.add(new Uint8Array(16).fill(99), 'member')
  })
})

describe('requests to join', () => {
  const nonce = (n: number) => new Uint8Array(32).fill(n)
  const commitment = (n: number) => createHash('sha256').update('lumos/join/nonce').update(nonce(n)).digest()
  const ask = (name: string, n = 0) => ({ version: 1 as const, name, commitment: commitment(n) })
  let clock: ManualClock
  let heard: JoinRequest[]
  let requests: JoinRequests

  beforeEach(() => {
    clock = new ManualClock()
    heard = []
    requests = new JoinRequests(clock, request => heard.push(request))
    requests.listen()
  })
  const reveal = (joiner: string, n = 0) => requests.decide(joiner, nonce(n))

  it('are eight at most; those that were only begun make room', () => {
    for (let i = 0; i < 8; i++) requests.challenge(pairOf(`begun-${i}`), ask('begun'))
    for (let i = 0; i < 8; i++) {
      requests.challenge(pairOf(`asks-${i}`), ask('asks'))
      assert.equal(reveal(`asks-${i}`), undefined)
    }
    assert.throws(() => requests.challenge(pairOf('late'), ask('late')), { code: 'OVERLOADED' })
    assert.equal(requests.list().length, 8)
    assert.equal(heard.length, 8)
  })

  it('that were denied or approved make room, and a device that was denied cannot ask again until it is over', () => {
    const fill = (prefix: string) => {
      for (let i = 0; i < 8; i++) {
        requests.challenge(pairOf(`${prefix}-${i}`), ask('asks'))
        reveal(`${prefix}-${i}`)
      }
    }
    fill('denied')
    for (let i = 0; i < 8; i++) requests.settle(`denied-${i}`, 'denied')
    fill('approved')
    for (let i = 0; i < 8; i++) requests.settle(`approved-${i}`, 'member')
    requests.challenge(pairOf('honest'), ask('honest'))
    reveal('honest')
    assert.deepEqual(
      requests.list().map(({ name }) => name),
      ['honest']
    )
    assert.throws(() => requests.challenge(pairOf('denied-0'), ask('asks', 1)), { code: 'DENIED' })
    assert.throws(() => reveal('denied-0'), { code: 'DENIED' })
    assert.equal(reveal('approved-0')?.role, 'member')
    clock.advance(LIFE_MS + 1)
    requests.listen()
    requests.challenge(pairOf('denied-0'), ask('asks', 1))
  })

  it('that made room before their nonce came are not denied: the device asks again', () => {
    for (let i = 0; i < 9; i++) requests.challenge(pairOf(`begun-${i}`), ask('begun'))
    assert.throws(() => reveal('begun-0'), { code: 'OVERLOADED' })
  })

  it('show one phrase for as long as they last: whoever asks otherwise is refused', () => {
    const first = requests.challenge(pairOf('attic'), ask('attic'))
    assert.equal(requests.challenge(pairOf('attic'), ask('attic')), first)
    reveal('attic')
    assert.throws(() => requests.challenge(pairOf('attic'), ask('attic', 1)), { code: 'DENIED' })
    requests.settle('attic', 'denied')
    assert.throws(() => reveal('attic'), { code: 'DENIED' })

    clock.advance(LIFE_MS + 1)
    assert.throws(() => requests.challenge(pairOf('attic'), ask('attic')), { code: 'DENIED' })
    requests.listen()
    assert.notDeepEqual(requests.challenge(pairOf('attic'), ask('attic')), first)
  })

  it('are granted once, to whom was approved', () => {
    requests.challenge(pairOf('one'), ask('pi'))
    requests.challenge(pairOf('other'), ask('pi'))
    reveal('one')
    reveal('other')
    assert.throws(() => requests.settle('pi', 'member'), { code: 'INVALID_INPUT' })
    requests.settle('one', 'guest')
    assert.equal(reveal('other'), undefined)
    assert.equal(reveal('one')?.role, 'guest')
    assert.throws(() => reveal('one'), { code: 'OVERLOADED' })
  })
})
