/** What kinds of document there are. */

import * as z from 'zod'

/** Kinds of document. A document has one kind from its first envelope on. */
export const DOC_KINDS = ['facts', 'journal', 'thread', 'tasks', 'notes', 'raw'] as const
export const DocKind = z.enum(DOC_KINDS)
export type DocKind = z.infer<typeof DocKind>
