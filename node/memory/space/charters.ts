/** Charters: those that this device signs, and those that others send. */

import { LumosError, toLumosError } from '../../../interface/errors.ts'
import {
  type Charter,
  type CharterSecrets,
  openCharter,
  type SignedCharter,
  sealCharter,
  spaceIdOf,
  spaceText
} from '../../../protocols/memory/charter.ts'
import { equal } from '../../../protocols/memory/envelope.ts'
import { CHARTERS_MAX } from '../../../protocols/memory/limits.ts'
import { encodeControl } from '../../../protocols/wire/control.ts'
import type { CharterBundle } from '../worker/engine.ts'
import { newLife, newNonce, seal } from './boxes.ts'
import type { Carriage } from './carriage.ts'
import { type Amendment, chainOf, checkChain, checkRoom, invalid, repeated } from './charter-chain.ts'
import type { Documents } from './documents.ts'
import type { Intake } from './intake.ts'
import { Keyring } from './keyring.ts'
import { carriedName, sealedLocal, secretsAbout, secretsIn } from './local.ts'
import { keepLost } from './lost-keys.ts'
import type { Parts } from './parts.ts'
import { problemOf } from './problem.ts'
import { atLeast, givenTo, isFirst, rightIn } from './rights.ts'
import { keysFor, newestKey, openedKeys } from './sealed-keys.ts'
import { settle } from './settle.ts'
import { Space } from './space.ts'

const ZEROS = new Uint8Array(32)

interface CharterRooms {
  readonly documents: Documents
  readonly intake: Intake
  readonly carriage: Carriage
}

export class Charters {
  readonly #parts: Parts
  readonly #documents: Documents
  readonly #intake: Intake
  readonly #carriage: Carriage

  constructor(parts: Parts, { documents, intake, carriage }: CharterRooms) {
    this.#parts = parts
    this.#documents = documents
    this.#intake = intake
    this.#carriage = carriage
  }

  create(name: string, localName: string): Space {
    const { key } = this.#parts
    const founder = { creator: key.peerId, nonce: newNonce() }
    const id = spaceIdOf(founder)
    const text = spaceText(id)
    const { key: first, epochs } = new Keyring(text).rotate([])
    const secrets = encodeControl({ name, forgotten: [] })
    const sealed = seal(first, secretsAbout(text, { version: 1 }), secrets)
    const none = { mesh: null, grants: [], ended: [], excluded: [], forgotten: [], gone: false }
    const charter = { version: 1, previous: ZEROS, ...founder, ...none, epochs, sealed, by: key.peerId }
    return this.#found(id, localName, first, [sealCharter(charter, key)])
  }

