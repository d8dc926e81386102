/** Which kind of document a change is for. */

import { LumosError } from '../../../interface/errors.ts'
import type { DocKind, MemoryChange } from '../../../interface/memory.ts'

/** Of a change that makes a document. */
const MADE_BY: Readonly<Record<MemoryChange['type'], DocKind | null>> = {
  ...{ set: 'facts', unset: 'facts', append: 'journal', task: 'tasks', edit: 'notes', text: 'notes' },
  ...{ update: 'raw', remove: null, replace: null }
}

const CHANGES: Readonly<Record<DocKind, string>> = {
  facts: 'Facts take `set` and `unset`.',
  journal: 'A journal takes `append` and `remove`.',
  thread: 'A thread takes `append` and `remove`.',
  tasks: 'Tasks take `task` and `remove`.',
  notes: 'Notes take `text`, `replace` and `edit`.',
  raw: 'A raw document takes updates of Yjs.'
}

/**
 * @param kinds of the documents of this name: two devices may have made several at once.
 * @param stated null: that of the document that is there, else that of the change.
 * @returns null where the change makes no document.
 * @throws {LumosError} `INVALID_INPUT`
 */
export function kindFor(
  doc: string,
  kinds: readonly DocKind[],
  stated: DocKind | null,
  changes: readonly MemoryChange[]
): DocKind | null {
  const [first] = kinds
  if (stated === null) return first ?? (changes[0] === undefined ? null : MADE_BY[changes[0].type])
  if (first === undefined || kinds.includes(stated)) return stated
  throw wrongKind(doc, first, stated)
}

export const wrongKind = (doc: string, is: DocKind, wanted: DocKind): LumosError =>
  new LumosError('INVALID_INPUT', `The document ${doc} is of the kind ${is}, not ${wanted}.`, {
    hint: CHANGES[is],
    details: { kind: is }
  })
