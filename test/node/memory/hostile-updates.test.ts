import { describe, expect, it } from 'vitest'
import * as Y from 'yjs'
import { DOC_KINDS, type DocKind } from '../../../interface/memory.ts'
import { UPDATE_BYTES_MAX } from '../../../node/memory/docs/index.ts'
import { encodeSlotUpdate } from '../../../node/memory/docs/slot-update.ts'
import type { ChangeBy, DocModel } from '../../../node/memory/types.ts'
import { encode } from '../../../protocols/wire/cbor/encode.ts'
import { Device, meet } from './devices.ts'

const VICTIM = 1000
const by: ChangeBy = { writer: '12D3Koo2.0123456789ab', client: 2000, clock: 50 }

/** A document that a victim wrote; the hostile writer writes next. */
function victims(kind: DocKind): DocModel {
  const [victim, hostile] = [new Device(kind, 1), new Device(kind, 2)]
  victim.writeSome(1)
  meet([victim, hostile])
  return hostile.doc
}

const hashOf = (doc: DocModel): string => Buffer.from(doc.hash()).toString('hex')

/** Refused, in time, and nothing has changed: of what is read, and of what is kept. */
function refuses(doc: DocModel, update: Uint8Array, writer = by): void {
  const [hash, snapshot] = [hashOf(doc), doc.snapshot()]
  const refusal = (): number => {
    const began = process.threadCpuUsage()
    try {
      doc.apply(update, writer)
      expect.fail('It was taken.')
    } catch (err) {
      const { user, system } = process.threadCpuUsage(began)
      expect(err).toMatchObject({ code: 'MEMORY_INVALID' })
      return (user + system) / 1000
    }
  }
  // The first one is compiled meanwhile.
  expect(Math.min(refusal(), refusal(), refusal())).toBeLessThan(50)
  expect(hashOf(doc)).toBe(hash)
  expect(doc.snapshot()).toEqual(snapshot)
}

/** Variable-length numbers of Yjs. */
const uint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) | 0x80, ...uint(Math.floor(value / 128))]
const text = (value: string): number[] => [...uint(Buffer.byteLength(value)), ...Buffer.from(value)]
const update = (...parts: (number | number[])[]): Uint8Array => Uint8Array.from(parts.flat())

const facts = (...slots: unknown[]): Uint8Array =>
  encodeSlotUpdate(by.writer, by.client, {
    start: 0,
    added: slots.map(slot => (slot instanceof Uint8Array ? slot : encode(slot))),
    dropped: []
  })

