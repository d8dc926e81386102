import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LumosError } from '../../interface/errors.ts'
import { type Access, ROLES, type Role } from '../../interface/membership.ts'
import {
  type Action,
  EVERY_MEMBER,
  EVERYBODY,
  type Opener,
  permit,
  type Standing
} from '../../node/membership/policy.ts'

const HELLO: string = '/lumos/hello/1'
const JOIN = '/lumos/join/1'
const PEER = '12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo'

const access: fc.Arbitrary<Access> = fc.oneof(
  fc.constant('everyone' as const),
  fc.record(
    { roles: fc.subarray([...ROLES]), peers: fc.subarray([PEER, 'den', 'other']) },
    { requiredKeys: [] }
  )
)
const protocol = fc.oneof(
  fc.constantFrom(HELLO, JOIN, '/meshsub/1.2.0', '/ipfs/id/1.0.0', '/lumos/inference/1', ''),
  fc.string(),
  // Names that only begin or end like one that is open.
  fc.string({ minLength: 1 }).map(end => HELLO + end)
)
/** As protocols state them: never a role without the greater ones, nor strangers without members. */
const openers = fc.constantFrom<(readonly Opener[])[]>(
  [],
  ['admin'],
  ['admin', 'member'],
  EVERY_MEMBER,
  EVERYBODY
)
const action: fc.Arbitrary<Action> = fc.oneof(
  fc.constantFrom({ kind: 'connect' } as const, { kind: 'accept' } as const),
  fc.record({ kind: fc.constant('open' as const), protocol, openers }),
  fc.record({ kind: fc.constant('ask' as const), access })
)

/** What the policy says: a code, or nothing when it permits. */
function verdict(standing: Standing, wanted: Action): string | undefined {
  try {
    permit(standing, wanted, { peerId: PEER })
    return undefined
  } catch (err) {
    assert.ok(err instanceof LumosError)
    return err.code
  }
}

const member = (role: Role): Standing => ({ kind: 'member', role, name: 'den' })

/** Who may do at least what the other may. Edge devices keep no memory, which no action here speaks of. */
const ABOVE: [greater: Role, lesser: Role][] = [
  ['admin', 'member'],
  ['member', 'edge'],
  ['edge', 'guest']
]

const OTHER = '12D3KooWPgFxRW1yZF1wAjKALFKWiSj8JN5qXGZxBSAp1BkvaLBT'

it('grants what is offered to a PeerId to that device, and not to a member that bears it as its name', () => {
  const offered: Action = { kind: 'ask', access: { peers: [OTHER] } }
  const impostor = { kind: 'member', role: 'guest', name: OTHER } as const
  expect(verdict(impostor, offered)).toBe('DENIED')
  expect(() => permit(impostor, offered, { peerId: OTHER })).not.toThrow()
})

describe('the policy', () => {
  it('lets a stranger connect, say hello, join while that is open, and nothing else', () => {
    fc.assert(
      fc.property(action, wanted => {
        const may =
          wanted.kind === 'connect' ||
          wanted.kind === 'accept' ||
          (wanted.kind === 'open' && wanted.openers.includes('stranger'))
        assert.equal(verdict({ kind: 'stranger' }, wanted), may ? undefined : 'PEER_NOT_MEMBER')
      }),
      { numRuns: 2000 }
    )
  })

  it('accepts the connection of a removed peer, so that it learns why, and nothing else of it; of a banned one nothing', () => {
    fc.assert(
      fc.property(action, wanted => {
        const expected = wanted.kind === 'accept' ? undefined : 'PEER_REVOKED'
        assert.equal(verdict({ kind: 'revoked' }, wanted), expected)
        assert.equal(verdict({ kind: 'banned' }, wanted), 'PEER_BANNED')
      }),
      { numRuns: 2000 }
    )
  })

  it('lets no role do what a greater one may not, but for what is offered to roles by name', () => {
    fc.assert(
      fc.property(action, fc.constantFrom(...ABOVE), (wanted, [greater, lesser]) => {
        fc.pre(wanted.kind !== 'ask' || wanted.access === 'everyone' || wanted.access.roles === undefined)
        const lesserMay = verdict(member(lesser), wanted) === undefined
        const greaterMay = verdict(member(greater), wanted) === undefined
        assert.ok(!lesserMay || greaterMay)
      }),
      { numRuns: 2000 }
    )
  })

  it('lets a member open what its role is named for, and nothing else', () => {
    fc.assert(
      fc.property(protocol, fc.subarray([...EVERYBODY]), fc.constantFrom(...ROLES), (name, named, role) => {
        const wanted: Action = { kind: 'open', protocol: name, openers: named }
        assert.equal(verdict(member(role), wanted), named.includes(role) ? undefined : 'DENIED')
      })
    )
  })

  it('lets every member do at least what a stranger may', () => {
    fc.assert(
      fc.property(action, fc.constantFrom(...ROLES), (wanted, role) => {
        fc.pre(verdict({ kind: 'stranger' }, wanted) === undefined)
        assert.equal(verdict(member(role), wanted), undefined)
      })
    )
  })

  it('offers a model to whom its owner named, by role or as a peer, and to nobody else', () => {
    fc.assert(
      fc.property(access, fc.constantFrom(...ROLES), (to, role) => {
        const may =
          to === 'everyone' ||
          to.roles?.includes(role) ||
          to.peers?.some(peer => peer === PEER || peer === 'den')
        assert.equal(verdict(member(role), { kind: 'ask', access: to }), may ? undefined : 'DENIED')
      })
    )
  })

  it('lets every role ask for what is offered to everyone', () => {
    const may = (role: Role, wanted: Action) => verdict(member(role), wanted) === undefined
    expect(ROLES.filter(role => may(role, { kind: 'ask', access: 'everyone' }))).toEqual([...ROLES])
  })
})
