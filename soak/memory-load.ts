/** What a node of a soak of memory does all the time: it writes to documents of one space, reads others, and lets them go. */

import { setTimeout } from 'node:timers/promises'
import type { Random } from '../interface/clock.ts'
import { toLumosError } from '../interface/errors.ts'
import type { DocContent, DocKind, MemoryChange } from '../interface/memory.ts'
import type { LumosNode } from '../interface/node.ts'
import type { Lost, Tally } from './load.ts'

/** Twice as many as a device keeps open. */
const DOCUMENTS = 500
/** With a read for each, twelve writers leave a machine of two cores half idle. */
const WRITE_EVERY_MS = 1000
/** What is alive stays as much: of each writer so many keys and entries in a document. */
const ALIVE = 5
const SPACE = 'soak'
const KINDS: readonly DocKind[] = ['facts', 'journal', 'tasks', 'notes']
const NOTE_CHARS_MAX = 400

export class MemoryLoad {
  readonly #node: LumosNode
  readonly #random: Random
  readonly #founds: boolean
  #space: string | undefined
  #count = 0
  #calls = 0
  #streams = 0
  #callsMs: number[] = []
  #lost: Lost[] = []
  #stopped = false

  /** @param founds whether this node makes the space, if it is not there. */
  constructor(node: LumosNode, random: Random, founds: boolean) {
    this.#node = node
    this.#random = random
    this.#founds = founds
  }

  start(): void {
    void this.#run()
  }

  stop(): void {
    this.#stopped = true
  }

  /** Counts from zero again: writes as calls, reads as streams. */
  take(): Tally {
    const tally = { calls: this.#calls, streams: this.#streams, callsMs: this.#callsMs, lost: this.#lost }
    this.#calls = this.#streams = 0
    this.#callsMs = []
    this.#lost = []
    return tally
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await setTimeout(WRITE_EVERY_MS * (0.5 + this.#random()))
      const fromMs = Date.now()
      await this.#step().catch(err => {
        if (this.#stopped) return
        this.#lost.push({
          peer: this.#node.status().name,
          code: toLumosError(err).code,
          fromMs,
          toMs: Date.now()
        })
      })
    }
  }

  async #step(): Promise<void> {
    const { memory } = this.#node
    this.#space ??= await this.#find()
    const space = this.#space
    if (space === undefined) return
    const number = this.#any()
    const [doc, kind] = [`doc-${number}`, KINDS[number % KINDS.length]!]
    const changes = await this.#changes(space, doc, kind)
    const beganMs = performance.now()
    this.#calls++
    await memory.write(space, doc, kind, changes)
    this.#callsMs.push(performance.now() - beganMs)
    this.#streams++
    await this.#read(space, `doc-${this.#any()}`)
  }

  #any(): number {
    return Math.floor(this.#random() * DOCUMENTS)
  }

  /** It comes from the node that makes it. */
  async #find(): Promise<string | undefined> {
    const { memory } = this.#node
    const [known] = await memory.spaces()
    if (known !== undefined || !this.#founds) return known?.id
    const { id } = await memory.create(SPACE)
    await memory.share(id, { role: 'member' }, 'write')
    return id
  }

  /** Nothing where no device has written to it yet. */
  async #read(space: string, doc: string): Promise<DocContent | undefined> {
    return await this.#node.memory.read(space, doc).catch(err => {
      if (toLumosError(err).code !== 'MEMORY_NOT_FOUND') throw err
      return undefined
    })
  }

  async #changes(space: string, doc: string, kind: DocKind): Promise<MemoryChange[]> {
    const slot = `${this.#node.peerId.slice(-8)}-${this.#count++ % ALIVE}`
    switch (kind) {
      case 'facts':
        return [{ type: 'set', key: slot, value: `${this.#random()}` }]
      case 'tasks':
        return [{ type: 'task', id: slot, title: `${this.#random()}`, state: 'open' }]
      case 'journal': {
        // An entry keeps its value, so the one before it goes.
        const known = await this.#read(space, doc)
        const own =
          known?.kind === 'journal' ? known.entries.filter(({ id }) => id.startsWith(`${slot}-`)) : []
        const gone = own.map(({ id }) => ({ type: 'remove' as const, id }))
        return [...gone, { type: 'append', id: `${slot}-${this.#count}`, value: 'an entry' }]
      }
      default: {
        const known = await this.#read(space, doc)
        const chars = known?.kind === 'notes' ? known.text.length : 0
        return [
          { type: 'edit', at: 0, remove: chars > NOTE_CHARS_MAX ? chars : 0, insert: `line ${this.#count}\n` }
        ]
      }
    }
  }
}