describe('an update of a document of memory is refused, and changes nothing,', () => {
  it.each(DOC_KINDS)('%s: when it takes the clock of another client away with 13 bytes (F3)', kind => {
    const doc = victims(kind)
    refuses(doc, update(1, 1, uint(VICTIM), uint(0), 0, uint(2 ** 40), 0))
    refuses(doc, update(1, 1, uint(by.client), uint(0), 0, uint(2 ** 40), 0))
    refuses(doc, update(1, 1, uint(by.client), uint(2 ** 53 - 100), 0x04, 1, text('text'), text('x'), 0))
    refuses(doc, update(1, 1, uint(by.client), 0, 10, uint(2 ** 40), 0))
  })

  it.each(DOC_KINDS)('%s: when its writer states the client of another one (F2)', kind => {
    const victim = new Device(kind, 1)
    victim.writeSome(1)
    const stolen = victim.log[0]!.update
    refuses(victims(kind), stolen)
    // A second content for what the victim has said already.
    refuses(victims(kind), stolen, { ...by, writer: victim.writer, client: VICTIM })
  })

  it.each(DOC_KINDS)('%s: when it deletes what is not there, or more than can be', kind => {
    const doc = victims(kind)
    refuses(doc, update(0, 1, uint(by.client), 1, 0, 1))
    refuses(doc, update(0, 1, uint(VICTIM), 1, 0, uint(2 ** 52)))
    refuses(doc, update(0, 1, uint(VICTIM), 1, uint(2 ** 53 - 1), 1))
  })

  it.each(DOC_KINDS)('%s: when it states a length of a gigabyte, or a million structs', kind => {
    const doc = victims(kind)
    for (const huge of [2 ** 20, 2 ** 30, 2 ** 52]) {
      refuses(doc, update(uint(huge)))
      refuses(doc, update(1, uint(huge), uint(by.client), 0))
      refuses(doc, update(1, 1, uint(by.client), 0, 0x03, 1, text('x'), uint(huge)))
      refuses(doc, update(1, 1, uint(by.client), 0, 0x08, 1, text('x'), uint(huge), 127))
      refuses(doc, update(1, 1, uint(by.client), 0, 0x08, 1, text('x'), 1, 117, uint(huge)))
      refuses(doc, update(0, 1, uint(by.client), uint(huge)))
    }
    refuses(doc, update(1, 1, uint(by.client), 0, 0x03, 1, text('x'), Array(9).fill(0xff), 1))
    refuses(doc, new Uint8Array(UPDATE_BYTES_MAX + 1))
  })

  it('when a key is reserved, in whatever place (F5)', () => {
    const doc = victims('facts')
    for (const key of ['__proto__', 'constructor', 'prototype']) {
      refuses(doc, facts([by.clock, key, 1]))
      // Written by hand: the encoder refuses it.
      const value = [0xa1, 0x60 + key.length, ...Buffer.from(key), 1]
      refuses(doc, facts(Uint8Array.from([0x83, 0x18, by.clock, 0x61, 0x6b, ...value])))
      const raw = victims('raw')
      refuses(raw, update(1, 1, uint(by.client), 0, 0x28, 1, text('m'), text(key), 1, 126, 0))
      refuses(raw, update(1, 1, uint(by.client), 0, 0x08, 1, text(key), 1, 126, 0))
      refuses(raw, update(1, 1, uint(by.client), 0, 0x08, 1, text('m'), 1, 118, 1, text(key), 126, 0))
      refuses(raw, update(1, 1, uint(by.client), 0, 0x05, 1, text('m'), text(`{"${key}":1}`), 0))
    }
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })

  it('when it is nested as deep as a stack (F4)', () => {
    const deep = 100_000
    refuses(
      victims('raw'),
      update(1, 1, uint(by.client), 0, 0x08, 1, text('m'), 1, Array(deep).fill([117, 1]).flat(), 126, 0)
    )
    const json = `${'['.repeat(deep)}${']'.repeat(deep)}`
    refuses(victims('raw'), update(1, 1, uint(by.client), 0, 0x05, 1, text('m'), text(json), 0))
    const list = Uint8Array.from([0x83, 0x18, by.clock, 0x61, 0x6b, ...Array(deep).fill(0x81), 0xf6])
    refuses(victims('facts'), facts(list))
  })

  it('when its writer states a clock, or has two things to say of one key', () => {
    const doc = victims('facts')
    refuses(doc, facts([by.clock + 1, 'k', 1]))
    refuses(doc, facts([2 ** 53 - 1, 'k', 1]))
    refuses(doc, facts([by.clock, 'k', 1], [by.clock, 'k', 2]))
    doc.apply(facts([by.clock, 'k', 1]), by)
    const again = encodeSlotUpdate(by.writer, by.client, {
      start: 1,
      added: [encode([by.clock + 1, 'k', 2])],
      dropped: []
    })
    refuses(doc, again, { ...by, clock: by.clock + 1 })
  })

  it('when it puts a slot into the list of another writer', () => {
    const doc = victims('facts')
    const slot = encode([by.clock, 'k', 1])
    const list = text('12D3Koo1.0123456789ab')
    refuses(doc, update(1, 1, uint(by.client), 0, 0x03, 1, list, uint(slot.length), [...slot], 0))
    refuses(doc, update(1, 1, uint(by.client), 0, 0x83, uint(VICTIM), 0, uint(slot.length), [...slot], 0))
  })

  it('when a task states what it cannot have seen', () => {
    const doc = victims('tasks')
    const state = (...seen: unknown[]): Uint8Array => facts([by.clock, 'state', 't', 'done', seen])
    refuses(doc, state([VICTIM, by.clock]))
    refuses(doc, state([VICTIM, 1], [VICTIM, 1]))
    refuses(doc, state(...Array.from({ length: 65 }, (_, i) => [i + 1, 1])))
    refuses(doc, facts([by.clock, 'state', 't', 'won', []]))
    refuses(doc, facts([by.clock, 'owner', 't', 'x']))
  })

  it('when it has more structs at other places than an editor writes: each may cost a walk', () => {
    const doc = victims('raw')
    const struct = [0x88, ...uint(VICTIM), 0, 1, 126]
    refuses(doc, update(1, uint(300), uint(by.client), 0, Array(300).fill(struct).flat(), 0))
    refuses(
      doc,
      update(1, uint(5000), uint(by.client), 0, Array(5000).fill([0x08, 1, 1, 0x6d, 1, 126]).flat(), 0)
    )
  })

  it('when new text names neighbours that are none: its place would depend on what came before', () => {
    const doc = victims('notes')
    const [first, last] = [
      [...uint(VICTIM), 0],
      [...uint(VICTIM), 2]
    ]
    refuses(doc, update(1, 1, uint(by.client), 0, 0xc4, last, first, text('x'), 0))
    const between = [0xc4, first, last, text('x')].flat()
    const before = [0xc4, first, uint(VICTIM), 1, text('y')].flat()
    refuses(doc, update(1, 2, uint(by.client), 0, between, before, 0))
    // Twice at one place: each would walk over all that stands there.
    const start = [0x04, 1, text('text'), text('z')].flat()
    refuses(doc, update(1, 2, uint(by.client), 0, start, start, 0))
    const behind = [0x84, last, text('z')].flat()
    refuses(doc, update(1, 2, uint(by.client), 0, behind, behind, 0))
    doc.apply(update(1, 1, uint(by.client), 0, between, 0), by)
  })

  it('when it holds a document inside a document, or what Yjs no longer writes', () => {
    const doc = victims('raw')
    refuses(doc, update(1, 1, uint(by.client), 0, 0x09, 1, text('m'), text('guid'), 118, 0, 0))
    refuses(doc, update(1, 1, uint(by.client), 0, 0x02, 1, text('m'), 1, text('1'), 0))
    refuses(doc, update(1, 1, uint(by.client), 0, 0x07, 1, text('m'), 5, text('hook'), 0))
  })
})

