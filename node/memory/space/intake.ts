/**
 * The one place where envelopes of other devices come in. Each is checked in order: form, right, signature, chain, box,
 * document; then it is applied and written. What fails changes nothing and names its writer.
 */

import { LumosError } from '../../../interface/errors.ts'
import { checkSignature, type Envelope, equal, openEnvelope } from '../../../protocols/memory/envelope.ts'
import { type Placed, place } from '../log/chain-core.ts'
import type { Batch } from '../types.ts'
import type { Accepted, Refused } from '../worker/engine.ts'
import { appendEnvelope } from './append.ts'
import type { Bases } from './bases.ts'
import { nameOf, openBatch } from './batches.ts'
import type { Documents } from './documents.ts'
import { freeze, keepProof, otherHalf } from './equivocation.ts'
import { learnKeys } from './lost-keys.ts'
import { isIn, isRefusal } from './open-document.ts'
import type { Parts } from './parts.ts'
import { atLeast, counts, endOf, rightIn } from './rights.ts'
import { checkRoom } from './room.ts'
import type { Space, Writer } from './space.ts'

type Taken = 'taken' | 'known' | 'waits' | 'brought'

export class Intake {
  readonly #parts: Parts
  readonly #documents: Documents
  readonly #bases: Bases
  /** Of envelopes that broke a document, or that this thread never got done with; hex. */
  readonly #poison: Map<string, string>

  constructor(parts: Parts, documents: Documents, bases: Bases) {
    this.#bases = bases
    this.#parts = parts
    this.#documents = documents
    this.#poison = new Map(parts.spaces.poison().map(({ hash, why }) => [hex(hash), why]))
  }

  accept(space: Space, wires: readonly Uint8Array[], from: string): Accepted {
    let taken = 0
    const refused: Refused[] = []
    const attempt = (envelope: Envelope, from: string): Taken | undefined => {
      try {
        const result = this.#take(space, envelope, from)
        if (result === 'taken') taken++
        return result
      } catch (thrown) {
        refused.push(this.#refusal(space, envelope, thrown))
        return undefined
      }
    }
    for (const wire of wires) {
      let envelope: Envelope
      try {
        envelope = openEnvelope(wire)
        if (!equal(envelope.space, space.name)) throw invalid(envelope, 'is of another space')
      } catch (thrown) {
        refused.push(this.#refusal(space, null, thrown))
        continue
      }
      const taken = attempt(envelope, from)
      if (taken === 'taken' || taken === 'brought') this.#takeWaiting(space, attempt)
    }
    // What depends on a number that does not count waits for it no longer.
    if (refused.some(({ code }) => code === 'MEMORY_EQUIVOCATED')) this.#takeWaiting(space, attempt)
    return { taken, waiting: space.pending.size, refused }
  }

  /** What waited may follow now: also after a charter that brought a key or a right. */
  retry(space: Space): void {
    this.#takeWaiting(space, (envelope, from) => {
      try {
        return this.#take(space, envelope, from)
      } catch (thrown) {
        this.#refusal(space, envelope, thrown)
        return undefined
      }
    })
  }

