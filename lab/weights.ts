/** Weights in the lab: an origin that counts what it sends, and nodes that pull from it. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { hasEnded, type JobInfo } from '../interface/jobs.ts'
import type { Pulled } from '../interface/weights.ts'
import type { Device } from './device.ts'
import { ASKER, type Node, type StartOptions, startOn } from './node.ts'
import { ORIGIN_REPOSITORY, type OriginCount, type OriginOptions } from './origin-server.ts'

const SERVER = fileURLToPath(new URL('./origin-server.ts', import.meta.url))
const PORT = 8080
/** Far more than a pull of the lab takes. */
const PULLED_MS_MAX = 120_000

/** What `models pull` takes. */
const ORIGIN_REF = `hf:${ORIGIN_REPOSITORY}`

export type CountingOrigin = Awaited<ReturnType<typeof startOrigin>>

/** A hub on a device of its own. */
export async function startOrigin(device: Device, options: OriginOptions) {
  const [command, ...rest] = [...device.through, process.execPath, SERVER, `${PORT}`, JSON.stringify(options)]
  const child = spawn(command!, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const lines = createInterface(child.stdout)
  let sent = 0
  lines.on('line', line => {
    sent = (JSON.parse(line) as OriginCount).sent
  })
  await Promise.race([once(lines, 'line'), exited.then(() => Promise.reject(new Error('The origin ended.')))])
  return {
    url: `http://${device.address}:${PORT}`,
    /** Bytes of files so far. */
    sent: () => sent,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exited
    }
  }
}

/** A node without models of its own that knows this origin as Hugging Face. */
export const startPuller = (
  device: Device,
  name: string,
  { url }: Pick<CountingOrigin, 'url'>,
  options: StartOptions = {}
): Promise<Node> =>
  startOn(device, name, {
    ...options,
    env: { ...ASKER, LUMOS_WEIGHTS__ORIGINS__HF: url, ...options.env }
  })

export type Pull = Awaited<ReturnType<typeof beginPull>>

/** A pull that goes on in the node, whatever becomes of this. */
export async function beginPull(node: Node, ref: string = ORIGIN_REF) {
  const { data } = await node.client.execute<{ jobId: string }>('model.pull', { ref })
  return pullOf(node, data.job_id)
}

function pullOf(node: Node, jobId: string) {
  const show = async () => (await node.client.execute<JobInfo>('job.show', { job_id: jobId })).data
  const done = async () => (await show()).progress?.done ?? 0
  return {
    jobId,
    show,
    /** Bytes that are there. */
    done,
    /** Once so many bytes are there. */
    has: (bytes: number) =>
      node.until(`has ${bytes} bytes`, async () => (await done()) >= bytes, PULLED_MS_MAX),
    /** @throws {Error} for one that does not end well. */
    async ended(): Promise<Pulled> {
      await node
        .until('ends its pull', async () => hasEnded((await show()).state), PULLED_MS_MAX)
        .catch(() => {})
      const { state, result, error, progress } = await show()
      if (state !== 'done')
        throw new Error(
          `${node.name}: ${state}: ${error === null ? JSON.stringify(progress) : `${error.code} ${error.message}`}`
        )
      return result as Pulled
    }
  }
}
