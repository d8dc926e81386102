/** What a process holds at one moment, so that a leak of any kind shows: memory, descriptors, listeners. */

import { readdirSync } from 'node:fs'
import { queryObjects } from 'node:v8'
import type { Worker } from 'node:worker_threads'
import type { Connection } from '@libp2p/interface'

export interface Sample {
  /** Resident memory as it comes, with all that is dead and not yet collected: says what a node takes, not what it keeps. */
  readonly rssBeforeMB: number
  /** Resident memory once V8 has given back what it does not need. */
  readonly rssMB: number
  /** Live JavaScript objects, of all threads. */
  readonly heapMB: number
  /** Live buffers and what else JavaScript objects hold outside the heap. */
  readonly externalMB: number
  readonly descriptors: number
  readonly connections: number
  readonly streams: number
  /** On every `EventTarget` of the process, each `AbortSignal` included. */
  readonly listeners?: number
}

/** `counting` listeners walks the whole heap, for which the process stands still for a third of a second. */
export async function takeSample(
  connections: readonly Connection[],
  threads: Iterable<Worker>,
  counting: boolean
): Promise<Sample> {
  const rssBeforeMB = megabytes(process.memoryUsage.rss())
  if (globalThis.gc === undefined) throw new Error('A process that is measured runs with --expose-gc.')
  // As V8 does when memory is about to run out. Otherwise its heap grows and shrinks by
  // a hundred megabytes as it likes, and no leak could be told from that.
  globalThis.gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  let threadsUsed = 0
  for (const thread of threads) {
    // The only way to make another thread collect: V8 does so before it takes a snapshot.
    const snapshot = await thread.getHeapSnapshot()
    snapshot.destroy()
    threadsUsed += (await thread.getHeapStatistics()).used_heap_size
  }
  const { rss, heapUsed, external } = process.memoryUsage()
  return {
    rssBeforeMB,
    rssMB: megabytes(rss),
    heapMB: megabytes(heapUsed + threadsUsed),
    externalMB: megabytes(external),
    descriptors: readdirSync('/proc/self/fd').length,
    connections: connections.length,
    streams: connections.reduce((sum, { streams }) => sum + streams.length, 0),
    ...(counting && { listeners: queryObjects(Listener as never, { format: 'count' }) as number })
  }
}

const megabytes = (bytes: number): number => Math.round(bytes / 1e3) / 1e3

/**
 * Node keeps one record for each listener of an `EventTarget`, of a class that it
 * does not export. Counting these sees the listeners of targets that nobody would
 * think of, above all those that pile up on a long-lived `AbortSignal`.
 */
const Listener = listenerClass()

function listenerClass(): unknown {
  const target = new EventTarget()
  target.addEventListener('any', () => {})
  const kEvents = Object.getOwnPropertySymbols(target).find(({ description }) => description === 'kEvents')
  const roots = (target as unknown as Record<symbol, Map<string, { next: object }>>)[kEvents!]
  const listener = roots?.get('any')?.next
  if (listener === undefined) throw new Error('This version of Node keeps its listeners in another way.')
  return listener.constructor
}
