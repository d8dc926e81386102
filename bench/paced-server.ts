/**
 * The other device of `serve`: a node with an engine that says a word every few milliseconds, beside the same engine
 * behind a server that does nothing else.
 */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { echoModel } from '../capabilities/index.ts'
import { systemClock } from '../interface/clock.ts'
import { prepare } from '../interface/prepare.ts'
import type { MeshNodeOptions } from '../node/create-node.ts'
import { announce } from './harness.ts'
import { startNode } from './nodes.ts'
import { LATE, LATE_MODELS, LOAD_MS, PACE_MS, PACED } from './paced.ts'

type Model = NonNullable<MeshNodeOptions['models']>[number]

const paced = echoModel({ clock: systemClock, wordDelayMs: PACE_MS }, PACED)

/** Takes a while to load, and answers how many times it was loaded. */
function lateModel(id: string): Model {
  let loads = 0
  let loaded = false
  const engine: Model['engine'] = {
    get loaded() {
      return loaded
    },
    memoryBytes: 0,
    async load() {
      loads++
      await setTimeout(LOAD_MS)
      loaded = true
    },
    async close() {
      loaded = false
    },
    async *infer() {
      yield { type: 'text', index: 0, text: `${loads}` }
      yield { type: 'done', index: 1, finishReason: 'stop', usage: {} }
    }
  }
  return { id, tasks: ['text-generation'], slots: 64, engine }
}

const late = Array.from({ length: LATE_MODELS }, (_, n) => lateModel(`${LATE}-${n}`))
const node = await startNode({}, [paced, ...late])

const bare = createServer(async (incoming, outgoing) => {
  const { messages } = (await json(incoming)) as { messages: object[] }
  const asked = { id: 'bench', task: 'text-generation' as const, input: { messages }, params: {} }
  outgoing.writeHead(200, { 'content-type': 'text/event-stream' })
  for await (const chunk of paced.engine.infer(prepare({ ...asked, budgetMs: 60_000 }))) {
    if (chunk.type !== 'text') continue
    outgoing.write(`data: ${JSON.stringify({ choices: [{ delta: { content: chunk.text } }] })}\n\n`)
  }
  outgoing.end('data: [DONE]\n\n')
})
// As long as the client keeps its connections.
bare.keepAliveTimeout = 60_000
await new Promise<void>(resolve => bare.listen(0, '127.0.0.1', resolve))

announce({ code: node.mesh.invite().code, url: `http://127.0.0.1:${(bare.address() as AddressInfo).port}` })
