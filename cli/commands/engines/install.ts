/** `engine install`: brings an engine, and shows how far that is. */

import { resolve } from 'node:path'
import type { JobInfo } from '../../../interface/jobs.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { failureOf, waitFor } from '../jobs/wait.ts'

interface InstallOptions {
  readonly from?: string
  /** Absent means to wait. */
  readonly wait: boolean
}

interface Installed {
  readonly engine: string
  readonly version: string
  readonly path: string
}

export async function run({ args, options, output }: Invocation<InstallOptions>): Promise<void> {
  const [name] = args as [string]
  const node = findNode(options)
  const from = options.from === undefined ? undefined : resolve(options.from)
  const { data: begun } = await node.execute<JobInfo>('engine.install', { name, from })
  const follow = `lumos-node job show ${begun.id} --wait`
  if (!options.wait) return output.data(begun, () => `It goes on without you. See: ${follow}`)

  const job = await waitFor(node, begun.id, output)
  const failure = failureOf(job)
  if (failure !== undefined) throw failure
  const { engine, version, path } = job.result as Installed
  output.data(job, () => `${engine} ${version} is in ${path}. Models for it are served now.`)
}
