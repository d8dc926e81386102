/** One side of `weights`: sends a file or receives it, and watches its own memory. */

import { type Content, type Offer, RECEIVE, receiveBesideCalls, SEND, type Way } from './weights-ways.ts'

export type Job = { readonly way: Way } & (
  | { readonly type: 'send'; readonly content: Content }
  | { readonly type: 'receive' | 'receive beside calls'; readonly offer: Offer; readonly path: string }
)

const SAMPLE_MS = 10

let idleBytes = 0
let peakBytes = 0
const sample = (): void => {
  peakBytes = Math.max(peakBytes, process.memoryUsage.rss())
}
setInterval(sample, SAMPLE_MS).unref()

/** From now on, what is taken above this counts. */
async function settle(): Promise<void> {
  for (let n = 0; n < 3; n++) {
    globalThis.gc?.()
    await new Promise(resolve => setTimeout(resolve, SAMPLE_MS))
  }
  idleBytes = process.memoryUsage.rss()
  peakBytes = idleBytes
}

process.on('disconnect', () => process.exit(0))
process.on('message', async (message: Job | 'peak') => {
  if (message === 'peak') {
    sample()
    process.send!(peakBytes - idleBytes)
  } else if (message.type === 'send') {
    const offer = await SEND[message.way](message.content)
    await settle()
    process.send!(offer)
  } else if (message.type === 'receive beside calls') {
    process.send!(await receiveBesideCalls(message.offer, message.path))
  } else {
    const receive = await RECEIVE[message.way](message.offer, message.path)
    await settle()
    const startedMs = performance.now()
    await receive()
    process.send!(performance.now() - startedMs)
  }
})
