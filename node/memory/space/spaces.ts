/** The spaces of this device, and the parts that work on them. */

import { LumosError } from '../../../interface/errors.ts'
import { type DocKind, SpaceId, SpaceName, type SpacePart } from '../../../interface/memory.ts'
import { spaceText } from '../../../protocols/memory/charter.ts'
import { Author, refOf } from './author.ts'
import { Bases } from './bases.ts'
import { newLife } from './boxes.ts'
import { Carriage } from './carriage.ts'
import { Charters } from './charters.ts'
import { Checkpoints } from './checkpoints.ts'
import { Contents } from './contents.ts'
import { Documents } from './documents.ts'
import { dropLog } from './drop-log.ts'
import { Intake } from './intake.ts'
import { sealedLocal } from './local.ts'
import { noDocument, noSpace } from './not-found.ts'
import type { OpenDocument } from './open-document.ts'
import type { Parts } from './parts.ts'
import { rightIn } from './rights.ts'
import { Space } from './space.ts'
import { Tending } from './tending.ts'

const SPACES_MAX = 512
/** Of one creator, this device or another: no member fills the room of all others. */
const CREATED_MAX = 128

export class Spaces {
  readonly parts: Parts
  readonly bases: Bases
  readonly documents: Documents
  readonly contents: Contents
  readonly intake: Intake
  readonly carriage: Carriage
  readonly charters: Charters
  readonly checkpoints: Checkpoints
  readonly tending: Tending
  readonly author: Author
  /** By id. */
  readonly #spaces = new Map<string, Space>()
  readonly #gone = new Map<string, Space>()

  /** @param file what tells the database's file from a copy of it: a copy writes in lives of its own. */
  constructor(parts: Parts, file: string) {
    this.parts = parts
    this.bases = new Bases(parts)
    this.documents = new Documents(parts, this.bases)
    this.contents = new Contents(parts, this.documents)
    this.intake = new Intake(parts, this.documents, this.bases)
    this.checkpoints = new Checkpoints(parts, this.documents, this.bases, this.intake)
    this.carriage = new Carriage(parts, this)
    this.charters = new Charters(parts, this)
    this.tending = new Tending(parts, this.bases, this.checkpoints)
    this.author = new Author(parts, this.documents, this.bases)
    const isCopy = parts.spaces.file !== undefined && parts.spaces.file !== file
    if (isCopy) for (const { id } of parts.spaces.all()) parts.spaces.keepLife(id, newLife())
    if (parts.spaces.file !== file) parts.spaces.file = file
    this.reload()
  }

