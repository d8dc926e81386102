/** The job `model.pull`: a model comes from this device, from devices of the mesh, or from its origin. */

import * as z from 'zod'
import { type Pulled, RepositoryName } from '../../../interface/weights.ts'
import { defineJobKind, type JobKind } from '../../jobs/job-kind.ts'
import { type ModelRef, nameOf, parseRef, refText } from '../origins/index.ts'
import { pullFromMesh } from './from-mesh.ts'
import { pullFromOrigin } from './from-origin.ts'
import { type Pull, PullCheckpoint, type PullComponents } from './parts.ts'
import { PullProgress } from './progress.ts'

/** Each uses whatever link there is; a third one waits. */
const RUNNING_MAX = 2
const REF_CHARS_MAX = 4096
/** Runtimes, devices and datasets that one repository has. */
const PARTS_MAX = 64
const Input = z.strictObject({
  ref: z.string().min(1).max(REF_CHARS_MAX),
  name: RepositoryName.optional(),
  all: z.boolean().optional(),
  parts: z
    .strictObject({
      folders: z.array(z.string()).max(PARTS_MAX),
      datasets: z.array(z.string()).max(PARTS_MAX)
    })
    .optional()
})

export const pullJob = (components: PullComponents): JobKind =>
  defineJobKind({
    name: 'model.pull',
    input: Input,
    checkpoint: PullCheckpoint,
    runningMax: RUNNING_MAX,
    summary: ({ ref }) => shownRef(ref),
    // Refused here for what is no ref, before there is a job.
    key: ({ ref, name, all, parts }) => JSON.stringify([refText(parseRef(ref)), name, all, parts]),
    async run({ ref, name, all = false, parts }, context): Promise<Pulled> {
      const pull: Pull = {
        ...components,
        ...{ name, all, parts, context },
        progressOf: modelId =>
          new PullProgress({
            ...{ clock: components.clock, emit: components.emit, nameOf: components.nameOf },
            ...{ jobId: context.id, modelId, progress: context.progress }
          })
      }
      const result = await pulled(parseRef(ref), pull)
      await components.refresh()
      return result
    }
  })

/** Without what follows the path of a URL: it may be a signature that opens the file for all that see the job. */
const shownRef = (ref: string): string => (URL.canParse(ref) ? ref.replace(/[?#].*$/s, '') : ref)

async function pulled(ref: ModelRef, pull: Pull): Promise<Pulled> {
  if (ref.kind === 'path') return await fromPath(ref.path, pull)
  if ('ref' in ref) return await pullFromMesh(ref.ref, pull)
  return await pullFromOrigin(ref, pull)
}

async function fromPath(path: string, { weights, name, context, progressOf }: Pull): Promise<Pulled> {
  const { signal } = context
  const progress = progressOf(name ?? nameOf({ kind: 'path', path }) ?? path)
  const { model, cid, bytes } = await weights.import(path, {
    ...(name !== undefined && { name }),
    signal,
    onProgress(done, total, message) {
      progress.expect(total)
      progress.replace([{ from: 'disk', bytes: done }], message)
    }
  })
  return { model, cid, bytes, sources: [{ from: 'disk', bytes }] }
}
