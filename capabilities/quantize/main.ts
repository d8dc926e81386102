/**
 * The process that quantises one file: its weights are read here, and the graph that comes of them goes out by a pipe. It
 * has no home, no key and no node. A thread of it ends it where it takes too much memory, or its node is gone.
 */

import { once } from 'node:events'
import { createWriteStream, readFileSync, writeSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { toLumosError } from '../../interface/errors.ts'
import { quantizeGraph } from './graph.ts'
import { GRAPH_FD, SAYS_FD, type Said } from './said.ts'

const WATCH_EVERY_MS = 50

const [, , file, memoryBytesMax] = process.argv
const watch = `
  const parent = process.ppid
  setInterval(() => {
    if (process.memoryUsage.rss() > ${Number(memoryBytesMax)} || process.ppid !== parent) process.kill(process.pid, 'SIGKILL')
  }, ${WATCH_EVERY_MS})`
new Worker(watch, { eval: true }).unref()

const say = (said: Said): void => void writeSync(SAYS_FD, `${JSON.stringify(said)}\n`)

try {
  const { parts, tensors } = quantizeGraph(readFileSync(file!), bytes => say({ bytes }))
  const graph = createWriteStream('', { fd: GRAPH_FD })
  for (const part of parts) if (!graph.write(part)) await once(graph, 'drain')
  graph.end(() => say({ tensors }))
} catch (thrown) {
  const { code, message } = toLumosError(thrown)
  say({ code, message })
}
