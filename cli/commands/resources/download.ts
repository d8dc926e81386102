/** `resources download`: brings the models of a configuration, one after the other. */

import { LumosError, toLumosError } from '../../../interface/errors.ts'
import type { WeightSource } from '../../../interface/weights.ts'
import { loadReader, wantsOf } from '../../../node/weights/resources/index.ts'
import type { Begun } from '../../../units/begun.ts'
import { findNode, type NodeClient } from '../../client.ts'
import { onInterrupt } from '../../interrupted.ts'
import type { Invocation } from '../../invocation.ts'
import type { Output } from '../../output.ts'
import { bytes } from '../../quantities.ts'
import { failureOf, waitFor } from '../jobs/wait.ts'
import { textOf } from './file.ts'

interface DownloadOptions {
  readonly force?: boolean
}

interface Pulled {
  readonly cid: string
  readonly bytes: number
  readonly sources: readonly WeightSource[]
}

type Wanted = ReturnType<typeof wantsOf>[number]

export async function run({ args, options, output }: Invocation<DownloadOptions>): Promise<void> {
  const [file] = args as [string]
  const { readConfiguration } = await loadReader()
  const { configuration } = readConfiguration(file, await textOf(file))
  const node = findNode(options)
  const items: ({ model: string; error: string | null } & Partial<Pulled>)[] = []
  for (const wanted of wantsOf(configuration)) {
    try {
      if (options.force) await forget(node, wanted.name)
      items.push({ model: wanted.name, ...(await brought(node, wanted, output)), error: null })
    } catch (thrown) {
      const { code, message } = toLumosError(thrown)
      // Without the node nothing can come.
      if (code === 'NODE_NOT_RUNNING') throw thrown
      items.push({ model: wanted.name, error: message })
    }
  }
  output.data({ items }, () =>
    output.table(
      ['MODEL', 'SIZE', 'FROM'],
      items.map(({ model, bytes: size, sources = [], error }) => [
        model,
        size === undefined ? '-' : bytes(size),
        error ?? sources.map(({ from }) => from).join(', ')
      ])
    )
  )
  const failed = items.filter(({ error }) => error !== null)
  if (failed.length > 0)
    throw new LumosError('ORIGIN_FAILED', `${failed.length} of ${items.length} models did not come.`)
}

async function forget(node: NodeClient, model: string): Promise<void> {
  try {
    await node.execute('model.delete', { model_id: model, force: true })
  } catch (thrown) {
    if (toLumosError(thrown).code !== 'WEIGHTS_NOT_FOUND') throw thrown
  }
}

async function brought(node: NodeClient, { name, ref, parts }: Wanted, output: Output): Promise<Pulled> {
  const asked = { ref: `${ref.kind}:${ref.owner}/${ref.name}`, name, parts }
  const { job_id: id } = (await node.execute<Begun>('model.pull', asked)).data
  using _ = onInterrupt(output, `\nThe job goes on. Follow it: lumos-node job show ${id} --wait`)
  const job = await waitFor(node, id, output)
  const failure = failureOf(job)
  if (failure !== undefined) throw failure
  const { cid, bytes: size, sources } = job.result as Pulled
  return { cid, bytes: size, sources }
}
