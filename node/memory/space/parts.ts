/** What the rooms of one thread of memory share. */

import type { Clock } from '../../../interface/clock.ts'
import type { SigningKey } from '../../../protocols/memory/signed.ts'
import type { LogTable } from '../../../storage/memory/log-table.ts'
import type { SpaceTable } from '../../../storage/memory/space-table.ts'
import type { OpenDoc } from '../types.ts'
import type { EngineEvent } from '../worker/engine.ts'
import type { Mesh } from './rights.ts'

export interface Parts {
  readonly spaces: SpaceTable
  readonly log: LogTable
  readonly key: SigningKey
  /** What only this device may read is under it. */
  readonly homeKey: Uint8Array
  readonly clock: Clock
  readonly openDoc: OpenDoc
  /** Of one space on disk. */
  readonly spaceBytesMax: number
  mesh: Mesh
  /** Said to others once all that was written is on disk. */
  emit(event: EngineEvent): void
  /** An envelope of another device is about to be applied: should it never end, this is the one. None: it is over. */
  applying(hash: Uint8Array | null): void
}

/** In a walk over many documents, files or texts: the call takes its time, and gets on. */
export const getsOn = ({ applying }: Pick<Parts, 'applying'>): void => applying(null)
