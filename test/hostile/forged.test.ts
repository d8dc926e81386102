/** A stranger dials a running node with a forged certificate, and with all that a member has ever shown. */

import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { FRAME } from '../../protocols/hello/codec.ts'
import { HostilePeer } from '../node/hostile-peer.ts'
import { meets, startNode } from '../node/mesh-nodes.ts'
import { hiddenByVersion, hiddenInSerial } from '../protocols/certificates.ts'
import { Dialer } from './dialer.ts'
import { forger, passAs, type Seen, type Shown } from './forger.ts'

describe('a stranger with all that a member has shown', () => {
  let den: Awaited<ReturnType<typeof startNode>>
  let attic: Awaited<ReturnType<typeof startNode>>
  let seen: Seen
  let shown: Shown

  beforeAll(async () => {
    den = await startNode('den', [], { settings: { 'engines.echo': true } })
    attic = await startNode('attic', [den])
    await meets(den, attic)
    const observer = await forger()
    await observer.dialer.dial(attic.status())
    seen = observer.seen()
    await observer.dialer[Symbol.asyncDispose]()
    // The certificates and the manifest it has from another member.
    await using accomplice = await HostilePeer.member(den)
    shown = await accomplice.hello(await accomplice.dial(attic), await accomplice.sealed())
  })
  afterAll(async () => {
    await attic[Symbol.asyncDispose]()
    await den[Symbol.asyncDispose]()
  })

  it.each([
    ['in a serial number with a long tag', hiddenInSerial],
    ['behind a version with a long tag', hiddenByVersion]
  ])('is refused at the handshake, with the key of the member %s', async (_, hide) => {
    const forged = await forger(seen, hide)
    await using dialer = forged.dialer
    assert.deepEqual(await passAs({ dialer }, shown, den.status()), { frames: [], answered: false })
  })

  it('is refused at the hello when its own certificate is right', async () => {
    await using dialer = await Dialer.create()
    const { frames, answered } = await passAs({ dialer }, shown, den.status())
    assert.deepEqual([frames.slice(0, 2), answered], [[FRAME.hello, FRAME.refuse], false])
  })
})
