import { describe, expect, it } from 'vitest'
import { DeviceName, thoseCalled, WireName } from '../../interface/names.ts'
import { memberCalled, uniqueName } from '../../node/membership/names.ts'

const FILLERS = ['\u3164', '\uffa0', '\u115f', '\u1160', '\u034f', '\ufe0f', '\u{e0100}']
const NOT_SEEN = ['\u200b', '\u2060', '\ufeff', '\u00ad', '\u2800']
const DIRECTIONS = ['\u202a', '\u202e', '\u2066', '\u2069', '\u200e', '\u061c']
const OTHERS = ['\u0000', '\u001b', '\u0085', '\ue000', '\u{f0000}', '\ud800', '\uffff']

describe('a name of a device', () => {
  it.each([
    'कमरा',
    'रसोई घर',
    'หลังบ้าน',
    'غرفة المعيشة',
    'שָׁלוֹם',
    '居間',
    '거실',
    'Björn',
    'Zoë-2',
    'Việt',
    'བསྒྲུབས'
  ])('may be %s', name => expect(DeviceName.parse(name)).toBe(name.normalize('NFC')))

  it.each([...FILLERS, ...NOT_SEEN, ...DIRECTIONS, ...OTHERS])('holds no %j', hidden => {
    for (const name of [hidden, `den${hidden}`, `d${hidden}en`, `${hidden}den`]) {
      expect(DeviceName.safeParse(name).success).toBe(false)
    }
  })

  it('has one form, however it was typed', () => {
    expect(DeviceName.parse('Bjo\u0308rn')).toBe('Bj\u00f6rn')
    expect(DeviceName.parse('می\u200cخواهم')).toBe('میخواهم')
    expect(thoseCalled([{ peerId: 'one', name: 'Bj\u00f6rn' }], 'Bjo\u0308rn')).toHaveLength(1)
  })

  it('has four marks on a letter at most, and none without a letter', () => {
    const marks = (count: number) => `a${'\u0300\u0323'.repeat(count)}b`
    expect(DeviceName.safeParse(marks(2)).success).toBe(true)
    expect(DeviceName.safeParse(marks(3)).success).toBe(false)
    for (const name of ['\u0301a', 'a \u0301', 'a-\u0301b'])
      expect(DeviceName.safeParse(name).success).toBe(false)
  })

  it('is no emoji', () => {
    for (const name of ['👨‍👩‍👧', 'den 🛋️']) expect(DeviceName.safeParse(name).success).toBe(false)
  })

  it('stays one when a number is added where it is longest', () => {
    const name = uniqueName('𠀋'.repeat(31), new Set(['𠀋'.repeat(31)]))
    expect(DeviceName.safeParse(name).success).toBe(true)
    expect(name).toMatch(/-2$/)
  })
})

describe('a name that comes over the wire', () => {
  it('that looks like another one means both, and so neither', () => {
    const members = ['den', 'den\u3164', 'd\u115fen'].map((name, i) => ({
      peerId: `${i}`,
      name: WireName.parse(name)
    }))
    expect(members.map(({ name }) => name)).toEqual(['den', 'den', 'den'])
    expect(() => memberCalled(members, 'den')).toThrow('3 members are called "den"')
  })

  it('in which nothing is seen is a name all the same', () => {
    expect(WireName.parse('\u3164')).toBe('unnamed')
  })

  it('draws over no other line', () => {
    expect(WireName.parse(`a${'\u0323\u0300'.repeat(20)}`).length).toBeLessThan(6)
  })

  it('holds no control character and nothing that turns a text around', () => {
    for (const bad of [...DIRECTIONS, ...OTHERS]) expect(WireName.safeParse(`d${bad}en`).success).toBe(false)
  })
})
