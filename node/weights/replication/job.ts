/** The job `model.replicate`: this device makes a copy that the mesh wants. */

import * as z from 'zod'
import { LumosError } from '../../../interface/errors.ts'
import { CidText, type Pulled, RepositoryName } from '../../../interface/weights.ts'
import { defineJobKind, type JobKind } from '../../jobs/job-kind.ts'
import type { PullComponents } from '../pull/parts.ts'
import { PullProgress } from '../pull/progress.ts'
import type { Replication } from './replication.ts'

/** Longer, and another device makes the copy. */
const WAIT_MS = 10 * 60_000

export const replicaJob = (
  { clock, emit, nameOf, transfer, refresh }: PullComponents,
  replication: Pick<Replication, 'roomFor' | 'failed' | 'refuse'>
): JobKind =>
  defineJobKind({
    name: 'model.replicate',
    input: z.strictObject({ cid: CidText, name: RepositoryName }),
    // After a restart, the plan says whether the copy is still wanted; it begins with what is on disk.
    runningMax: 1,
    summary: ({ name }) => `a copy of ${name}`,
    key: ({ cid }) => cid,
    async run({ cid, name }, { id: jobId, signal, progress }): Promise<Pulled> {
      const room = replication.roomFor(cid)
      if (room === 0) return { model: name, cid, bytes: 0, sources: [] }
      const shown = new PullProgress({ ...{ clock, emit, nameOf, jobId, progress }, modelId: name })
      const tooLarge = new AbortController()
      try {
        const { repository, sources } = await transfer.fetch(cid, {
          signal: AbortSignal.any([signal, tooLarge.signal]),
          waitMs: WAIT_MS,
          onProgress({ bytesDone, bytesTotal, sources, missing }) {
            shown.expect(bytesTotal)
            shown.replace(sources, missing.length > 0 ? `waits for ${missing.join(', ')}` : '')
            // What was stated with the number may be less than what its holders have signed.
            if (bytesTotal - bytesDone > room) tooLarge.abort(noRoom(bytesTotal, room))
          }
        })
        await refresh()
        const { bytes } = repository
        return { model: repository.name, cid, bytes, sources: [...sources] }
      } catch (thrown) {
        // Its files are not those of the CID: that does not change, and each try would fetch them again.
        const isFalse = thrown instanceof LumosError && thrown.code === 'WEIGHTS_INVALID'
        if (signal.aborted || isFalse) replication.refuse(cid)
        else replication.failed(cid)
        throw tooLarge.signal.aborted ? tooLarge.signal.reason : thrown
      }
    }
  })

const noRoom = (bytes: number, room: number): LumosError =>
  new LumosError('WEIGHTS_FULL', `A copy of ${bytes} bytes is more than the ${room} that are for copies.`)
