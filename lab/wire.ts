/**
 * A link in user space: carries Ethernet frames between two macvtap devices, later
 * and fewer than they came. A program of its own, started by `link.ts`:
 *
 *     node wire.ts NEAR FAR MODEL
 *
 * How late, and which are lost, is decided by the same model as in the
 * simulation. The rate is the kernel's part. The order of frames is kept, as
 * Wi-Fi and mobile networks do.
 */

import { writeSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { systemClock } from '../interface/clock.ts'
import { Link } from '../sim/network/link.ts'
import { LinkModel } from '../sim/network/link-model.ts'

/** The largest packet, with Ethernet's header and the one of ten bytes that the kernel puts before it. */
const READ_BYTES = 65_536 + 64
/** What is under way at one time; a queue in front of the link is the kernel's. */
const UNDER_WAY_MAX = 20_000
/** A timer may fire a part of a millisecond early. */
const EARLY_MS = 0.5
/** The link behind is down, or its queue is full: the frame is lost, as on any cable. */
const LOST_ERRNOS = new Set(['EIO', 'ENOBUFS', 'EAGAIN', 'ENETDOWN', 'ENXIO'])

/** One direction. */
class Carrier {
  readonly #link: Link
  readonly #deliver: (frame: Buffer) => void
  readonly #underWay: { readonly frame: Buffer; readonly dueMs: number }[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(model: LinkModel, deliver: (frame: Buffer) => void) {
    this.#link = new Link(systemClock, Math.random, model)
    this.#deliver = deliver
  }

  take(frame: Buffer): void {
    if (this.#link.losesPacket() || this.#underWay.length >= UNDER_WAY_MAX) return
    const dueMs = performance.now() + this.#link.travelMs()
    this.#underWay.push({ frame, dueMs: Math.max(dueMs, this.#underWay.at(-1)?.dueMs ?? 0) })
    this.#wait()
  }

  #wait(): void {
    const next = this.#underWay[0]
    if (next === undefined || this.#timer !== undefined) return
    this.#timer = setTimeout(() => this.#deliverDue(), Math.max(next.dueMs - performance.now(), 0))
  }

  #deliverDue(): void {
    this.#timer = undefined
    const nowMs = performance.now() + EARLY_MS
    while (this.#underWay[0] !== undefined && this.#underWay[0].dueMs <= nowMs) {
      this.#deliver(this.#underWay.shift()!.frame)
    }
    this.#wait()
  }
}

/** For ever: the lab ends this process. */
async function carry(from: FileHandle, to: FileHandle, model: LinkModel): Promise<void> {
  const carrier = new Carrier(model, frame => {
    try {
      writeSync(to.fd, frame)
    } catch (err) {
      if (!LOST_ERRNOS.has((err as NodeJS.ErrnoException).code ?? '')) throw err
    }
  })
  const buffer = Buffer.allocUnsafe(READ_BYTES)
  for (;;) {
    const { bytesRead } = await from.read(buffer, 0, buffer.length, null)
    carrier.take(Buffer.from(buffer.subarray(0, bytesRead)))
  }
}

const [nearPath, farPath, json] = process.argv.slice(2)
const model = LinkModel.parse(JSON.parse(json!))
const [near, far] = await Promise.all([open(nearPath!, 'r+'), open(farPath!, 'r+')])
console.log('ready')
await Promise.race([carry(near, far, model), carry(far, near, model)])
