/** One node of the soak, in a process of its own, so that what is measured is that node alone. */

import type { Worker } from 'node:worker_threads'
import type { Connection } from '@libp2p/interface'
import { useSmallSlabs } from '../node/buffer-slabs.ts'
import { createLumosNode } from '../node/create-node.ts'
import { tcpNetwork } from '../node/network/lan-network.ts'
import type { Network } from '../node/network/libp2p.ts'
import { seededRandom } from '../sim/random.ts'
import { Load, type Tally } from './load.ts'
import { MemoryLoad } from './memory-load.ts'
import { type Sample, takeSample } from './sample.ts'

/** What nodes do all the time: ask each other, or write to one space. */
export type LoadName = 'calls' | 'memory'

/** How a member is started: the first argument of its process, as JSON. */
export interface MemberOrders {
  readonly home: string
  readonly name: string
  readonly seed: number
  /** Multiaddrs to dial at start. */
  readonly peers: readonly string[]
  readonly load: LoadName
}

export type Question =
  | { readonly ask: 'invite' }
  | { readonly ask: 'join'; readonly code: string }
  | { readonly ask: 'revoke'; readonly name: string }
  | { readonly ask: 'addresses' }
  | { readonly ask: 'measure'; readonly counting: boolean }

export interface Measured extends Sample, Tally {
  /** Warnings of Node since the start, above all of too many listeners on one emitter. */
  readonly warnings: readonly string[]
}

const { home, name, seed, peers, load: loadName }: MemberOrders = JSON.parse(process.argv[2]!)

let openConnections = (): Connection[] => []
const lan = tcpNetwork({ hosts: ['127.0.0.1'], port: 0, peers })
/** A transport is made out of libp2p's own parts, which is where the connections are counted. */
const network: Network = {
  ...lan,
  transports: lan.transports.map(make => components => {
    openConnections = () => components.connectionManager.getConnections()
    return make(components)
  })
}

/** Of the node: that of memory, above all. */
const threads = new Set<Worker>()
process.on('worker', worker => {
  threads.add(worker)
  worker.once('exit', () => threads.delete(worker))
})

const warnings: string[] = []
process.on('warning', ({ name, message }) => {
  // Counting live objects is experimental in Node, which says so once.
  if (name !== 'ExperimentalWarning') warnings.push(`${name}: ${message}`)
})

useSmallSlabs()
const node = await createLumosNode({
  home,
  network,
  settings: {
    name,
    'mesh.name': 'soak',
    'models.builtin': false,
    'engines.echo': true,
    'serving.yield': 'never'
  }
})
await node.start()
const random = seededRandom(seed)
const load = loadName === 'memory' ? new MemoryLoad(node, random, peers.length === 0) : new Load(node, random)
load.start()

async function answer(question: Question): Promise<unknown> {
  switch (question.ask) {
    case 'invite':
      return node.mesh.invite().code
    case 'join':
      return await node.mesh.join(question.code)
    case 'revoke':
      return await node.mesh.revoke(question.name)
    case 'addresses':
      return node.status().addresses
    case 'measure':
      return {
        ...(await takeSample(openConnections(), threads, question.counting)),
        ...load.take(),
        warnings
      } satisfies Measured
  }
}

process.on('message', ({ number, question }: { number: number; question: Question }) => {
  answer(question).then(
    value => process.send?.({ number, value }),
    err => process.send?.({ number, failure: String(err) })
  )
})
process.on('SIGTERM', async () => {
  load.stop()
  await node.stop()
  process.exit(0)
})
// Ctrl-C reaches every process of a terminal; the one that drives the soak decides what it means.
process.on('SIGINT', () => {})
process.on('disconnect', () => process.exit(0))
process.send?.('ready')
