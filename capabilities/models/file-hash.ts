/** The SHA-256 of a file of any size. */

import { Worker } from 'node:worker_threads'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import { HASH_WORKER } from '../entries.ts'

export interface HashOptions extends AbortOptions {
  /** Called for each part that was read. */
  onBytes?(bytes: number): void
}

/**
 * In lower-case hex.
 *
 * @throws {Error} of the file system when the file cannot be read, and the signal's reason.
 */
export async function hashOf(path: string, { signal, onBytes }: HashOptions = {}): Promise<string> {
  signal?.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const worker = new Worker(HASH_WORKER, { workerData: path })
  const onAbort = () => reject(signal?.reason)
  signal?.addEventListener('abort', onAbort)
  worker.on('message', (said: number | string) => {
    if (typeof said === 'string') resolve(said)
    else onBytes?.(said)
  })
  worker.on('error', reject)
  worker.on('exit', () => reject(new Error(`The thread that reads ${path} has ended.`)))
  try {
    return await promise
  } finally {
    signal?.removeEventListener('abort', onAbort)
    await worker.terminate()
  }
}
