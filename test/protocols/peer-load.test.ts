import { describe, expect, it } from 'vitest'
import { PeerLoad, TotalLoad } from '../../protocols/wire/peer-load.ts'

const loadOf = (limits = {}, total = new TotalLoad(limits)) => new PeerLoad('peer', total, limits)
const never = new Promise<void>(() => {})
const MIB = 1024 * 1024

describe('the load of one peer', () => {
  it('is over when neither a stream nor a call of it is left', () => {
    const load = loadOf()
    expect(load.isOver).toBe(true)
    load.streams = 1
    expect(load.isOver).toBe(false)
    load.calls = 1
    load.streams = 0
    // A call that unwinds after its stream was reset still counts.
    expect(load.isOver).toBe(false)
    load.calls = 0
    expect(load.isOver).toBe(true)
  })

  it('is 512 calls at most', () => {
    const load = loadOf()
    load.calls = 511
    expect(load.mayCall).toBe(true)
    load.calls = 512
    expect(load.mayCall).toBe(false)
  })

  it('is one input of any size, or several up to the limit, and what is released counts no more', () => {
    const load = loadOf({ inputBytesPerPeerMax: 100 })
    expect(load.admit(60)).toBe(true)
    expect(load.admit(41)).toBe(false)
    expect(load.admit(40)).toBe(true)
    expect(load.admit(1)).toBe(false)
    load.release(100)
    expect(load.admit(101)).toBe(true)
    load.release(101)
    expect(load.admit(60)).toBe(true)
  })

  it('is part of the load of all, which has a limit of its own: 256 MiB', () => {
    const total = new TotalLoad({})
    const [one, other] = [loadOf({}, total), loadOf({}, total)]
    expect(one.admit(200 * MIB)).toBe(true)
    expect(other.admit(56 * MIB + 1)).toBe(false)
    expect(other.admit(56 * MIB)).toBe(true)
    one.release(200 * MIB)
    expect(total.inputBytes).toBe(56 * MIB)
  })

  it('may leave 512 refusals unread, and not one more', async () => {
    const load = loadOf()
    const read = Promise.withResolvers<void>()
    load.refused(read.promise)
    for (let i = 1; i < 512; i++) load.refused(never)
    read.resolve()
    await read.promise
    await null
    load.refused(never)
    expect(() => load.refused(never)).toThrowError(expect.objectContaining({ code: 'SLOW_PEER' }))
  })
})
