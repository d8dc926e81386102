/** Documents of memory, of each kind. They know nothing of signatures, disks and networks. */

import type { DocKind } from '../../../interface/memory.ts'
import type { DocModel, OpenDoc } from '../types.ts'
import { entriesKind } from './entries.ts'
import { factsKind } from './facts.ts'
import { Notes } from './notes.ts'
import { Raw } from './raw.ts'
import { SlotDoc } from './slot-doc.ts'
import { tasksKind } from './tasks.ts'

export { UPDATE_BYTES_MAX } from './limits.ts'
export { exportMarkdown } from './markdown.ts'
export { importMarkdown, partsOf } from './markdown-import.ts'
export { EMPTY_UPDATE, isEmpty } from './slot-update.ts'
export { joinSnapshots } from './snapshot.ts'

const NONE: ReadonlySet<number> = new Set()

type Opener = (
  snapshot: Uint8Array | null,
  excluded: ReadonlySet<number>,
  going?: () => void,
  slotsMax?: number
) => DocModel

const OPENERS: Record<DocKind, Opener> = {
  facts: (...rest) => new SlotDoc(factsKind(), ...rest),
  journal: (...rest) => new SlotDoc(entriesKind('journal'), ...rest),
  thread: (...rest) => new SlotDoc(entriesKind('thread'), ...rest),
  tasks: (...rest) => new SlotDoc(tasksKind(), ...rest),
  notes: (snapshot, excluded) => new Notes(snapshot, excluded),
  raw: (snapshot, excluded) => new Raw(snapshot, excluded)
}

/** @param slotsMax for tests of what a document that is full does. */
export const docOpener =
  (slotsMax?: number): OpenDoc =>
  (kind, snapshot = null, excluded = NONE, going) =>
    OPENERS[kind](snapshot, excluded, going, slotsMax)

export const openDoc: OpenDoc = docOpener()
