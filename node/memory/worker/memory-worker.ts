/** The thread of memory: owns `memory.db`. Calls that wait together are one commit; each is answered when it is on disk. */

import { statSync } from 'node:fs'
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { systemClock, type Timer } from '../../../interface/clock.ts'
import { toLumosError } from '../../../interface/errors.ts'
import { signingKey } from '../../../protocols/memory/signed.ts'
import { openDatabase } from '../../../storage/database/database.ts'
import { MEMORY_MIGRATIONS } from '../../../storage/memory/schema.ts'
import { openDoc } from '../docs/index.ts'
import type { EngineEvent } from './engine.ts'
import { LocalEngine } from './local-engine.ts'
import { type Ask, COUNTER_AT, type Reply, type Start } from './messages.ts'

/** A call that came first does not wait for those behind it for longer. */
const GROUP_MS = 5
/** Nothing was asked for so long: there is time to tidy up. */
const IDLE_MS = 1000

const { path, seed, spaceBytesMax, poison, applying } = workerData as Start
const port = parentPort!
const say = (reply: Reply): void => port.postMessage(reply)
const mark = new Uint8Array(applying)
/** Said once the commit that they are of is on disk. */
let events: EngineEvent[] = []

const database = openDatabase(path, { migrations: MEMORY_MIGRATIONS, synchronous: 'FULL' })
const { ino, birthtimeMs } = statSync(path)
const engine = database.transaction(() => {
  const made = new LocalEngine({
    database,
    file: `${ino} ${birthtimeMs}`,
    key: signingKey(seed),
    clock: systemClock,
    openDoc,
    spaceBytesMax,
    emit: event => events.push(event),
    applying(hash) {
      if (hash !== null) mark.set(hash, 1)
      mark[0] = hash === null ? 0 : 1
      mark[COUNTER_AT]!++
    }
  })
  for (const hash of poison) made.poison(hash)
  return made
})

let idle: Timer | undefined
let isClosed = false
port.on('message', (first: Ask) => {
  idle?.cancel()
  for (let next: Ask | undefined = first; next !== undefined; ) next = group(next)
  if (!isClosed) idle = systemClock.setTimer(tidy, IDLE_MS)
})

/** The write-ahead log, which keeps its size otherwise, may be larger than all that there is. */
function tidy(): void {
  try {
    database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all()
  } catch {
    // The next commit says what ails the disk.
  }
}

/** @returns the first call that is not of this commit. */
function group(first: Ask): Ask | undefined {
  const until = systemClock.monotonicMs() + GROUP_MS
  const replies: Reply[] = []
  const ids: number[] = []
  let next: Ask | undefined = first
  let isOver = false
  try {
    database.transaction(() => {
      while (next !== undefined && !isOver) {
        ids.push(next.id)
        say({ type: 'begun', ids: [next.id] })
        replies.push(answer(next))
        isOver = next.name === 'close'
        next = receiveMessageOnPort(port)?.message
        if (systemClock.monotonicMs() > until) break
      }
    })
    if (events.length > 0) say({ type: 'events', events })
    for (const reply of replies) say(reply)
  } catch (thrown) {
    // Nothing of it is on disk, so nothing of it may stay in memory.
    engine.reload()
    for (const id of ids) say(failed(id, thrown))
  }
  events = []
  if (isOver) {
    isClosed = true
    database.close()
    port.close()
  }
  return next
}

function answer({ id, name, args }: Ask): Reply {
  try {
    if (name === 'close') {
      engine.save()
      return { type: 'value', id, value: undefined }
    }
    const call = engine[name] as (...args: readonly unknown[]) => unknown
    return { type: 'value', id, value: call.apply(engine, [...args]) }
  } catch (thrown) {
    const error = toLumosError(thrown)
    // The disk, or a defect of ours: it is unknown what of it is in memory.
    if (error.code.startsWith('STORE_') || error.code === 'INTERNAL') throw thrown
    return failed(id, error)
  }
}

function failed(id: number, thrown: unknown): Reply {
  const { code, message, hint, details } = toLumosError(thrown)
  return { type: 'failure', id, failure: { code, message, hint, details } }
}
