/**
 * T8 as far as there is a DHT to lie in. Nobody provides anything in it yet
 * (`dht.test.ts` shows that nobody can), so what half of its servers can lie about
 * is who is near, and where somebody is. This proves that such lies lead nobody
 * astray: a member is found where its own manifest says that it is, no connection is
 * made to an address that a server made up or for a peer that it made up, and what the
 * honest half says still brings members together.
 */

import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DrivenNode } from '../../sim/driven-node.ts'
import { HostilePeer } from '../node/hostile-peer.ts'
import { knows, meets, startNode } from '../node/mesh-nodes.ts'
import { DHT_TYPE, dhtMessage, type Hint } from './dht-messages.ts'
import { becomes } from './measures.ts'

const SERVERS = 6
const LIARS = SERVERS / 2
/** As many peers as an answer may name. */
const HINTS = 20
const INVENTED = 100
const WATCHED_MS = 5000
/** A dial that waits at a wrong address takes six seconds for each; there were twenty. */
const ANSWERED_MS_MAX = 10_000

const SETTINGS = { 'engines.echo': true, 'swarm.dht': true }
const request = { model: 'echo', input: { messages: [{ role: 'user', content: 'well?' }] } }

/** Takes every connection and says nothing on it, at as many ports as a peer may have addresses. */
class Trap implements AsyncDisposable {
  readonly #servers: Server[] = []
  readonly #sockets: Socket[] = []
  addresses: Uint8Array[] = []

  static async open(): Promise<Trap> {
    const trap = new Trap()
    for (let i = 0; i < HINTS; i++) {
      const server = createServer(socket => trap.#sockets.push(socket.on('error', () => {})))
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      trap.#servers.push(server)
      const { port } = server.address() as { port: number }
      trap.addresses.push(multiaddr(`/ip4/127.0.0.1/tcp/${port}`).bytes)
    }
    return trap
  }

  get dials(): number {
    return this.#sockets.length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(this.#servers.map(server => new Promise(resolve => server.close(resolve))))
  }
}

describe('half of the servers of the DHT, lying', () => {
  const honest: DrivenNode[] = []
  const liars: HostilePeer[] = []
  let wanted: DrivenNode
  let asker: DrivenNode
  let trap: Trap
  let asked = 0

  /** Answers everything with the wanted peer and peers that it made up, all where nobody is. */
  async function lie(peer: HostilePeer, invented: readonly Uint8Array[]): Promise<void> {
    await peer.libp2p.handle(`/lumos/${peer.mesh}/kad/1.0.0`, stream => {
      stream.addEventListener('message', () => {
        const from = (asked++ * HINTS) % INVENTED
        const names = [...invented.slice(from, from + HINTS - 1)]
        const hints: Hint[] = [wantedId(), ...names].map(id => ({ id, addresses: trap.addresses }))
        const answer = dhtMessage({ type: DHT_TYPE.findNode, closer: hints, providers: hints })
        if (stream.status === 'open') stream.send(answer)
      })
    })
  }
  /** With an address of its own, or nobody would ask it. */
  const greet = async (liar: HostilePeer, node: DrivenNode): Promise<void> => {
    const addresses = liar.libp2p.getMultiaddrs().map(String)
    await liar.hello(await liar.dial(node), await liar.sealed({ name: 'liar', capabilities: [], addresses }))
  }
  const wantedId = (): Uint8Array => multiaddr(`/p2p/${wanted.peerId}`).bytes.subarray(3)

  beforeAll(async () => {
    trap = await Trap.open()
    const founder = await startNode('honest-0', [], { settings: SETTINGS })
    honest.push(founder)
    wanted = await startNode('wanted', [founder], { settings: SETTINGS })
    const invented: Uint8Array[] = []
    while (invented.length < INVENTED) {
      invented.push(peerIdFromPrivateKey(await generateKeyPair('Ed25519')).toMultihash().bytes)
    }
    for (let i = 0; i < LIARS; i++) {
      const liar = await HostilePeer.member(founder)
      await lie(liar, invented)
      liars.push(liar)
    }
  }, 60_000)
  afterAll(async () => {
    await Promise.all([...honest, wanted, asker].map(node => node.stop({ drainMs: 0 })))
    await Promise.all(liars.map(liar => liar[Symbol.asyncDispose]()))
    await trap[Symbol.asyncDispose]()
  })

  it('keep nobody from a member that says itself where it is, and send nobody astray', async () => {
    const [founder] = honest
    asker = await startNode('asker', [founder!], { settings: { ...SETTINGS, 'swarm.peers': [] } })
    for (const liar of liars) await greet(liar, asker)
    const beganMs = performance.now()
    await becomes('the asker has asked every liar', 20_000, () => asked >= LIARS)
    // Only now somebody comes who does not lie.
    honest.push(await startNode('honest-1', [founder!, asker], { settings: SETTINGS }))
    await knows(asker, wanted)
    const calledMs = performance.now()
    expect(await Array.fromAsync(asker.infer(request, { peer: wanted.peerId }))).toHaveLength(2)
    const tookMs = performance.now() - calledMs
    await setTimeout(Math.max(0, beganMs + WATCHED_MS - performance.now()))
    console.log(
      `T8: ${LIARS} of ${SERVERS} servers lied ${asked} times; the wanted peer answered after ${Math.round(tookMs)} ms; ${trap.dials} dials went astray in ${WATCHED_MS / 1000} s`
    )
    expect(tookMs).toBeLessThan(ANSWERED_MS_MAX)
    expect(trap.dials).toBe(0)
  }, 60_000)

  it('keep nobody from those whom the honest half knows', async () => {
    const [founder, other] = honest
    await using newcomer = await startNode('newcomer', [founder!], { settings: SETTINGS })
    for (const liar of liars) await greet(liar, newcomer)
    await Promise.all([meets(newcomer, wanted), meets(newcomer, other!)])
    expect(trap.dials).toBe(0)
  })
})
