/** Checks anew all that was checked when it came, and that the documents are what the log says. */

import { checkSignature, encodeEnvelope, equal, openEnvelope } from '../../../protocols/memory/envelope.ts'
import { contentHash } from './reading.ts'
import type { Space } from './space.ts'
import type { Spaces } from './spaces.ts'

const PAGE_ROWS = 1024
/** More say no more. */
const PROBLEMS_MAX = 100

export function verify(all: Spaces, space: Space): { envelopes: number; problems: readonly string[] } {
  const { log } = all.parts
  const problems: string[] = []
  const last = new Map<number, { seq: number; hash: Uint8Array }>()
  let envelopes = 0
  const before = space.carried ? null : contentHash(all, space)
  for (let from = 0; ; ) {
    const rows = log.index(space.row, from, PAGE_ROWS)
    for (const { id } of rows) {
      envelopes++
      const row = log.byId(id)
      try {
        const envelope = openEnvelope(encodeEnvelope(row))
        checkSignature(envelope)
        const known = last.get(row.writer)
        const isNext =
          known === undefined || (envelope.seq === known.seq + 1 && equal(envelope.prev, known.hash))
        if (!isNext)
          problems.push(`Envelope ${row.seq} of ${envelope.device} does not follow the one before.`)
        last.set(row.writer, { seq: row.seq, hash: envelope.hash })
      } catch (thrown) {
        problems.push((thrown as Error).message)
      }
    }
    if (rows.length < PAGE_ROWS || problems.length >= PROBLEMS_MAX) break
    from = rows.at(-1)!.id + 1
  }
  for (const [writer, { seq, hash }] of last) {
    const known = space.writersById.get(writer)
    if (known === undefined || known.head.seq !== seq || !equal(known.head.hash, hash))
      problems.push(`The last envelope of ${known?.device ?? 'a writer'} is another one than is known.`)
  }
  if (before === null) return { envelopes, problems: problems.slice(0, PROBLEMS_MAX) }
  all.documents.rebuild(space)
  if (contentHash(all, space) !== before)
    problems.push('The documents were not what the log says: they are now.')
  return { envelopes, problems: problems.slice(0, PROBLEMS_MAX) }
}