  /** From disk, as at the start. */
  reload(): void {
    this.#spaces.clear()
    this.#gone.clear()
    this.documents.forgetAll()
    this.bases.forget()
    for (const row of this.parts.spaces.all())
      (row.gone === 0 ? this.#spaces : this.#gone).set(spaceText(row.name), new Space(this.parts, row))
  }

  /** @param gone with those that every device is to forget. */
  list({ gone = false } = {}): Space[] {
    const told = gone ? [...this.#gone.values()].filter(({ charter }) => charter.charter.gone) : []
    return [...this.#spaces.values(), ...told]
  }

  add(space: Space): Space {
    this.#spaces.set(space.id, space)
    return space
  }

  isGone(id: string): boolean {
    return this.#gone.has(id)
  }

  find(id: string): Space | undefined {
    return this.#spaces.get(id)
  }

  /** Also one that is to be forgotten, so that others learn of it. */
  known(id: string): Space {
    const space = this.#spaces.get(id) ?? this.#gone.get(id)
    if (space !== undefined) return space
    throw noSpace(id)
  }

  /** One that is not to be forgotten: nothing more of that is kept. */
  living(id: string): Space {
    const space = this.#spaces.get(id)
    if (space === undefined) throw noSpace(id)
    return space
  }

  named(name: string): Space | undefined {
    return [...this.#spaces.values()].find(({ localName }) => localName === name)
  }

  /** By its id or its name here, also one that this device only carries. */
  held(ref: string): Space {
    const space = this.#spaces.get(ref) ?? this.named(ref)
    if (space === undefined)
      throw noSpace(
        ref,
        [...this.#spaces.values()].map(({ localName }) => localName)
      )
    if (!space.carried) void space.key
    return space
  }

  /** Which part of its past this device keeps from now on. */
  hold(ref: string, part: SpacePart): Space {
    const space = this.held(ref)
    space.part = part
    space.keepLocal(space.keyring.newest(space.charter.charter) ?? null)
    dropLog(this.parts, this.bases, space)
    return space
  }

  /** By its id or its name here. */
  readable(ref: string): Space {
    const space = this.held(ref)
    // Throws where the key has not come.
    void space.key
    return space
  }

  /** @throws {LumosError} `MEMORY_FULL`. */
  checkRoom(creator: string): void {
    if (this.#spaces.size >= SPACES_MAX)
      throw new LumosError('MEMORY_FULL', `This device has ${SPACES_MAX} spaces, which is the most.`)
    // What another device made and forgot still takes its place: its charters are kept for ever.
    const kept = creator === this.parts.key.peerId ? [] : this.#gone.values()
    const created = [...this.#spaces.values(), ...kept].filter(
      ({ charter }) => charter.charter.creator === creator
    )
    if (created.length >= CREATED_MAX)
      throw new LumosError(
        'MEMORY_FULL',
        `This device has ${CREATED_MAX} spaces of ${creator}, which is the most.`
      )
  }

  /** No space that others share takes the name of one that is here, or one that cannot be typed. */
  freeName(name: string): string {
    const plain = SpaceName.safeParse(name).success ? name : 'space'
    if (this.named(plain) === undefined && !SpaceId.safeParse(plain).success) return plain
    for (let n = 2; ; n++) {
      const free = `${plain.slice(0, 58)}-${n}`
      if (this.named(free) === undefined) return free
    }
  }

  /** @param kind where several documents have that name; else the first of them. */
  existing(space: Space, doc: string, kind?: DocKind): OpenDocument {
    const named = this.documents.named(space, refOf(space, doc))
    const found = kind === undefined ? named[0] : named.find(one => one.kind === kind)
    if (found !== undefined) return this.documents.open(space, found.name, found.kind)
    throw noDocument(space.localName, doc, this.documents.names(space), kind)
  }

  forgetDocument(space: Space, doc: string): void {
    const ref = refOf(space, doc)
    const tags = this.documents
      .names(space)
      .filter(({ name }) => name === ref)
      .map(({ tag }) => tag)
    if (tags.length === 0) throw noDocument(space.localName, doc, this.documents.names(space))
    const times = new Map(space.secrets.forgotten)
    times.set(doc, (times.get(doc) ?? 0) + 1)
    const forgotten = [...space.charter.charter.forgotten, ...tags]
    this.charters.amend(space, { forgotten, secrets: { ...space.secrets, forgotten: [...times] } })
  }

  forget(space: Space): void {
    const isOwner = rightIn(space.charter.charter, this.parts.key.peerId, this.parts.mesh) === 'own'
    // Where the space was never shared, no other device needs to be told.
    if (isOwner && space.charter.charter.mesh !== null) this.charters.amend(space, { gone: true })
    this.remove(space)
  }

  /** All of it but its charters leaves the disk, the key with it. */
  remove(space: Space): void {
    const { spaces, homeKey } = this.parts
    this.documents.drop(space)
    this.bases.forget(space)
    spaces.empty(space.row, sealedLocal(homeKey, { name: '', key: null }))
    this.#spaces.delete(space.id)
    const row = spaces.all().find(({ id }) => id === space.row)!
    this.#gone.set(space.id, new Space(this.parts, row))
    this.parts.log.giveBack()
    this.parts.emit({ type: 'space', space: space.id, gone: true })
  }
}
