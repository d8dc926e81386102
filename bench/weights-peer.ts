/** One side of `weights`: sends a file or receives it, and watches its own memory, but not beside calls. */

import { type Content, type Offer, RECEIVE, receiveBesideCalls, SEND, type Way } from './weights-ways.ts'

export type Job = { readonly way: Way } & (
  | { readonly type: 'send' | 'send beside calls'; readonly content: Content }
  | { readonly type: 'receive' | 'receive beside calls'; readonly offer: Offer; readonly path: string }
)

export interface Received {
  readonly ms: number
  /** Of an earlier run. */
  readonly keptBytes: number
}

const SAMPLE_MS = 10

let idleBytes = 0
let peakBytes = 0
const sample = (): void => {
  peakBytes = Math.max(peakBytes, process.memoryUsage.rss())
}

/** From now on, what is taken above this counts. To look is a tenth of a core, which a call would wait for. */
async function settle(): Promise<void> {
  for (let n = 0; n < 3; n++) {
    globalThis.gc?.()
    await new Promise(resolve => setTimeout(resolve, SAMPLE_MS))
  }
  idleBytes = process.memoryUsage.rss()
  peakBytes = idleBytes
  setInterval(sample, SAMPLE_MS).unref()
}

process.on('disconnect', () => process.exit(0))
process.on('message', async (message: Job | 'peak') => {
  if (message === 'peak') {
    sample()
    process.send!(peakBytes - idleBytes)
  } else if ('content' in message) {
    const offer = await SEND[message.way](message.content)
    if (message.type === 'send') await settle()
    process.send!(offer)
  } else if (message.type === 'receive beside calls') {
    process.send!(await receiveBesideCalls(message.offer, message.path))
  } else {
    const receive = await RECEIVE[message.way](message.offer, message.path)
    await settle()
    const startedMs = performance.now()
    const keptBytes = await receive()
    process.send!({ ms: performance.now() - startedMs, keptBytes } satisfies Received)
  }
})
