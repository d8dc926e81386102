/** What nodes hold, and what they let fall. */

import { at, type Invariant } from './invariant.ts'

/** A full node costs 4 to 6 MB in a shared process; the rest is headroom for what a run records and has not collected. */
const MEMORY_BYTES = 1024 ** 3
const MEMORY_BYTES_PER_NODE = 24 * 1024 ** 2
/** Three databases with their logs, the lock, the log file. */
const DESCRIPTORS_PER_NODE = 24
/** Of Node itself, and of whatever drives the run. */
const DESCRIPTORS = 128
/** `node/network/libp2p.ts`: 128 connections, and as many again while they are pending. */
const CONNECTIONS_MAX = 256
/** Hello, gossip, identify, ping, pulls, the DHT and one session each; lanes come on top with what is asked. */
const STREAMS_PER_CONNECTION_MAX = 64

export const resourcesAreBounded: Invariant = {
  id: 'S9',
  promise: 'Memory, descriptors, connections and streams stay under their caps.',
  *broken(history) {
    const nodes = history.actors.length
    for (const { memoryBytes, descriptors, atMs } of history.of('process')) {
      const megabytes = Math.round(memoryBytes / 1024 ** 2)
      if (memoryBytes > MEMORY_BYTES + nodes * MEMORY_BYTES_PER_NODE) {
        yield `${nodes} nodes hold ${megabytes} MiB (${at(atMs)}).`
      }
      if (descriptors > DESCRIPTORS + nodes * DESCRIPTORS_PER_NODE) {
        yield `${nodes} nodes hold ${descriptors} descriptors (${at(atMs)}).`
      }
    }
    for (const { node, view, atMs } of history.of('view')) {
      if (view.connections > CONNECTIONS_MAX)
        yield `${node} has ${view.connections} connections (${at(atMs)}).`
      if (view.streams > view.connections * STREAMS_PER_CONNECTION_MAX) {
        yield `${node} has ${view.streams} streams over ${view.connections} connections (${at(atMs)}).`
      }
    }
  }
}

export const nothingIsUncaught: Invariant = {
  id: 'S12',
  promise: 'Nothing is thrown or rejected that nobody catches.',
  *broken(history) {
    for (const { kind, message, atMs } of history.of('uncaught')) yield `${kind}: ${message} (${at(atMs)}).`
  }
}
