/** A model's weights from one process to the disk of another: this mesh beside plain HTTP and stock Bitswap. */

import { type ChildProcess, fork } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LEAF_BYTES } from '../interface/limits.ts'
import { REPOSITORY_MANIFEST } from '../protocols/weights/repository-manifest.ts'
import { sealRecord } from '../protocols/wire/signed-record.ts'
import { type Bench, take } from './harness.ts'
import { tableOf } from './table.ts'
import { keyOf, openStore } from './weights-device.ts'
import { bringIn, IMPORT_WAYS } from './weights-import.ts'
import type { Job, Received } from './weights-peer.ts'
import { type Content, WAYS, type Way } from './weights-ways.ts'

const LEAVES = { thorough: 256, quick: 16 }
const ROUNDS = { thorough: 5, quick: 1 }
/** Above the idle process, on each side. */
export const RSS_MB_MAX = 64
/** Calls go before bulk. */
const CALLS_FACTOR_MAX = 3
/** MB/s. */
const IMPORT_MIN = 300

export const bench: Bench = async ({ quick }) => {
  const directory = mkdtempSync(join(tmpdir(), 'lumos-bench-'))
  try {
    const leaves = quick ? LEAVES.quick : LEAVES.thorough
    const content = await prepare(directory, leaves)
    const rates = new Map<string, number[]>()
    const memory = new Map<string, number[]>()
    const calls = new Map<string, number[]>()
    const imports = new Map<string, number[]>()
    for (let round = 0; round < (quick ? ROUNDS.quick : ROUNDS.thorough); round++) {
      for (let n = 0; n < WAYS.length; n++) {
        const way = WAYS[(n + round) % WAYS.length]!
        const measured = await move(way, content, join(directory, `${way}-${round}`))
        take(rates, way, (leaves * LEAF_BYTES) / 1000 / measured.ms)
        take(memory, `${way}, sender`, measured.senderBytes / 1e6)
        take(memory, `${way}, receiver`, measured.receiverBytes / 1e6)
      }
      for (const way of IMPORT_WAYS) {
        const ms = await bringIn(way, content.file, directory)
        take(imports, way, (leaves * LEAF_BYTES) / 1000 / ms)
      }
      const { besideMs, aloneMs } = await callsBeside(content, join(directory, `calls-${round}`))
      take(calls, 'beside a transfer', besideMs)
      take(calls, 'alone', aloneMs)
    }
    const inOrder = (series: Map<string, number[]>) =>
      new Map([...series].sort(([a], [b]) => rankOf(a) - rankOf(b)))
    const limits = { 'lumos, sender': RSS_MB_MAX, 'lumos, receiver': RSS_MB_MAX }
    return [
      tableOf('Weights to disk, between two processes', inOrder(rates), {
        unit: 'MB/s',
        references: ['HTTP', 'Bitswap']
      }),
      tableOf('Memory above the idle process', inOrder(memory), { unit: 'MB', references: [], limits }),
      tableOf('99 of 100 calls of 1 KiB take at most', calls, {
        unit: 'ms',
        references: ['alone'],
        atMost: CALLS_FACTOR_MAX
      }),
      tableOf('A file into the store', imports, {
        unit: 'MB/s',
        references: ['copy'],
        limits: { import: IMPORT_MIN }
      })
    ]
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

const rankOf = (name: string): number => WAYS.findIndex(way => name.startsWith(way))

/** Random bytes as a file, and in a store as a repository. */
export async function prepare(directory: string, leaves: number): Promise<Content> {
  const path = join(directory, 'model.bin')
  const store = join(directory, 'store')
  await using file = await open(path, 'w')
  const weights = await openStore(store)
  const bytes = leaves * LEAF_BYTES
  const partial = await weights.partial(createHash('sha256').update(path).digest('hex'), bytes)
  const hash = createHash('sha256')
  for (let leaf = 0; leaf < leaves; leaf++) {
    const content = randomBytes(LEAF_BYTES)
    hash.update(content)
    await file.write(content)
    await partial.write(leaf, content)
  }
  // What is written later would wait for it.
  await file.sync()
  const stored = await partial.finish({ sha256: hash.digest('hex') })
  const files = [{ ...stored, path: 'model.bin' }]
  const repository = { name: 'model', cid: await weights.directoryOf(files), bytes, files }
  const { envelope } = await sealRecord(REPOSITORY_MANIFEST, repository, await keyOf('sender'))
  await weights.add(repository, envelope)
  await weights.close()
  return { file: path, store, cid: repository.cid }
}

/** @param loud says how far it is. */
export const move = (way: Way, content: Content, path: string, loud = false) =>
  between(path, async (sender, receiver) => {
    const offer = (await ask(sender, { type: 'send', way, content })) as object
    const job = { type: 'receive', way, path, offer: { ...offer, loud } } as const
    const received = (await ask(receiver, job)) as Received
    const [senderBytes, receiverBytes] = (await Promise.all([
      ask(sender, 'peak'),
      ask(receiver, 'peak')
    ])) as [number, number]
    return { ...received, senderBytes, receiverBytes }
  })

const callsBeside = (content: Content, path: string) =>
  between(path, async (sender, receiver) => {
    const offer = (await ask(sender, { type: 'send beside calls', way: 'lumos', content })) as object
    const job = { type: 'receive beside calls', way: 'lumos', path, offer } as const
    return (await ask(receiver, job)) as { aloneMs: number; besideMs: number }
  })

/** Two processes of their own, and nothing is left of what they write to `path`. */
async function between<T>(
  path: string,
  work: (sender: ChildProcess, receiver: ChildProcess) => Promise<T>
): Promise<T> {
  const sender = start()
  const receiver = start()
  try {
    return await work(sender, receiver)
  } finally {
    for (const child of [sender, receiver]) if (child.connected) child.disconnect()
    await Promise.all([sender, receiver].map(isOver))
    rmSync(path, { recursive: true, force: true })
  }
}

const start = (): ChildProcess =>
  fork(new URL('./weights-peer.ts', import.meta.url), {
    execArgv: ['--expose-gc', '--max-semi-space-size=1'],
    stdio: ['ignore', 2, 'inherit', 'ipc']
  })

const isOver = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

async function ask(child: ChildProcess, question: Job | 'peak'): Promise<unknown> {
  if (!child.connected) throw new Error('A side has ended.')
  const answer = Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`A side ended with ${code}.`)
    })
  ])
  child.send(question)
  return (await answer)[0]
}
