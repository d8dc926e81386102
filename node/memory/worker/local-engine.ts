/** All that the thread of memory can be asked for, in one thread and without waiting. The caller commits. */

import type { Clock } from '../../../interface/clock.ts'
import { LumosError } from '../../../interface/errors.ts'
import {
  type DocContent,
  type DocInfo,
  type DocKind,
  type ExportFormat,
  type MemoryChange,
  type MemoryFileInfo,
  type MemoryHistoryItem,
  type MemoryValue,
  type ReadDocOptions,
  type SpaceGrant,
  SpaceId,
  type SpaceInfo,
  type SpacePart,
  type SpaceRight
} from '../../../interface/memory.ts'
import type { SigningKey } from '../../../protocols/memory/signed.ts'
import type { Database } from '../../../storage/database/database.ts'
import { LogTable } from '../../../storage/memory/log-table.ts'
import { SpaceTable } from '../../../storage/memory/space-table.ts'
import { VectorTable } from '../../../storage/memory/vector-table.ts'
import type { FileFact, PutFile } from '../knowledge/file-fact.ts'
import { files, putFile, removeFile, wholeFile } from '../knowledge/kept-files.ts'
import { Recall } from '../recall/recall.ts'
import type { Embedded, EngineQuery, EngineSearch, Unembedded } from '../recall/types.ts'
import { nameOf } from '../space/batches.ts'
import { homeKey } from '../space/boxes.ts'
import { exportedAs, importedFrom } from '../space/moving.ts'
import { history, infoOf, newest } from '../space/reading.ts'
import { Spaces } from '../space/spaces.ts'
import { verify } from '../space/verify.ts'
import type { OpenDoc } from '../types.ts'
import type { EngineEvent, EngineMember } from './engine.ts'
import { SyncCalls } from './sync-calls.ts'

export interface LocalEngineComponents {
  readonly database: Database
  /** What tells the database's file from a copy of it. */
  readonly file: string
  readonly key: SigningKey
  readonly clock: Clock
  readonly openDoc: OpenDoc
  readonly spaceBytesMax: number
  emit(event: EngineEvent): void
  applying(hash: Uint8Array | null): void
}

const HISTORY_MAX = 1000

export class LocalEngine extends SyncCalls {
  readonly #recall: Recall

  constructor({ database, file, key, clock, openDoc, spaceBytesMax, emit, applying }: LocalEngineComponents) {
    const mesh = { id: null, self: key.peerId, device: () => undefined, peerIds: () => [] }
    let recall: Recall | undefined
    const given = {
      ...{ spaceBytesMax, applying, spaces: new SpaceTable(database), log: new LogTable(database) },
      openDoc: (...[kind, snapshot, excluded]: Parameters<OpenDoc>) =>
        openDoc(kind, snapshot, excluded, () => applying(null)),
      emit(event: EngineEvent) {
        recall?.noticed(event)
        emit(event)
      }
    }
    super(new Spaces({ ...given, key, homeKey: homeKey(key), clock, mesh }, file))
    recall = new Recall(this.all, new VectorTable(database))
    this.#recall = recall
  }

  setMembers(mesh: string | null, members: readonly EngineMember[]): void {
    const { parts, charters } = this.all
    const known = new Map(members.map(({ peerId, role, revoked }) => [peerId, { role, revoked }]))
    const self = parts.key.peerId
    parts.mesh = { id: mesh, self, device: peerId => known.get(peerId), peerIds: () => known.keys() }
    for (const space of this.all.list()) charters.settle(space)
  }

  spaces(): SpaceInfo[] {
    return this.all
      .list()
      .filter(space => (space.isReadable || space.carried) && !space.charter.charter.gone)
      .flatMap(space => this.tried(space, () => infoOf(this.all, space)) ?? [])
  }

  space(ref: string): SpaceInfo {
    return infoOf(this.all, this.all.held(ref))
  }

  create(name: string): SpaceInfo {
    this.all.checkRoom(this.all.parts.key.peerId)
    if (SpaceId.safeParse(name).success)
      throw new LumosError(
        'INVALID_INPUT',
        `${name} has the form of an id of a space, and would be taken for one.`
      )
    if (this.all.named(name) !== undefined)
      throw new LumosError('INVALID_INPUT', `There is a space named ${name} already.`)
    return infoOf(this.all, this.all.add(this.all.charters.create(name, name)))
  }

  docs(ref: string): DocInfo[] {
    const space = this.all.readable(ref)
    return this.all.contents
      .sized(space)
      .map(({ name, kind, entries, bytes }) => ({ name: nameOf(name), kind, entries, bytes }))
  }

  read(ref: string, doc: string, { kind, last }: ReadDocOptions = {}): DocContent {
    const space = this.all.readable(ref)
    return newest(this.all.existing(space, doc, kind).model.read(), last)
  }