  #takeWaiting(space: Space, attempt: (envelope: Envelope, from: string) => Taken | undefined): void {
    for (let moved = true; moved; ) {
      moved = false
      for (const name of space.pending.writers()) {
        const next = (space.writers.get(name)?.head.seq ?? 0) + 1
        space.pending.dropUpTo(name, next - 1)
        const waiting = space.pending.get(name, next)
        if (waiting === undefined) continue
        const result = attempt(waiting.envelope, waiting.from)
        if (result !== 'waits' && result !== 'brought') space.pending.drop(name, next)
        moved ||= result === 'taken'
      }
    }
  }

  #take(space: Space, envelope: Envelope, from: string): Taken {
    const poison = this.#poison.get(hex(envelope.hash))
    if (poison !== undefined) throw new LumosError('MEMORY_POISON', poison)
    const writer = space.writer(envelope)
    const known = writer && this.#hashOf(writer, envelope.seq)
    const after = envelope.after.map(on => space.dependency(on))
    const placed = place(envelope, writer?.head.seq === 0 ? undefined : writer?.head, known, after)
    if (placed.type === 'known') {
      if (writer?.head.frozen === envelope.seq) keepProof(this.#parts, space, writer, envelope)
      return 'known'
    }
    this.#admit(space, envelope)
    checkSignature(envelope)
    if (placed.type === 'equivocated')
      this.#freeze(space, writer!, this.#parts.log.get(writer!.id, envelope.seq)!, envelope)
    if (envelope.box === null && !space.isForgotten(envelope.tag)) {
      const other = otherHalf(space, envelope)
      if (other === undefined) return 'known'
      this.#freeze(space, writer ?? space.addWriter(envelope), other, envelope)
    }
    return this.#placed(space, envelope, placed, from)
  }

  #freeze(
    space: Space,
    writer: Writer,
    first: Pick<Envelope, 'hash' | 'head' | 'signature'>,
    second: Envelope
  ): never {
    freeze(this.#parts, space, writer, first, second)
    this.#documents.rebuild(space)
    // Sync states the proof from now on.
    this.#parts.emit({ type: 'space', space: space.id, gone: false })
    throw equivocated(second)
  }

  #placed(space: Space, envelope: Envelope, placed: Placed, from: string): Taken {
    if (placed.type === 'invalid') throw invalid(envelope, placed.why)
    // A carrier opens no box, so it waits for no key.
    const isReadable = envelope.box === null || space.carried || space.keyring.has(envelope.box)
    if (placed.type === 'waits' || !isReadable) {
      space.pending.add(envelope, from)
      // It may bring the key that the one before it waits for.
      return isReadable && this.#learn(space, envelope) ? 'brought' : 'waits'
    }
    checkRoom(this.#parts, this.#bases, space, envelope.device)
    try {
      this.#apply(space, envelope, from)
      return 'taken'
    } catch (thrown) {
      if (!(thrown instanceof LumosError) || thrown.details.waits !== true) throw thrown
      // Its writer left out what it depends on. A device that has that takes it, so this one waits for it.
      space.pending.add(envelope, from)
      return 'waits'
    }
  }

  /** Envelopes of a device without a right are taken only as far as the charter says, or others were written on them. */
  #admit(space: Space, envelope: Envelope): void {
    const { charter } = space.charter
    const { device, life, seq } = envelope
    const ended = charter.ended.find(one => one.device === device)
    const isListed = ended?.lives.some(one => one.life === life) ?? false
    const mayWrite = atLeast(rightIn(charter, device, this.#parts.mesh), 'write')
    if (isListed || mayWrite ? seq <= endOf(charter, { device, life }) : false) return
    if (space.pending.wants(envelope)) return
    throw new LumosError('MEMORY_DENIED', `${device} may not write to the space ${space.id}.`)
  }

  #apply(space: Space, envelope: Envelope, from: string): void {
    const isForgotten = space.isForgotten(envelope.tag)
    if (envelope.box === null && !isForgotten) throw invalid(envelope, 'came without its box')
    const writer = space.writer(envelope) ?? space.addWriter(envelope)
    if (space.carried) {
      this.#append(space, writer, isForgotten ? { ...envelope, box: null } : envelope, null, from)
      return
    }
    const batch = isForgotten ? null : openBatch(space, envelope as Envelope & { box: Uint8Array })
    learnKeys(space, envelope.device, batch?.keys ?? [])
    const keys = batch === null ? [] : this.#change(space, envelope, writer, batch)
    this.#append(space, writer, { ...envelope, box: batch === null ? null : envelope.box }, batch, from)
    if (batch === null || !counts(space.charter.charter, writer, envelope.seq)) return
    const change = { space: space.id, doc: nameOf(batch.doc), writer: writer.device, keys }
    this.#parts.emit({ type: 'changed', change })
  }

  #change(space: Space, envelope: Envelope, writer: Writer, batch: Batch): readonly string[] | null {
    const { applying } = this.#parts
    const document = this.#documents.open(space, batch.doc, batch.kind, writer.device)
    if (!isIn(space, writer, envelope.seq, batch.kind)) return []
    applying(envelope.hash)
    try {
      return this.#documents.apply(document, batch.update, writer, { clock: envelope.clock, isNew: true })
    } catch (thrown) {
      if (isRefusal(thrown)) throw thrown
      this.#documents.drop(space, document.tag)
      const why = `Envelope ${envelope.seq} of ${envelope.device} breaks the document: ${(thrown as Error).message}.`
      this.addPoison(envelope.hash, why)
      throw new LumosError('MEMORY_POISON', why, { cause: thrown })
    } finally {
      applying(null)
    }
  }

  #append(space: Space, writer: Writer, envelope: Envelope, batch: Batch | null, from: string): void {
    appendEnvelope(this.#parts, space, writer, envelope, id => {
      if (batch === null || !isIn(space, writer, envelope.seq, batch.kind)) return
      const document = this.#documents.open(space, batch.doc, batch.kind)
      this.#documents.touched(document, writer, id, envelope.box!.length)
    })
    const head = {
      writer: { device: writer.device, life: writer.life },
      seq: envelope.seq,
      hash: envelope.hash
    }
    this.#parts.emit({ type: 'appended', space: space.id, head, from })
  }

  #learn(space: Space, envelope: Envelope): boolean {
    if (envelope.box === null || space.carried || space.isForgotten(envelope.tag)) return false
    const { keys = [] } = openBatch(space, envelope as Envelope & { box: Uint8Array })
    return learnKeys(space, envelope.device, keys)
  }

  addPoison(hash: Uint8Array, why: string): void {
    this.#poison.set(hex(hash), why)
    this.#parts.spaces.addPoison(hash, why)
  }

  #hashOf({ id, head }: Writer, seq: number): Uint8Array | undefined {
    return seq > head.seq ? undefined : this.#parts.log.get(id, seq)?.hash
  }

  #refusal(space: Space, envelope: Envelope | null, thrown: unknown): Refused {
    if (!(thrown instanceof LumosError) || thrown.code.startsWith('STORE_')) throw thrown
    // Before the signature was checked, an envelope proves nothing about the writer that it names.
    const isProven = envelope !== null && thrown.code !== 'MEMORY_FORGED' && thrown.code !== 'MEMORY_DENIED'
    const writer = isProven ? { device: envelope.device, life: envelope.life } : null
    const refused = { code: thrown.code, writer, message: thrown.message }
    this.#parts.emit({ type: 'problem', space: space.id, refused })
    return refused
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const equivocated = ({ seq, device }: Envelope): LumosError =>
  new LumosError('MEMORY_EQUIVOCATED', `${device} signed two envelopes of the number ${seq}.`)

const invalid = ({ seq, device }: Envelope, why: string): LumosError =>
  new LumosError('MEMORY_INVALID', `Envelope ${seq} of ${device} ${why}.`)
