/** What a node of the soak does all the time: small calls to a random other, and a stream now and then. */

import type { Random } from '../interface/clock.ts'
import { toLumosError } from '../interface/errors.ts'
import type { LumosNode, NewInferenceRequest } from '../interface/node.ts'
import { pick } from '../sim/random.ts'

/** A few calls a second: an hour of it is ten thousand calls for each node, and leaves the machine idle. */
const CALL_EVERY_MS = 300
const STREAM_EVERY_MS = 5000
const STREAM_WORDS = 200
/** Nothing here takes a tenth of it, on a machine that is busy either. */
const CALL_BUDGET_MS = 20_000

const CALL: NewInferenceRequest = {
  task: 'tensor',
  model: 'echo',
  input: { tensors: { x: { type: 'uint8', dims: [256], data: new Uint8Array(256).fill(7) } } },
  budgetMs: CALL_BUDGET_MS
}
const STREAM: NewInferenceRequest = {
  task: 'text-generation',
  model: 'echo',
  input: { messages: [{ role: 'user', content: 'word '.repeat(STREAM_WORDS).trim() }] },
  budgetMs: CALL_BUDGET_MS
}

/** What was asked since the last tally. */
export interface Tally {
  readonly calls: number
  readonly streams: number
  /** Time of each small call that was answered, from the question to the end of the answer. */
  readonly callsMs: readonly number[]
  /** Calls and streams without a whole answer. */
  readonly lost: readonly Lost[]
}

export interface Lost {
  /** Name of the one that was asked. */
  readonly peer: string
  readonly code: string
  /** Wall time. */
  readonly fromMs: number
  readonly toMs: number
}

export class Load {
  readonly #node: LumosNode
  readonly #random: Random
  #calls = 0
  #streams = 0
  #callsMs: number[] = []
  #lost: Lost[] = []
  #stopped = false

  constructor(node: LumosNode, random: Random) {
    this.#node = node
    this.#random = random
  }

  start(): void {
    void this.#repeat(CALL_EVERY_MS, async peer => {
      this.#calls++
      const beganMs = performance.now()
      await this.#ask(CALL, peer)
      this.#callsMs.push(performance.now() - beganMs)
    })
    void this.#repeat(STREAM_EVERY_MS, async peer => {
      this.#streams++
      await this.#ask(STREAM, peer)
    })
  }

  stop(): void {
    this.#stopped = true
  }

  /** Counts from zero again. */
  take(): Tally {
    const tally = { calls: this.#calls, streams: this.#streams, callsMs: this.#callsMs, lost: this.#lost }
    this.#calls = this.#streams = 0
    this.#callsMs = []
    this.#lost = []
    return tally
  }

  /** One after the other, about every `intervalMs`; never in step with the other nodes. */
  async #repeat(intervalMs: number, ask: (peer: string) => Promise<void>): Promise<void> {
    while (!this.#stopped) {
      await new Promise(resolve => setTimeout(resolve, intervalMs * (0.5 + this.#random())))
      const peers = this.#node.peers().filter(({ capabilities }) => capabilities.length > 0)
      if (this.#stopped || peers.length === 0) continue
      const { name: peer } = pick(peers, this.#random)
      const fromMs = Date.now()
      await ask(peer).catch(err => {
        if (this.#stopped) return
        this.#lost.push({ peer, code: toLumosError(err).code, fromMs, toMs: Date.now() })
      })
    }
  }

  async #ask(request: NewInferenceRequest, peer: string): Promise<void> {
    for await (const _ of this.#node.infer(request, { peer }));
  }
}
