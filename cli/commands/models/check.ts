/** `models check`: whether the files of this device's models are whole, and their engines open them. */

import { LumosError } from '../../../interface/errors.ts'
import type { JobInfo } from '../../../interface/jobs.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { bytes } from '../../quantities.ts'
import { failureOf, waitFor } from '../jobs/wait.ts'

interface CheckOptions {
  /** Absent means to wait. */
  readonly wait: boolean
}

interface Checked {
  readonly model: string | null
  readonly place: string
  readonly files: number
  readonly bytes: number
  readonly unverified: number
  readonly problems: readonly string[]
}

export async function run({ args, options, output }: Invocation<CheckOptions>): Promise<void> {
  const [model] = args
  const node = findNode(options)
  const { data: begun } = await node.execute<JobInfo>('model.check', { model_id: model })
  const follow = `lumos-node job show ${begun.id} --wait`
  if (!options.wait) return output.data(begun, () => `It goes on without you. See: ${follow}`)

  const job = await waitFor(node, begun.id, output)
  const failure = failureOf(job)
  if (failure !== undefined) throw failure
  const { models } = job.result as { models: Checked[] }
  output.data(job, () =>
    models.length === 0
      ? 'This device has no models in folders.'
      : output.table(['MODEL', 'FILES', 'SIZE', 'WITHOUT A HASH', 'PROBLEMS'], models.map(rowOf))
  )
  const bad = models.filter(({ problems }) => problems.length > 0)
  if (bad.length === 0) return
  throw new LumosError('MODEL_INVALID', `${bad.length} of ${models.length} models have problems.`, {
    hint: 'Copy their files anew.'
  })
}

const rowOf = ({ model, place, files, bytes: size, unverified, problems }: Checked): string[] => [
  model ?? place,
  String(files),
  bytes(size),
  String(unverified),
  problems.join('; ') || 'none'
]
