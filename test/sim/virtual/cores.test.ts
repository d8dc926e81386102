import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { assert, describe, expect, it } from 'vitest'
import {
  type AdmissionEvent,
  newAdmission,
  stepAdmission
} from '../../../capabilities/serving/admission-core.ts'
import type { Stepped } from '../../../interface/core.ts'
import { LumosError, PeerUnreachableError } from '../../../interface/errors.ts'
import { newPulls, stepPulls } from '../../../node/manifests/manifest-schedule.ts'
import { newProviders, type ProviderEvent, stepProviders } from '../../../node/manifests/provider-core.ts'
import { stepMembers } from '../../../node/membership/members-core.ts'
import { type MembersEvent, newMembers } from '../../../node/membership/members-state.ts'
import { askingBy } from '../../../node/routing/asking.ts'
import { newRouter, stepRouter } from '../../../node/routing/router-core.ts'
import type { RouterEvent } from '../../../node/routing/router-state.ts'
import { Identities, MESH, manifestOf, peerIdOf } from '../../../sim/virtual/identities.ts'

/** Everything of a state, maps and sets in their order, as one number. */
const hashOf = (state: unknown): string =>
  createHash('sha256')
    .update(
      JSON.stringify(state, (_key, value: unknown) => {
        if (value instanceof Map) return { map: [...value] }
        return value instanceof Set ? { set: [...value] } : value
      })
    )
    .digest('hex')

const ASKING = askingBy('balanced')
const WALL_MS = 1_800_000_000_000
const chance = (): number => 0.5

/** Runs events one after another; `refused` says whether an event must have changed nothing. */
function run<State, Event, Effect>(
  state: State,
  events: readonly Event[],
  step: (state: State, event: Event, nowMs: number) => Stepped<State, Effect>,
  refused: (event: Event, effects: readonly Effect[]) => boolean
): string[] {
  const hashes: string[] = []
  for (const [nowMs, event] of events.entries()) {
    const before = hashOf(state)
    const { effects } = step(state, event, nowMs)
    const after = hashOf(state)
    if (refused(event, effects))
      assert.strictEqual(after, before, `${JSON.stringify(event)} changed something`)
    hashes.push(after + hashOf(effects))
  }
  return hashes
}

/** The same events lead to the same states and effects, and what is refused changes nothing (S10). */
function holds<State, Event, Effect>(
  event: fc.Arbitrary<Event>,
  fresh: () => State,
  step: (state: State, event: Event, nowMs: number) => Stepped<State, Effect>,
  refused: (event: Event, effects: readonly Effect[]) => boolean
): void {
  let refusals = 0
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), events => {
      const counted = (one: Event, effects: readonly Effect[]): boolean => {
        const refuses = refused(one, effects)
        if (refuses) refusals++
        return refuses
      }
      expect(run(fresh(), events, step, counted)).toEqual(run(fresh(), events, step, counted))
    }),
    { numRuns: 200 }
  )
  expect(refusals).toBeGreaterThan(10)
}

const small = fc.nat(4)
const unknown = (): undefined => undefined