describe('an update that refers to what has not come', () => {
  it.each(['notes', 'raw'] as const)(
    '%s: waits for it: it is valid once that is here, on every device',
    kind => {
      const [a, b, c] = [new Device(kind, 1), new Device(kind, 2), new Device(kind, 3)]
      a.writeSome(1)
      meet([a, b])
      b.writeSome(2)
      const [first, second] = [a.log[0]!, b.log[1]!]
      expect(() => c.doc.apply(second.update, second.by)).toThrow(
        expect.objectContaining({ code: 'MEMORY_INVALID', details: { waits: true } })
      )
      c.doc.apply(first.update, first.by)
      c.doc.apply(second.update, second.by)
      expect(c.hash()).toBe(b.hash())
    }
  )
})

describe('Yjs itself', () => {
  it('still takes what the guard refuses: the guard is needed', () => {
    const doc = new Y.Doc()
    doc.clientID = VICTIM
    Y.applyUpdate(doc, update(1, 1, uint(VICTIM + 1), uint(0), 0, uint(2 ** 40), 0))
    expect(Y.decodeStateVector(Y.encodeStateVector(doc)).get(VICTIM + 1)).toBe(2 ** 40)
    expect(() =>
      Y.applyUpdate(
        doc,
        update(1, 1, uint(7), 0, 0x08, 1, text('m'), 1, Array(200_000).fill([117, 1]).flat(), 126, 0)
      )
    ).toThrow(RangeError)
  })
})
