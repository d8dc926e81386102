/** A member that takes a space as any device does, and sends what it wishes of it. */

import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Connection, Stream } from '@libp2p/interface'
import type { LumosNode } from '../../interface/node.ts'
import { MEMORY_PROTOCOL } from '../../protocols/memory/index.ts'
import {
  batches,
  Charters,
  Envelopes,
  encodeOffer,
  encodeWant,
  FRAME
} from '../../protocols/memory/messages.ts'
import { decodeControl, encodeControl } from '../../protocols/wire/control.ts'
import { FrameStream } from '../../protocols/wire/frames.ts'
import type { HostilePeer } from '../node/hostile-peer.ts'
import { type Device, device, temporaryHome } from '../node/memory/engines.ts'

export class HostileWriter {
  readonly #hostile: HostilePeer
  readonly #space: string
  readonly #home = temporaryHome()
  readonly engine: Device

  private constructor(hostile: HostilePeer, space: string) {
    this.#hostile = hostile
    this.#space = space
    this.engine = this.#open(this.#home)
  }

  /** With what the owner of this space has: it must be shared with the peer, and nothing else. */
  static async join(hostile: HostilePeer, owner: LumosNode, space: string): Promise<HostileWriter> {
    const streams = Promise.withResolvers<Stream>()
    await hostile.libp2p.handle(MEMORY_PROTOCOL, stream => streams.resolve(stream), { force: true })
    await owner.memory.share(space, { peerId: hostile.peerId }, 'write')
    const frames = new FrameStream(await streams.promise)
    const writer = new HostileWriter(hostile, space)
    await frames.write(FRAME.want, encodeWant({ space, version: 0, checkpoint: 0, heads: [] }))
    for (;;) {
      const { type, body } = (await frames.read())!
      if (type === FRAME.end) return writer
      if (type === FRAME.charters) {
        const bundle = decodeControl(Charters, body)
        writer.engine.do(engine => engine.acceptCharters(space, bundle, owner.peerId))
      }
      if (type === FRAME.envelopes) {
        const { envelopes } = decodeControl(Envelopes, body)
        writer.engine.do(engine => engine.accept(space, envelopes, owner.peerId))
      }
    }
  }

  #open(home: string): Device {
    const { key, mesh, peerId } = this.#hostile
    const opened = device('hostile', { home, seed: key.raw.slice(0, 32), file: 'same' })
    opened.do(engine => engine.setMembers(mesh, [{ peerId, role: 'guest', revoked: false }]))
    return opened
  }

  /** What it writes after now, as if nothing else had come of it: each time from the same number on. */
  branch(write: (at: Device) => void): Uint8Array[] {
    const heads = this.engine.do(engine => engine.statesFor(this.#hostile.peerId))[0]!.heads
    const home = temporaryHome()
    this.engine.do(() => {})
    copyFileSync(join(this.#home, 'memory.db'), join(home, 'memory.db'))
    copyFileSync(join(this.#home, 'memory.db-wal'), join(home, 'memory.db-wal'))
    const copy = this.#open(home)
    write(copy)
    return copy.do(engine => engine.envelopesAfter(this.#space, heads, 1e9))
  }

  /** Offers the space to a node, and sends these when it wants it. */
  async send(connection: Connection, envelopes: readonly Uint8Array[]): Promise<FrameStream> {
    const space = this.#space
    const { charter } = this.engine.do(engine => engine.statesFor(this.#hostile.peerId))[0]!
    const frames = new FrameStream(await connection.newStream(MEMORY_PROTOCOL))
    const stated = { version: charter.version, charter: Buffer.from(charter.hash).toString('hex') }
    const offer = { space, ...stated, digest: 'ab'.repeat(32), content: null, checkpoint: 0 }
    await frames.write(FRAME.offer, encodeOffer(offer))
    await frames.read()
    for (const batch of batches(envelopes))
      await frames.write(FRAME.envelopes, encodeControl({ space, envelopes: batch }))
    await frames.write(FRAME.end, encodeControl({ space }))
    return frames
  }
}
