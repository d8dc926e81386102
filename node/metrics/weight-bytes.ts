/** Where weights come from, out of the progress of pulls: each report says how much came from each source until then. */

import type { NodeEvents } from '../../interface/events.ts'
import { hasEnded } from '../../interface/jobs.ts'

type Source = 'peer' | 'origin' | 'disk'

/** A PeerId is no label: there are as many as devices. */
const sourceOf = (from: string): Source =>
  from === 'disk' ? 'disk' : /^(?:12D3Koo|Qm|16Uiu2)\w+$/.test(from) ? 'peer' : 'origin'

export function weightBytes(
  events: Pick<NodeEvents, 'addEventListener'>,
  onBytes: (source: Source, bytes: number) => void
): void {
  /** By job and source. A job that has ended is forgotten. */
  const known = new Map<string, Map<string, number>>()
  events.addEventListener('job.progress', ({ detail: { jobId, progress } }) => {
    if (progress.unit !== 'bytes' || progress.sources === undefined) return
    const before = known.get(jobId) ?? new Map<string, number>()
    known.set(jobId, before)
    for (const { from, amount } of progress.sources) {
      onBytes(sourceOf(from), amount - (before.get(from) ?? 0))
      before.set(from, Math.max(amount, before.get(from) ?? 0))
    }
  })
  events.addEventListener('job.changed', ({ detail: { jobId, state } }) => {
    if (hasEnded(state)) known.delete(jobId)
  })
}
