/** Spaces that this device carries: it has the envelopes and no key. The right to read may come and go. */

import { LumosError } from '../../../interface/errors.ts'
import { encodeEnvelope } from '../../../protocols/memory/envelope.ts'
import type { Bases } from './bases.ts'
import type { Checkpoints } from './checkpoints.ts'
import type { Documents } from './documents.ts'
import type { Intake } from './intake.ts'
import { carriedName } from './local.ts'
import type { Parts } from './parts.ts'
import { problemOf } from './problem.ts'
import { rightIn } from './rights.ts'
import { rewind } from './rivals.ts'
import type { Space } from './space.ts'

const PAGE_ROWS = 1024

interface CarriageRooms {
  readonly documents: Documents
  readonly bases: Bases
  readonly checkpoints: Checkpoints
  readonly intake: Intake
}

export class Carriage {
  readonly #parts: Parts
  readonly #rooms: CarriageRooms

  constructor(parts: Parts, rooms: CarriageRooms) {
    this.#parts = parts
    this.#rooms = rooms
  }

  /** Whether this device may no more than carry it. Before its role is known, that is not known. */
  isMeant({ charter: { charter } }: Pick<Space, 'charter'>): boolean {
    const { key, mesh } = this.#parts
    return mesh.device(key.peerId) !== undefined && rightIn(charter, key.peerId, mesh) === 'carry'
  }

  /** Where this device may no longer read: its keys go, and all that it has opened. */
  follow(space: Space): void {
    if (space.carried || !this.isMeant(space)) return
    const { log, emit } = this.#parts
    this.#rooms.documents.drop(space)
    log.dropDocs(space.row)
    log.giveBack()
    space.dropKeys()
    space.carried = true
    space.localName = carriedName(space.id)
    space.keepLocal(null)
    space.weigh()
    emit({ type: 'space', space: space.id, gone: false })
  }

  /** The key came: what was carried is checked as if it came now. Nothing else here may have all of it. */
  read(space: Space, name: string): void {
    const { checkpoints } = this.#rooms
    space.carried = false
    try {
      checkpoints.open(space)
    } catch (thrown) {
      if (!(thrown instanceof LumosError) || thrown.code.startsWith('STORE_')) throw thrown
      // A better checkpoint may come. Until then the space is carried as before.
      space.carried = true
      this.#parts.emit(problemOf(space, thrown))
      return
    }
    space.localName = name
    space.keepLocal(space.key)
    this.#takeAgain(space)
    space.weigh()
  }

  /** Each chain from where the checkpoint ends. A number that its writer signed twice stays where it is. */
  #takeAgain(space: Space): void {
    const { log, key } = this.#parts
    const frozen = [...space.writers.values()].flatMap(writer => {
      const at = writer.head.frozen
      return at === undefined ? [] : [{ writer, at }]
    })
    const begins = rewind(this.#rooms.bases, space)
    const last = log.lastId(space.row)
    for (let from = 0; from <= last; ) {
      const rows = log.index(space.row, from, PAGE_ROWS).filter(({ id }) => id <= last)
      for (const { id, writer, seq } of rows) {
        if (seq <= (begins.get(writer) ?? 0)) continue
        const wire = encodeEnvelope(log.byId(id))
        log.drop(id)
        this.#rooms.intake.accept(space, [wire], key.peerId)
      }
      if (rows.length === 0) break
      from = rows.at(-1)!.id + 1
    }
    for (const { writer, at } of frozen) {
      if (writer.head.seq === at - 1) space.moveHead(writer, { ...writer.head, frozen: at })
      else log.dropProofs(writer.id)
    }
  }
}
