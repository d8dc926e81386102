/** Claims to do everything, quickly and with many slots, and answers late, wrong, or not to the end. */

import type { Inference, InferenceChunk, InferenceRequest } from '../../interface/inference.ts'
import { INFERENCE_PROTOCOL, InferenceHandler } from '../../protocols/inference/index.ts'
import { HostLog } from '../host-log.ts'
import { pick } from '../random.ts'
import { type Attack, type Behaviour, keepDoing, meet, pause } from './behaviour.ts'

/** Longer than any patience with a first token should be. */
const LATE_MS = 3000
/** As often as a manifest may change without being shut out for it. */
const CLAIM_INTERVAL_MS = 2000
const SLOTS = 256

const LIES = ['late', 'wrong', 'cut', 'miscounted', 'silent'] as const

class Lies implements Inference {
  readonly #attack: Attack

  constructor(attack: Attack) {
    this.#attack = attack
  }

  async *infer(_request: InferenceRequest): AsyncGenerator<InferenceChunk> {
    const lie = pick(LIES, this.#attack.random)
    if (lie === 'late') await pause(this.#attack, LATE_MS)
    if (lie === 'silent') {
      await new Promise<void>(resolve => this.#attack.signal.addEventListener('abort', () => resolve()))
      return
    }
    yield { type: 'text', index: 0, text: 'This is a lie.' }
    if (lie === 'cut') throw new Error('cut')
    yield { type: 'done', index: lie === 'miscounted' ? 7 : 1, finishReason: 'stop', usage: {} }
  }
}

export const liar: Behaviour = async attack => {
  const { peer, clock } = attack
  const handler = new InferenceHandler({ service: new Lies(attack), clock, log: new HostLog() })
  await peer.libp2p.handle(INFERENCE_PROTOCOL, handler.onStream)
  let sequence = 0
  const claim = () => {
    const models = new Set(attack.victims().flatMap(node => node.models().map(({ model }) => model)))
    const capabilities = [...models].flatMap(model => [
      { task: 'text-generation', model, slots: SLOTS, warm: true }
    ])
    return peer.sealed({ sequence: ++sequence, capabilities, addresses: ownAddresses(attack) })
  }
  await keepDoing(attack, CLAIM_INTERVAL_MS, async victim => {
    const connection = await meet(attack, victim, claim)
    await peer.hello(connection, await claim())
  })
}

const ownAddresses = ({ peer }: Attack): string[] => peer.libp2p.getMultiaddrs().map(String)
