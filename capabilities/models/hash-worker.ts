/** Hashes one file on a thread of its own, so that gigabytes of it cost the network nothing. */

import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'

/** Large enough that a message for each costs nothing, small enough that a person sees it move. */
const CHUNK_BYTES = 4 * 1024 * 1024

const hash = createHash('sha256')
for await (const chunk of createReadStream(workerData as string, { highWaterMark: CHUNK_BYTES })) {
  hash.update(chunk as Buffer)
  parentPort!.postMessage((chunk as Buffer).length)
}
parentPort!.postMessage(hash.digest('hex'))
