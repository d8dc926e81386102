/** How much of a space one device may take: the rest is for the others. */

import { LumosError } from '../../../interface/errors.ts'
import { DOCS_MAX } from '../../../protocols/memory/limits.ts'
import type { LiveRow } from '../../../storage/memory/rows.ts'
import type { DocModel } from '../types.ts'
import type { Bases } from './bases.ts'
import { dropLog } from './drop-log.ts'
import type { Parts } from './parts.ts'
import type { Space } from './space.ts'

const DEVICE_SHARE = 0.75

/**
 * What stays in the log for others alone leaves it before a device is refused: they get the checkpoint.
 *
 * @throws {LumosError} `MEMORY_FULL`: of the space, or of what one device may fill of it.
 */
export function checkRoom(parts: Parts, bases: Bases, space: Space, device: string): void {
  if (flawOf(parts, space, device) === undefined) return
  if (space.keepsCovered) dropLog(parts, bases, space, true)
  const flaw = flawOf(parts, space, device)
  if (flaw === undefined) return
  throw new LumosError('MEMORY_FULL', flaw, {
    hint: `An owner makes room: lumos-node memory compact ${space.localName}. The setting memory.spaceMax gives more.`
  })
}

function flawOf({ spaceBytesMax, key }: Parts, space: Space, device: string): string | undefined {
  if (space.bytes > spaceBytesMax) return `The space ${space.localName} has over ${spaceBytesMax} bytes here.`
  const share = DEVICE_SHARE * spaceBytesMax
  // Not summed where it cannot be reached.
  if (space.bytes <= share || device === key.peerId || space.bytesOf(device) <= share) return undefined
  return `${device} has over ${share} bytes in the space ${space.localName} here.`
}

/**
 * This device keeps to it too: no other one would take a document beyond it.
 *
 * @param count of the documents that are here.
 * @throws {LumosError} `MEMORY_FULL`
 */
export function checkDocs(
  { spaces }: Pick<Parts, 'spaces'>,
  space: Space,
  device: string,
  count: number
): void {
  if (count >= DOCS_MAX)
    throw new LumosError('MEMORY_FULL', `The space ${space.localName} has ${DOCS_MAX} documents.`)
  const share = DEVICE_SHARE * DOCS_MAX
  if (count < share || spaces.docsMadeBy(space.row, device) < share) return
  throw new LumosError(
    'MEMORY_FULL',
    `${device} has made ${share} documents in the space ${space.localName}, which is the most.`,
    { hint: 'See: lumos-node memory forget' }
  )
}

/** What each writer has in a document. A client that no log has named counts for none. */
export const liveIn = ({ writersByClient }: Space, model: Pick<DocModel, 'live'>): LiveRow[] =>
  [...model.live()].flatMap(([client, bytes]) => {
    const writer = writersByClient.get(client)
    return writer === undefined ? [] : [{ writer: writer.id, bytes }]
  })

/** Of a document that came as a snapshot: the writer that has most of it counts as the one that made it. */
export const makerOf = (live: readonly LiveRow[]): number | null =>
  live.reduce<LiveRow | null>((most, one) => (most === null || one.bytes > most.bytes ? one : most), null)
    ?.writer ?? null
