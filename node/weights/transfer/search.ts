/** The devices that have a repository, and which one is meant. */

import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { Repository } from '../../../interface/weights.ts'
import type { FoundRepository } from '../../../protocols/blocks/index.ts'
import { openRepositoryManifest } from '../../../protocols/weights/repository-manifest.ts'
import type { Signed } from '../../../protocols/wire/signed-record.ts'

/** Peers that are asked at once. */
const ASKED_AT_ONCE = 8

export interface SearchComponents {
  find(peerId: string, ref: string, options: AbortOptions): Promise<FoundRepository | undefined>
  /** Whether a device may sign what a name means. */
  maySign(peerId: string): boolean
  /** The peer passed on what no device of the mesh has signed. */
  onLiar(peerId: string, why: LumosError): void
}

export interface Sighting {
  readonly peerId: string
  readonly signed: Signed<Repository>
  readonly bytesHave: number
  readonly bytesTotal: number
}

export interface Searched {
  readonly sightings: readonly Sighting[]
  /** Peers that could not be asked. */
  readonly away: readonly string[]
}

/** All that these peers have of it. */
export async function search(
  ref: string,
  peerIds: readonly string[],
  components: SearchComponents,
  options: AbortOptions = {}
): Promise<Searched> {
  const waiting = [...peerIds]
  const sightings: Sighting[] = []
  const away: string[] = []
  const askAll = async (): Promise<void> => {
    for (let peerId = waiting.shift(); peerId !== undefined; peerId = waiting.shift()) {
      options.signal?.throwIfAborted()
      try {
        const found = await components.find(peerId, ref, options)
        const sighting = found && (await checked(ref, peerId, found, components))
        if (sighting !== undefined) sightings.push(sighting)
      } catch {
        away.push(peerId)
      }
    }
  }
  await Promise.all(Array.from({ length: ASKED_AT_ONCE }, askAll))
  options.signal?.throwIfAborted()
  return { sightings, away }
}

async function checked(
  ref: string,
  peerId: string,
  { envelope, ...amounts }: FoundRepository,
  { maySign, onLiar }: SearchComponents
): Promise<Sighting | undefined> {
  try {
    const signed = await openRepositoryManifest(envelope)
    const { name, cid, bytes, files } = signed.value
    if (name !== ref && cid !== ref && !files.some(({ sha256 }) => sha256 === ref))
      throw invalid('is of another one')
    if (files.reduce((sum, file) => sum + file.bytes, 0) !== bytes)
      throw invalid('has another size than its files')
    if (new Set(files.map(({ path }) => path)).size !== files.length)
      throw invalid('has two files of one path')
    // Its signer may be one that this node does not know yet: no lie of the peer.
    return maySign(signed.signer) ? { peerId, signed, ...amounts } : undefined
  } catch (err) {
    onLiar(peerId, err as LumosError)
    return undefined
  }
}

const invalid = (what: string): LumosError =>
  new LumosError('WEIGHTS_INVALID', `A repository manifest ${what}.`)

/**
 * The one that is meant: of several of one name, that which more devices have.
 *
 * @throws {InvalidInputError} where as many devices have another one. @throws {LumosError} `WEIGHTS_NOT_FOUND`.
 */
export function meant(ref: string, sightings: readonly Sighting[]): Signed<Repository> {
  const byCid = Map.groupBy(sightings, ({ signed }) => signed.value.cid)
  const [first, second] = [...byCid.values()].sort((a, b) => b.length - a.length)
  if (first === undefined)
    throw new LumosError('WEIGHTS_NOT_FOUND', `No device that can be reached has ${ref}.`)
  if (second?.length === first.length) {
    throw new InvalidInputError(`${ref} means several repositories in this mesh.`, {
      hint: 'Name the CID of the one that you want.',
      details: { cids: [...byCid.keys()] }
    })
  }
  return first[0]!.signed
}
