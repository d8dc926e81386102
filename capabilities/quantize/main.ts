/**
 * The process that quantises one file: its weights are read here, and the graph that comes of them goes out by a pipe. It
 * has no home, no key and no node. A thread of it ends it where it takes too much memory, or its node is gone.
 */

import { once } from 'node:events'
import { createWriteStream, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { toLumosError } from '../../interface/errors.ts'
import { quantizeGraph } from './graph.ts'
import { GRAPH_FD, SAYS_FD, type Said } from './said.ts'

const WATCH_EVERY_MS = 50
/** A name in the file may be as long as the file. */
const WHY_CHARS_MAX = 300

const [, , file, memoryBytesMax] = process.argv
const watch = `
  const parent = process.ppid
  setInterval(() => {
    if (process.memoryUsage.rss() > ${Number(memoryBytesMax)} || process.ppid !== parent) process.kill(process.pid, 'SIGKILL')
  }, ${WATCH_EVERY_MS})`
new Worker(watch, { eval: true }).unref()

try {
  // When memory runs out, Linux ends this process before any other.
  if (process.platform === 'linux') writeFileSync('/proc/self/oom_score_adj', '1000')
} catch {
  // Some containers have no writable /proc.
}

const say = (said: Said): void => void writeSync(SAYS_FD, `${JSON.stringify(said)}\n`)

try {
  const { parts, tensors } = quantizeGraph(readFileSync(file!), bytes => say({ bytes }))
  const graph = createWriteStream('', { fd: GRAPH_FD })
  for (const part of parts) if (!graph.write(part)) await once(graph, 'drain')
  graph.end(() => say({ tensors }))
} catch (thrown) {
  const { code, message } = toLumosError(thrown)
  say({ code, message: message.slice(0, WHY_CHARS_MAX) })
}