describe('a core takes the same way whenever the same happens, and a refusal changes nothing', () => {
  it('of admission', () => {
    const event: fc.Arbitrary<AdmissionEvent> = fc.oneof(
      { weight: 6, arbitrary: fc.nat(40).map(id => ({ type: 'enter', id }) as const) },
      { weight: 1, arbitrary: fc.nat(40).map(id => ({ type: 'give-up', id }) as const) }
    )
    const slow = () => ({ ...newAdmission(1), serviceMs: 5000 })
    holds(event, slow, stepAdmission, (_event, [effect]) => effect?.type === 'refuse')
  })

  it('of the provider table', () => {
    const event: fc.Arbitrary<ProviderEvent> = fc
      .record({ node: small, epoch: small, sequence: small, content: fc.nat(1), ageMs: fc.nat(20) })
      .map(({ ageMs, ...numbers }) => ({
        type: 'manifest',
        signed: manifestOf({ ...numbers, ttlMs: 10, capabilities: [], chain: [] }),
        ageMs
      }))
    // A second content under one number is the one refusal that leaves a mark.
    holds(
      event,
      () => newProviders(unknown),
      stepProviders,
      (_event, [effect]) =>
        effect === undefined ? true : effect.type === 'refuse' && effect.code !== 'MANIFEST_EQUIVOCATED'
    )
  })

  it('of members', () => {
    const identities = new Identities()
    identities.admit(0)
    for (const node of [1, 2, 3]) identities.admit(node, 0)
    identities.makeStranger(4)
    const revocations = [0, 1, 2, 3].map(node => identities.revocation(node < 2 ? undefined : 0, node))
    const forged = { ...identities.revocation(0, 3), issuerCertificate: null }
    const event: fc.Arbitrary<MembersEvent> = fc.oneof(
      small.map(node => {
        const chain = identities.chainOf(node)
        return { type: 'admit', peerId: peerIdOf(node), certificates: identities.open(chain), chain } as const
      }),
      fc
        .constantFrom(...revocations)
        .map(
          revocation =>
            ({ type: 'revoke', revocation, revoker: identities.open(identities.chainOf(0))[0] }) as const
        ),
      fc.constant({ type: 'revoke', revocation: forged, revoker: undefined } as const),
      fc.constantFrom(...revocations).map(revocation => ({ type: 'revocation-stored', revocation }) as const)
    )
    holds(
      event,
      () => newMembers(MESH),
      (state, one) => stepMembers(state, one, WALL_MS),
      // What is stored is kept even where it changes what no peer is.
      ({ type }, [effect]) => (effect === undefined ? type !== 'revocation-stored' : effect.type === 'refuse')
    )
  })

  it('of the router', () => {
    const capability = { task: 'tensor', model: 'm', slots: 1, warm: true } as const
    const offers = [0, 1].map(node => ({
      ...{ peerId: peerIdOf(node), name: '', local: node === 0, connected: true, rttMs: 1 },
      capability
    }))
    const attempts = fc.integer({ min: 1, max: 8 })
    const failures = [new PeerUnreachableError('gone'), new LumosError('INVALID_INPUT', 'no')]
    const event: fc.Arbitrary<RouterEvent> = fc.oneof(
      small.map(
        id => ({ type: 'ask', id, requestId: `r${id}`, budgetMs: 30, offers, asking: ASKING }) as const
      ),
      fc
        .tuple(small, attempts, fc.boolean())
        .map(([id, attempt, last]) => ({ type: 'chunk', id, attempt, last }) as const),
      fc.tuple(small, attempts).map(([id, attempt]) => ({ type: 'timer', id, attempt }) as const),
      fc.tuple(small, attempts).map(([id, attempt]) => ({ type: 'ended', id, attempt }) as const),
      fc
        .tuple(small, attempts, fc.constantFrom(...failures), fc.boolean())
        .map(
          ([id, attempt, failure, unwanted]) => ({ type: 'failed', id, attempt, failure, unwanted }) as const
        ),
      small.map(id => ({ type: 'cancel', id }) as const)
    )
    holds(
      event,
      () => newRouter(0),
      stepRouter,
      (_event, effects) => effects.length === 0
    )
  })

  it('of the rounds of pulls', () => {
    const event = fc.oneof(
      fc.constant({ type: 'tick', peers: [1, 2, 3] } as const),
      fc.constant({ type: 'met' } as const),
      fc.nat(4000).map(ageMs => ({ type: 'pulled', ageMs }) as const)
    )
    holds(
      event,
      newPulls,
      (state, one, nowMs) => stepPulls<number>(state, one, nowMs, chance),
      one => one.type === 'pulled' && one.ageMs < 2000
    )
  })
})

/** Retries that so many requests within `spanMs` make when every peer that is asked fails. */
function retriesOf(requests: number, spanMs: number): number {
  const state = newRouter(0)
  const capability = { task: 'tensor', model: 'm', slots: 1, warm: true } as const
  const offers = [0, 1, 2].map(node => ({
    ...{ peerId: peerIdOf(node), name: '', local: false, connected: true, rttMs: 1 },
    capability
  }))
  let retries = 0
  for (let id = 0; id < requests; id++) {
    const nowMs = (id * spanMs) / requests
    let [effect] = stepRouter(
      state,
      { type: 'ask', id, requestId: `${id}`, budgetMs: 1000, offers, asking: ASKING },
      nowMs
    ).effects
    while (effect?.type === 'attempt') {
      const { attempt } = effect
      const failure = new PeerUnreachableError('gone')
      ;[effect] = stepRouter(state, { type: 'failed', id, attempt, failure, unwanted: false }, nowMs).effects
      if (effect?.type === 'attempt') retries++
    }
    expect(effect?.type).toBe('fail')
  }
  expect(state.requests.size).toBe(0)
  return retries
}

describe('retries', () => {
  it('are at most ten of few requests, and a tenth of many', () => {
    expect(retriesOf(100, 1000)).toBe(10)
    expect(retriesOf(1000, 9000)).toBe(100)
  })

  it('are counted anew once the window has passed', () => {
    // Ten in the first three seconds, and ten from the twelfth to the fourteenth.
    expect(retriesOf(30, 15_000)).toBe(20)
  })
})
