/**
 * Bugs planted on purpose: each is the product's core, or one rule of its shell,
 * made wrong in one way that somebody could make by mistake.
 */

import { enqueue, OWN } from '../../../capabilities/serving/fair-turns-core.ts'
import { NO_EFFECTS } from '../../../interface/core.ts'
import { type Cores, PRODUCT_CORES } from '../../../sim/virtual/cores.ts'
import type { Invariant } from '../../../sim/virtual/promises.ts'

export interface Planted {
  readonly bug: string
  /** What must be said to be broken. */
  readonly breaks: Invariant
  readonly cores: Cores
}

const { admission, members, providers, router } = PRODUCT_CORES
const planted = (bug: string, breaks: Invariant, broken: Partial<Cores>): Planted => ({
  bug,
  breaks,
  cores: { ...PRODUCT_CORES, ...broken }
})

export const PLANTED: readonly Planted[] = [
  planted('a retry that is decided and never made', 'E1', {
    router(state, event, nowMs, random) {
      const stepped = router(state, event, nowMs, random)
      if (event.type !== 'failed' && event.type !== 'timer') return stepped
      return { state, effects: stepped.effects.filter(({ type }) => type !== 'attempt') }
    }
  }),
  planted('an answer that is begun again where it was cut', 'S3', {
    router(state, event, nowMs, random) {
      const { effects } = router(state, event, nowMs, random)
      return { state, effects: effects.map(one => (one.type === 'attempt' ? { ...one, from: 0 } : one)) }
    }
  }),
  planted('an answer of two that goes on with the chunks of both', 'S3', {
    router(state, event, nowMs, random) {
      const { effects } = router(state, event, nowMs, random)
      const abandoned = effects.find(({ type }) => type === 'abandon')
      if (abandoned?.type !== 'abandon' || event.type !== 'chunk') return { state, effects }
      const attempt = state.requests.get(event.id)?.attempts.find(({ id }) => id === abandoned.attempt)
      if (attempt !== undefined) attempt.end = undefined
      return { state, effects: effects.filter(one => one !== abandoned) }
    }
  }),
  planted('retries without a budget', 'S13', {
    router(state, event, nowMs, random) {
      state.retries.retries.fill(0)
      return router(state, event, nowMs, random)
    }
  }),
  planted('a queue without a bound', 'S9', {
    admission(state, event, nowMs, random) {
      const stepped = admission(state, event, nowMs, random)
      const [effect] = stepped.effects
      if (effect?.type !== 'refuse') return stepped
      enqueue(state.turns, effect.id, (event.type === 'enter' && event.peer) || OWN, nowMs)
      return { state, effects: NO_EFFECTS }
    }
  }),
  planted('a place in the queue that is kept after its request was cancelled', 'L3', {
    admission(state, event, nowMs, random) {
      return event.type === 'give-up'
        ? { state, effects: NO_EFFECTS }
        : admission(state, event, nowMs, random)
    }
  }),
  planted('a manifest that is taken although a newer one is known', 'S6', {
    providers(state, event, nowMs, random) {
      if (event.type === 'manifest') {
        const { peerId, sequence } = event.signed.manifest
        if ((state.entries.get(peerId)?.sequence ?? sequence) > sequence) state.entries.delete(peerId)
      }
      return providers(state, event, nowMs, random)
    }
  }),
  planted('a digest that does not tell two sets of removals apart', 'L1', {
    members(state, event, wallMs, random) {
      const stepped = members(state, event, wallMs, random)
      state.removals.digest = 'some'
      return stepped
    }
  }),
  // A node that runs keeps all: it would else disagree with the others before it is started again.
  planted('a removal that replaces the one before when the disk is read', 'S1', {
    members(state, event, wallMs, random) {
      if (event.type === 'revocation-stored' && state.known.size === 0) state.removals.kept.clear()
      return members(state, event, wallMs, random)
    }
  }),
  planted('a removal that is kept and not heeded', 'S5', {
    members(state, event, wallMs, random) {
      const stepped = members(state, event, wallMs, random)
      state.removals.rooms.clear()
      return stepped
    }
  }),
  planted('a write that is acknowledged before it is synced', 'S1', { commitsAreSynced: false })
]
