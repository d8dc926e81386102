/** A listener between two screens that searches for the nonce which makes the phrase it wants. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import type { JoinClient } from '../../node/pairing/join-client.ts'
import { phraseOf } from '../../node/pairing/join-requests.ts'
import { askNearby } from '../../node/pairing/nearby-asking.ts'
import type { Challenge, Grant } from '../../protocols/join/index.ts'

const listener = { peerId: 'listener', addresses: [], meshId: 'mesh', meshName: 'flat' }
const pair = { mesh: 'mesh', inviter: 'listener', joiner: 'attic' }
const soon = { ...systemClock, setTimer: (task: () => void) => systemClock.setTimer(task, 0) }

/** Answers each time with the next of `nonces`, and says what it was asked with and whether that was revealed. */
async function asks(nonces: readonly Uint8Array[]) {
  const heard: { nonce: Uint8Array; revealed: boolean }[] = []
  const phrases: string[] = []
  const joiner: Pick<JoinClient, 'ask'> = {
    async ask(_door, { nonce, onChallenge }) {
      const turn = { nonce, revealed: false }
      heard.push(turn)
      const challenge: Challenge = { mesh: 'mesh', meshName: 'flat', nonce: nonces[heard.length - 1]! }
      onChallenge(challenge)
      turn.revealed = true
      return heard.length === nonces.length ? ({} as Grant) : undefined
    }
  }
  const components = { clock: soon, joiner: joiner as JoinClient, self: 'attic', name: 'attic' }
  const { phrase } = await askNearby(
    { ...components, sightings: () => [listener] },
    { onAsking: asking => phrases.push(asking.phrase) }
  )
  return { heard, phrases, phrase }
}

describe('a listener that answers the same question with another nonce', () => {
  it('hears no phrase of it, and is asked anew with a nonce that it does not know', async () => {
    const [first, searched, last] = [randomBytes(32), randomBytes(32), randomBytes(32)]
    const { heard, phrases, phrase } = await asks([first, searched, last])
    assert.deepEqual(
      heard.map(({ revealed }) => revealed),
      [true, false, true]
    )
    assert.deepEqual(heard[1]!.nonce, heard[0]!.nonce)
    assert.notDeepEqual(heard[2]!.nonce, heard[0]!.nonce)
    assert.deepEqual(phrases, [phraseOf(heard[0]!.nonce, first, pair), phraseOf(heard[2]!.nonce, last, pair)])
    assert.equal(phrase, phrases[1])
    assert.ok(!phrases.includes(phraseOf(heard[0]!.nonce, searched, pair)))
  })

  it('changes nothing while its nonce stays: one nonce, one phrase of four words', async () => {
    const nonce = randomBytes(32)
    const { heard, phrases } = await asks([nonce, nonce, nonce])
    assert.equal(new Set(heard.map(turn => turn.nonce)).size, 1)
    assert.equal(phrases.length, 1)
    assert.match(phrases[0]!, /^([a-z]{5} ){3}[a-z]{5}$/)
  })
})

describe('a device of the mesh that accepts a question and never answers', () => {
  it('does not keep the others from being asked', async () => {
    const asked: string[] = []
    const joiner: Pick<JoinClient, 'ask'> = {
      ask({ peerId }, { onChallenge }, signal) {
        asked.push(peerId)
        if (peerId === 'silent') {
          return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
        }
        onChallenge({ mesh: 'mesh', meshName: 'flat', nonce: randomBytes(32) })
        return Promise.resolve({} as Grant)
      }
    }
    const near = [{ ...listener, peerId: 'silent' }, listener]
    const components = { clock: soon, joiner: joiner as JoinClient, self: 'attic', name: 'attic' }
    const { door } = await askNearby({ ...components, sightings: () => near }, {})
    assert.deepEqual([door.peerId, asked], ['listener', ['silent', 'listener']])
  })
})

describe('a device on the local network that says it is of the mesh', () => {
  const refusing = (code: 'DENIED' | 'PEER_REVOKED') => {
    const asked = new Map<string, number>()
    const joiner: Pick<JoinClient, 'ask'> = {
      async ask({ peerId }, { onChallenge }) {
        const times = (asked.get(peerId) ?? 0) + 1
        asked.set(peerId, times)
        onChallenge({ mesh: 'mesh', meshName: 'flat', nonce: new Uint8Array(32) })
        if (peerId === 'liar') throw new LumosError(code, 'Go away.')
        // A person needs a while.
        return times < 4 ? undefined : ({} as Grant)
      }
    }
    return { asked, components: { clock: soon, joiner: joiner as JoinClient, self: 'attic', name: 'attic' } }
  }
  const liar = { ...listener, peerId: 'liar' }

  it.each(['DENIED', 'PEER_REVOKED'] as const)(
    'ends the asking of no other device by answering %s, and is asked once',
    async code => {
      const { asked, components } = refusing(code)
      const { door } = await askNearby({ ...components, sightings: () => [liar, listener] }, {})
      assert.deepEqual([door.peerId, asked.get('liar')], ['listener', 1])
    }
  )

  it('is named when every device refuses', async () => {
    const { components } = refusing('DENIED')
    await assert.rejects(askNearby({ ...components, sightings: () => [liar] }, {}), {
      code: 'DENIED',
      message: 'Go away.',
      hint: 'Refused by liar (DENIED); no other device has let this one in.'
    })
  })

  it('ends no asking that has begun by saying that it is of another mesh', async () => {
    const { components } = refusing('DENIED')
    let looks = 0
    const other = { ...liar, meshId: 'other' }
    const sightings = () => (looks++ === 0 ? [listener] : [listener, other])
    assert.equal((await askNearby({ ...components, sightings }, {})).door.peerId, 'listener')
  })
})