  #found(
    id: Uint8Array,
    localName: string,
    key: Uint8Array | null,
    charters: readonly SignedCharter[]
  ): Space {
    const { spaces, homeKey } = this.#parts
    const life = newLife()
    const row = spaces.add({
      name: id,
      sealed: sealedLocal(homeKey, { name: localName, key, carried: key === null }),
      life
    })
    for (const { charter, record } of charters) spaces.putCharter(row, charter.version, record)
    const known = spaces.all().find(one => one.id === row)!
    const space = new Space(this.#parts, known)
    this.#parts.emit({ type: 'space', space: space.id, gone: false })
    return space
  }

  /** @throws {LumosError} `MEMORY_DENIED` unless this device owns the space. */
  amend(space: Space, amendment: Amendment): void {
    const { key, mesh } = this.#parts
    const before = space.charter
    if (before.charter.gone || rightIn(before.charter, key.peerId, mesh) !== 'own')
      throw new LumosError('MEMORY_DENIED', `Only an owner of the space ${space.localName} may do that.`)
    const { secrets = space.secrets, ...changes } = amendment
    const version = before.charter.version + 1
    if (version > CHARTERS_MAX)
      throw new LumosError('MEMORY_FULL', `A space has ${CHARTERS_MAX} charters at most.`)
    const draft = { ...before.charter, ...changes, version, previous: before.hash, by: key.peerId }
    const { ended, rotate } = settle(before.charter, draft, mesh, lastOf(space))
    const rotated = rotate ? space.keyring.rotate(draft.epochs) : { key: space.key, epochs: draft.epochs }
    const about = secretsAbout(space.id, { version })
    const sealed = seal(rotated.key, about, encodeControl({ ...secrets }))
    const next = sealCharter({ ...draft, ended, epochs: rotated.epochs, sealed }, key)
    checkRoom(this.#parts, space, [next])
    this.#adopt(space, [next], rotated.key)
  }

  /** After devices of the mesh were revoked, or have other roles: what an owner must sign then, and what this one keeps. */
  settle(space: Space): void {
    this.#carriage.follow(space)
    const { key, mesh } = this.#parts
    const { charter } = space.charter
    if (charter.gone || !space.isReadable || charter.mesh === null || charter.mesh !== mesh.id) return
    if (rightIn(charter, key.peerId, mesh) !== 'own') return
    const { ended } = settle(charter, charter, mesh, lastOf(space))
    const isSame = encodeControl(ended).length === encodeControl(charter.ended).length
    if (isSame && equal(encodeControl(ended), encodeControl(charter.ended))) return
    try {
      this.amend(space, {})
    } catch (thrown) {
      // A space that has no room for a charter keeps no other space from being settled.
      if (toLumosError(thrown).code !== 'MEMORY_FULL') throw thrown
      this.#parts.emit(problemOf(space, thrown))
    }
  }

  bundle(space: Space, from: number, forPeer: string): CharterBundle {
    const { mesh, spaces } = this.#parts
    const { charter } = space.charter
    if (!atLeast(rightIn(charter, forPeer, mesh), 'carry')) return { records: [], key: null }
    return { records: spaces.charters(space.row, from), ...keysFor(this.#parts, space, forPeer) }
  }

  /** @returns the space, where it is new here. */
  join(id: string, bundle: CharterBundle, localNameOf: (name: string) => string): Space {
    const { key, mesh } = this.#parts
    const charters = chainOf(bundle)
    const [first, newest] = [charters[0], charters.at(-1)]
    if (first === undefined || newest === undefined) throw invalid('there is none')
    const { charter } = first
    if (charter.version !== 1 || !equal(charter.previous, ZEROS) || charter.by !== charter.creator)
      throw invalid('the first one is not of the creator')
    if (spaceText(spaceIdOf(charter)) !== id) throw invalid('they are of another space')
    checkChain(charters, mesh)
    if (newest.charter.gone || !atLeast(rightIn(newest.charter, key.peerId, mesh), 'carry'))
      throw new LumosError('MEMORY_DENIED', `This device has no right in the space ${id}.`)
    if (this.#carriage.isMeant({ charter: newest }))
      return this.#found(spaceIdOf(charter), localNameOf(carriedName(id)), null, charters)
    const opened = newestKey(this.#parts, id, newest.charter, bundle)
    const name = localNameOf(secretsIn(id, newest.charter, opened)?.name ?? id)
    return this.#found(spaceIdOf(charter), name, opened, charters)
  }

  accept(space: Space, bundle: CharterBundle, localNameOf: (name: string) => string): boolean {
    const charters = chainOf(bundle)
    const { spaces } = this.#parts
    // Each costs a signature to open: only those that the bundle may follow or replace.
    const from = Math.max(1, (charters[0]?.charter.version ?? Number.POSITIVE_INFINITY) - 1)
    const known = charters.length === 0 ? [] : spaces.charters(space.row, from).map(openCharter)
    const next = charters.slice(
      charters.findLastIndex(({ charter, hash }) => {
        const ours = known[charter.version - from]
        return ours !== undefined && equal(ours.hash, hash)
      }) + 1
    )
    const begin = (next[0]?.charter.version ?? Number.POSITIVE_INFINITY) - from
    const [before, lost] = [known[begin - 1], known.slice(begin)]
    const secrets = space.secrets
    const taken = next.length > 0 && this.#supersede(space, before, lost[0], next)
    const hadKey = space.isReadable
    if (!hadKey && !this.#carriage.isMeant(space)) this.#takeKey(space, bundle, localNameOf)
    if (taken) this.#repeat(space, before!, lost, secrets)
    return taken || hadKey !== space.isReadable
  }

  #takeKey(space: Space, bundle: CharterBundle, localNameOf: (name: string) => string): void {
    const sent = openedKeys(this.#parts, space.id, space.charter.charter.epochs.length, bundle)
    if (!sent.some(key => space.takeKey(key))) return
    if (space.carried) this.#carriage.read(space, localNameOf(space.secrets.name))
    this.#parts.emit({ type: 'space', space: space.id, gone: false })
    this.#intake.retry(space)
  }

  /** @param ours the one of the version of the first of them. */
  #supersede(
    space: Space,
    before: SignedCharter | undefined,
    ours: SignedCharter | undefined,
    next: readonly SignedCharter[]
  ): boolean {
    const { mesh } = this.#parts
    const first = next[0]!
    if (before === undefined) throw invalid('some are missing')
    checkRoom(this.#parts, space, next)
    checkChain([before, ...next], mesh)
    // By the charters alone: a device that was revoked since, or is not known here, was an owner all the same.
    const isOwner = (by: string, charter: Charter) =>
      !charter.excluded.includes(by) && givenTo(charter, by, mesh.device(by)?.role) === 'own'
    if (ours !== undefined) {
      // Two owners signed one version. One that has lost its right since cannot begin the past anew.
      const theyMay = isOwner(first.charter.by, space.charter.charter)
      const weMay = isOwner(ours.charter.by, next.at(-1)!.charter)
      if (theyMay === weMay ? !isFirst(first, ours) : weMay) return false
    }
    this.#adopt(space, next, null)
    return true
  }

  /** What this device had signed in charters that lost, signed again on top. */
  #repeat(
    space: Space,
    before: SignedCharter,
    lost: readonly SignedCharter[],
    secrets: CharterSecrets
  ): void {
    const { key, mesh } = this.#parts
    const own = lost.filter(({ charter }) => charter.by === key.peerId).at(-1)
    if (own === undefined || rightIn(space.charter.charter, key.peerId, mesh) !== 'own') return
    if (!space.isReadable) return
    this.amend(space, repeated(space, secrets, before.charter, own.charter))
  }

  #adopt(space: Space, next: readonly SignedCharter[], key: Uint8Array | null): void {
    const { spaces, log, emit } = this.#parts
    const before = space.charter.charter
    for (const { charter, record } of next) spaces.putCharter(space.row, charter.version, record)
    space.charter = next.at(-1)!
    const now = space.charter.charter
    if (!equal(before.epochs.at(-1)!.check, now.epochs.at(-1)!.check)) spaces.dropCarriedKeys(space.row)
    this.#carriage.follow(space)
    keepLost(this.#parts, space, space.keyring.keep(now))
    const known = key ?? space.keyring.newest(now)
    if (known !== undefined) space.takeKey(known)
    for (const tag of now.forgotten) {
      if (before.forgotten.some(one => equal(one, tag))) continue
      log.dropBoxes(space.row, tag)
      this.#documents.drop(space, tag)
    }
    if (now.forgotten.length > before.forgotten.length) space.weigh()
    const counted = (charter: Charter) => encodeControl([charter.ended, charter.excluded])
    if (!equal(counted(before), counted(now))) this.#documents.rebuild(space)
    space.hash = undefined
    emit({ type: 'space', space: space.id, gone: now.gone })
    if (!now.gone) this.#intake.retry(space)
  }
}

const lastOf = ({ writers }: Space) =>
  [...writers.values()].map(({ device, life, head }) => ({ device, life, seq: head.seq }))
