/** What an earlier version wrote of a space that `admin` made and `member` wrote to, and what is read in it. */

import assert from 'node:assert/strict'
import {
  Charters,
  CheckpointOf,
  decodeHave,
  decodeOffer,
  decodeWant,
  Envelopes,
  Need,
  OfSpace,
  Pieces
} from '../../protocols/memory/messages.ts'
import { decodeControl } from '../../protocols/wire/control.ts'
import { type Device, device, keyOfDevice } from '../node/memory/engines.ts'
import { recorded } from './reading.ts'

const SPACE = 'ccxmpj6cxhsiosxwc27kpjzzeq'
const [ADMIN, MEMBER] = [keyOfDevice('admin').peerId, keyOfDevice('member').peerId]
const CONTENT = '860b12db019707966418254461aefd99c97c46466e7fd0fe273e5200a89c5abe'
const at = 1_700_000_000_000

const HEADS = [
  [ADMIN, '0dc9bc077ded', 5],
  [MEMBER, 'ed91b125e248', 5]
]
const headsOf = (heads: readonly { writer: { device: string; life: string }; seq: number }[]) =>
  heads.map(({ writer: { device, life }, seq }) => [device, life, seq])

/** A device that has nothing but what was recorded. */
function newcomer(): Device {
  const member = device('member')
  const { space, records, key, last } = decodeControl(Charters, recorded('memory/charters'))
  assert.deepEqual([space, last], [SPACE, true])
  member.do(engine =>
    engine.setMembers(keyOfDevice('mesh').peerId, [
      { peerId: ADMIN, role: 'admin', revoked: false },
      { peerId: MEMBER, role: 'member', revoked: false }
    ])
  )
  member.do(engine => engine.acceptCharters(SPACE, { records, key }, ADMIN))
  return member
}

function reads(member: Device): void {
  const read = (doc: string) => member.do(engine => engine.read(SPACE, doc))
  assert.deepEqual(read('default'), { kind: 'facts', facts: { colour: 'red' } })
  assert.deepEqual(read('log'), {
    kind: 'journal',
    entries: [
      { id: 'first', value: 'wörter', writer: ADMIN, at },
      { id: 'second', value: 2, writer: MEMBER, at }
    ]
  })
  assert.deepEqual(read('talk'), {
    kind: 'thread',
    entries: [
      { id: 'm-1', value: { says: 'hello' }, writer: ADMIN, at },
      { id: 'm-2', value: 'hi', writer: MEMBER, at }
    ]
  })
  assert.deepEqual(read('tasks'), {
    kind: 'tasks',
    tasks: [{ id: 't-1', title: 'buy milk', state: 'done', assignee: 'attic', at, writer: ADMIN }]
  })
  assert.deepEqual(read('note'), { kind: 'notes', text: 'a Nöte' })
  assert.equal(member.do(engine => engine.space(SPACE)).hash, CONTENT)
}

function takesEnvelopes(bytes: Uint8Array): void {
  const { space, envelopes } = decodeControl(Envelopes, bytes)
  assert.equal(space, SPACE)
  const member = newcomer()
  const accepted = member.do(engine => engine.accept(SPACE, envelopes, ADMIN))
  assert.deepEqual(accepted, { taken: 10, waiting: 0, refused: [] })
  reads(member)
}

function takesCheckpoint(): void {
  const { record } = decodeControl(CheckpointOf, recorded('memory/checkpoint'))
  const { pieces } = decodeControl(Pieces, recorded('memory/pieces'))
  const { pieces: needed } = decodeControl(Need, recorded('memory/need'))
  const member = newcomer()
  const take = () => member.do(engine => engine.takeCheckpoint(SPACE, record, ADMIN)).missing
  assert.deepEqual(take(), needed)
  member.do(engine => engine.putPieces(SPACE, pieces))
  assert.deepEqual(take(), [])
  reads(member)
}

const isOfSpace = (bytes: Uint8Array): void =>
  assert.deepEqual(decodeControl(OfSpace, bytes), { space: SPACE })

export const MEMORY_MESSAGES: Record<string, (bytes: Uint8Array) => unknown> = {
  'memory/offer': bytes =>
    assert.deepEqual(decodeOffer(bytes), {
      ...{ space: SPACE, version: 2, digest: 'ab'.repeat(32), content: CONTENT, checkpoint: 1 },
      charter: '7ffe247ebc6a0bc9964852680864145ff31292e1911f487fd29521692c3f828b'
    }),
  'memory/want': bytes => {
    const { heads, ...want } = decodeWant(bytes)
    assert.deepEqual(want, { space: SPACE, version: 1, checkpoint: 0 })
    assert.deepEqual(headsOf(heads), HEADS)
  },
  'memory/have': bytes => assert.deepEqual(headsOf(decodeHave(bytes).heads), HEADS),
  'memory/charters': newcomer,
  'memory/envelopes': takesEnvelopes,
  'memory/checkpoint': takesCheckpoint,
  'memory/pieces': takesCheckpoint,
  'memory/need': takesCheckpoint,
  'memory/end': isOfSpace,
  'memory/none': isOfSpace
}
