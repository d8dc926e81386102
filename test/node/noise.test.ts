import assert from 'node:assert/strict'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p, type Libp2p, type Libp2pOptions } from 'libp2p'
import { afterEach, describe, it } from 'vitest'
import { noiseOnDemand } from '../../node/network/noise.ts'

const started: Libp2p[] = []
afterEach(() => Promise.all(started.splice(0).map(peer => peer.stop())))

async function startPeer(encrypters: Libp2pOptions['connectionEncrypters']): Promise<Libp2p> {
  const peer = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: encrypters,
    streamMuxers: [yamux()]
  })
  started.push(peer)
  return peer
}

describe('noise that is loaded on demand', () => {
  it('meets a peer that speaks nothing else, whoever dials', async () => {
    const [ours, theirs] = [await startPeer([noiseOnDemand()]), await startPeer([noise()])]
    const outbound = await ours.dial(theirs.getMultiaddrs())
    assert.equal(outbound.encryption, '/noise')
    assert.equal(outbound.remotePeer.toString(), theirs.peerId.toString())

    await outbound.close()
    const inbound = await theirs.dial(ours.getMultiaddrs())
    assert.equal(inbound.encryption, '/noise')
  })
})
