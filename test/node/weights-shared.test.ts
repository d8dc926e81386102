/** Several devices of a mesh that pull the same model from its origin: it comes once, and goes on from device to device. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { hasEnded, type JobInfo } from '../../interface/jobs.ts'
import type { LumosNode } from '../../interface/node.ts'
import type { Pulled } from '../../interface/weights.ts'
import { FakeHub } from '../weights/fake-hub.ts'
import { meets, startNode } from './mesh-nodes.ts'

const MIB = 1024 * 1024
const BYTES = 12 * MIB + 17
const REF = 'hf:acme/tiny'

describe('devices that pull one model at once', () => {
  let hub: FakeHub
  let nodes: Awaited<ReturnType<typeof startNode>>[]

  beforeAll(async () => {
    hub = await FakeHub.start()
    hub.put('model.bin', randomBytes(BYTES))
    const settings = { 'weights.origins.hf': hub.url, access: { secret: { roles: ['admin'] } } }
    nodes = []
    for (const name of ['den', 'attic', 'cellar', 'barn', 'shed'])
      nodes.push(await startNode(name, nodes, { settings }))
    for (const one of nodes) for (const other of nodes) if (one !== other) await meets(one, other)
  })
  afterAll(async () => {
    for (const node of nodes) await node[Symbol.asyncDispose]()
    await hub[Symbol.asyncDispose]()
  })

  it('download it once, and have it from the device that does as it comes', async () => {
    hub.always = { pauseMs: 8 }
    const pulls = await Promise.all(nodes.map(node => pulled(node, { ref: REF })))
    assert.equal(hub.bytesSent, BYTES)
    assert.equal(new Set(pulls.map(({ cid }) => cid)).size, 1)
    const { host } = new URL(hub.url)
    const claimers = pulls.filter(({ sources }) => sources.some(({ from }) => from === host))
    assert.equal(claimers.length, 1, JSON.stringify(pulls))
    for (const { sources } of pulls)
      assert.equal(
        sources.reduce((sum, { bytes }) => sum + bytes, 0),
        BYTES
      )
  })
})

async function pulled(node: LumosNode, input: object): Promise<Pulled> {
  const job = await ended(node, node.jobs.begin('model.pull', input).id)
  assert.equal(job.state, 'done', JSON.stringify(job.error))
  return job.result as Pulled
}

async function ended(node: LumosNode, id: string): Promise<JobInfo> {
  for await (const job of node.jobs.watch(id)) if (hasEnded(job.state)) return job
  throw new Error('The node ended.')
}