  get(ref: string, doc: string, key: string): MemoryValue | undefined {
    return this.all.existing(this.all.readable(ref), doc).model.get(key)
  }

  write(ref: string, doc: string, kind: DocKind | null, changes: readonly MemoryChange[]) {
    const space = this.all.readable(ref)
    const written = this.all.author.write(space, doc, kind, changes)
    this.all.tending.grown(space)
    return written
  }

  files(ref: string, doc: string): MemoryFileInfo[] {
    return files(this.all, this.all.readable(ref), doc)
  }

  wholeFile(ref: string, doc: string, name: string): FileFact | null {
    return wholeFile(this.all, this.all.readable(ref), doc, name)
  }

  putFile(ref: string, doc: string, file: PutFile) {
    return putFile(this.all, this.all.readable(ref), doc, file)
  }

  removeFile(ref: string, doc: string, name: string): boolean {
    return removeFile(this.all, this.all.readable(ref), doc, name)
  }

  history(ref: string, { doc, limit = 100 }: { doc?: string; limit?: number } = {}): MemoryHistoryItem[] {
    return history(this.all, this.all.readable(ref), Math.min(limit, HISTORY_MAX), doc)
  }

  search(query: EngineQuery): EngineSearch {
    return this.#recall.search(query)
  }

  searched(refs?: readonly string[]): string[] {
    return this.#recall.searched(refs)
  }

  unembedded(space: string, model: string, limit: number): Unembedded | null {
    return this.#recall.unembedded(space, model, limit)
  }

  embedded(answer: Embedded): boolean {
    return this.#recall.embedded(answer)
  }

  closeIndex(): void {
    this.#recall.close()
  }

  share(ref: string, to: SpaceGrant['to'], right: SpaceRight | null): SpaceInfo {
    const { parts, charters } = this.all
    const space = this.all.readable(ref)
    const { charter } = space.charter
    const mesh = charter.mesh ?? parts.mesh.id
    if (mesh === null || mesh !== parts.mesh.id)
      throw new LumosError('INVALID_INPUT', `${space.localName} is shared in the mesh that this node is in.`)
    if ('role' in to && right === 'own')
      throw new LumosError('INVALID_INPUT', 'A role cannot own a space: name the devices that are to own it.')
    const whom = 'role' in to ? to.role : to.peerId
    const others = charter.grants.filter(grant => grant.to !== whom)
    charters.amend(space, { mesh, grants: right === null ? others : [...others, { to: whom, right }] })
    return infoOf(this.all, space)
  }

  exclude(ref: string, peerId: string): SpaceInfo {
    const space = this.all.readable(ref)
    const { creator, excluded, grants } = space.charter.charter
    if (peerId === creator || peerId === this.all.parts.key.peerId)
      throw new LumosError('INVALID_INPUT', 'Neither the creator of a space nor this device can be excluded.')
    const rest = grants.filter(({ to }) => to !== peerId)
    this.all.charters.amend(space, { grants: rest, excluded: [...new Set([...excluded, peerId])] })
    return infoOf(this.all, space)
  }

  hold(ref: string, part: SpacePart): SpaceInfo {
    return infoOf(this.all, this.all.hold(ref, part))
  }

  compact(ref: string): { bytesBefore: number; bytesAfter: number } {
    return this.all.checkpoints.compact(this.all.readable(ref))
  }

  verify(ref: string): { envelopes: number; problems: readonly string[] } {
    return verify(this.all, this.all.held(ref))
  }

  forget(ref: string, { doc }: { doc?: string } = {}): void {
    if (doc === undefined) this.all.forget(this.all.held(ref))
    else this.all.forgetDocument(this.all.readable(ref), doc)
  }

  export(ref: string, { format }: { format?: ExportFormat } = {}): Uint8Array {
    return exportedAs(this.all, this.all.readable(ref), format)
  }

  import(name: string, bytes: Uint8Array, { format }: { format?: ExportFormat } = {}) {
    const { parts, leftOut } = importedFrom(bytes, format)
    const { id } = this.create(name)
    try {
      for (const { name: doc, kind, changes } of parts) this.write(id, doc, kind, changes)
    } catch (err) {
      this.all.remove(this.all.readable(id))
      throw err
    }
    return { ...this.space(id), leftOut }
  }

  /** The thread was ended while it applied this envelope of a peer. */
  poison(hash: Uint8Array): void {
    this.all.intake.addPoison(hash, 'An envelope was not applied within the time that one may take.')
  }

  /** What was written is on disk; what is in memory goes there too, so that the next start is quick. */
  save(): void {
    this.all.documents.saveAll()
  }

  /** The disk refused: what is in memory may be ahead of it. */
  reload(): void {
    this.#recall.close()
    this.all.reload()
  }
}
