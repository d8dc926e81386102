/** A small feature, whole: notes that members send to one another, and put up for all to see. */

import * as z from 'zod'

export const NOTES_PROTOCOL = '/lumos/notes/1'
export const NOTE_BYTES_MAX = 16
/** A job that brings notes gets over this one only after the next start of the node. */
export const LATER = 'later'

export const NOTES_EVENTS = { 'notes.kept': z.strictObject({ text: z.string() }) }
type NotesEvents = typeof NOTES_EVENTS
declare module '../../../interface/events.ts' {
  interface EventSchemas extends NotesEvents {}
}

export interface Notes {
  /** What has happened, in order. */
  readonly seen: readonly string[]
  /** Keeps a note, also after a restart, and says so in the manifest. */
  keep(text: string): void
  kept(): string[]
  /** Notes that were kept in whatever mesh. */
  count(): number
  tell(peerId: string, text: string): Promise<void>
  publish(text: string): Promise<void>
  /** Resolves once this has happened. */
  has(what: string): Promise<void>
}
