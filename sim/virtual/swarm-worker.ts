/** Runs the seeds it is sent, each twice, and says what came of them. */

import { parentPort } from 'node:worker_threads'
import { runSeedTwice } from './swarm.ts'

parentPort?.on('message', (seed: number) => parentPort?.postMessage(runSeedTwice(seed)))
