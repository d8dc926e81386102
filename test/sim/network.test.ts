import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { PRESETS } from '../../sim/network/presets.ts'
import { arrivals, closed, pattern, twoHosts, wire, writeAll } from './wire.ts'

const KIB = 1024
const MIB = 1024 * KIB
const constant = (ms: number) => ({ delay: { distribution: 'constant', ms } as const })

/** Milliseconds until all of `bytes` has come through. */
async function carry(
  { near, far }: Awaited<ReturnType<typeof wire>>,
  bytes: Uint8Array,
  pieceBytes?: number
) {
  const read = arrivals(far)
  const beganMs = performance.now()
  await writeAll(near, bytes, pieceBytes)
  await read.bytes(bytes.length)
  expect(read.all().equals(bytes)).toBe(true)
  return performance.now() - beganMs
}

describe('a link', () => {
  it('carries bytes whole and in order, both ways', async () => {
    const ends = await wire()
    await carry(ends, pattern(3 * MIB + 7))
    await carry({ ...ends, near: ends.far, far: ends.near }, pattern(100_000), 999)
  })

  it('delays many messages at once, not one after the other', async () => {
    const tookMs = await carry(await wire(constant(20)), pattern(2 * MIB), 4 * KIB)
    expect(tookMs).toBeGreaterThanOrEqual(19)
    // One after the other, 512 messages would take ten seconds.
    expect(tookMs).toBeLessThan(5000)
  })

  it('takes a round trip to connect, and half of one for each message', async () => {
    const hosts = twoHosts(constant(60))
    const beganMs = performance.now()
    const near = await hosts.connect()
    expect(performance.now() - beganMs).toBeGreaterThanOrEqual(118)
    const read = arrivals(hosts.accepted[0]!)
    const sentMs = performance.now()
    near.send(pattern(10))
    await read.bytes(10)
    expect(read.messages[0]!.atMs - sentMs).toBeGreaterThanOrEqual(58)
  })

  it('is never faster than its rate, and not much slower', async () => {
    const bytesPerSecond = 2 * MIB
    const tookMs = await carry(await wire({ bytesPerSecond, queueBytes: 128 * KIB }), pattern(2 * MIB))
    expect(tookMs).toBeGreaterThanOrEqual(900)
    // The bound is for a machine that has other things to do.
    expect(tookMs).toBeLessThan(10_000)
  })

  it('keeps its rate with small messages, although timers are a millisecond coarse', async () => {
    const tookMs = await carry(await wire({ bytesPerSecond: MIB }), pattern(MIB), 200)
    expect(tookMs).toBeGreaterThanOrEqual(900)
    // A timer for each of the 5,243 messages would take more than that many milliseconds.
    expect(tookMs).toBeLessThan(5000)
  })

  it('is shared by all its connections, and leaves the other direction alone', async () => {
    const hosts = twoHosts({ bytesPerSecond: MIB, queueBytes: 64 * KIB })
    const near = [await hosts.connect(), await hosts.connect()]
    const far = near.map((_, i) => hosts.accepted[i]!)
    const beganMs = performance.now()
    const times = await Promise.all(
      near.map((connection, i) => carry({ ...hosts, near: connection, far: far[i]! }, pattern(512 * KIB)))
    )
    expect(performance.now() - beganMs).toBeGreaterThanOrEqual(900)
    // They took turns: neither was done when the other had only begun.
    expect(Math.min(...times)).toBeGreaterThan(600)
    hosts.network.change('a', 'b', { model: { bytesPerSecond: 1000 } })
    expect(await carry({ ...hosts, near: far[0]!, far: near[0]! }, pattern(64 * KIB))).toBeLessThan(20_000)
  })

  it('stops who writes faster than it carries, and holds no more than its queue', async () => {
    const { near } = await wire({ bytesPerSecond: 10_000, queueBytes: 64 * KIB })
    let sent = 0
    while (near.send(pattern(16 * KIB))) {
      sent += 16 * KIB
      expect(sent).toBeLessThanOrEqual(128 * KIB)
    }
  })

  it('stops who writes to somebody who does not read, until he reads', async () => {
    const { near, far } = await wire()
    const read = arrivals(far)
    far.pause()
    const bytes = pattern(16 * MIB)
    let at = 0
    while (near.send(bytes.subarray(at, at + 64 * KIB))) {
      at += 64 * KIB
      await new Promise(resolve => setImmediate(resolve))
      expect(at).toBeLessThan(8 * MIB)
    }
    at += 64 * KIB
    expect(read.total()).toBe(0)
    far.resume()
    await writeAll(near, bytes.subarray(at))
    await read.bytes(bytes.length)
    expect(read.all().equals(bytes)).toBe(true)
  })

  it('jitters without changing the order', async () => {
    const ends = await wire({ ...constant(5), jitterMs: 30 })
    await carry(ends, pattern(20_000), 50)
  })

  it.each(['normal', 'heavy-tail'] as const)('can spread its delay (%s)', async distribution => {
    const { network } = twoHosts({
      delay:
        distribution === 'normal'
          ? { distribution, ms: 100, deviationMs: 20 }
          : { distribution, ms: 100, shape: 3 }
    })
    const link = network.link('a', 'b')
    const drawn = Array.from({ length: 2000 }, () => link.travelMs()).sort((a, b) => a - b)
    const [low, median, high] = [drawn[20]!, drawn[1000]!, drawn[1980]!]
    if (distribution === 'normal') {
      expect(median).toBeGreaterThan(95)
      expect(median).toBeLessThan(105)
      expect(low).toBeLessThan(75)
      expect(high).toBeGreaterThan(130)
    } else {
      // The median of a Pareto distribution is its least times 2 to the 1/shape.
      expect(low).toBeGreaterThanOrEqual(100)
      expect(median).toBeGreaterThan(120)
      expect(median).toBeLessThan(132)
      expect(high).toBeGreaterThan(300)
    }
  })

  it('loses as much as it should, in bursts as long as they should be', () => {
    const { network } = twoHosts({ lossRate: 0.1, lossBurst: 5 })
    const link = network.link('a', 'b')
    const lost = Array.from({ length: 100_000 }, () => link.losesPacket())
    const bursts = lost.filter((is, i) => is && !lost[i - 1]).length
    const rate = lost.filter(Boolean).length / lost.length
    expect(rate).toBeGreaterThan(0.08)
    expect(rate).toBeLessThan(0.12)
    expect((rate * lost.length) / bursts).toBeGreaterThan(4.5)
    expect((rate * lost.length) / bursts).toBeLessThan(5.5)
  })

  it('shows a loss as a pause of 200 ms and more, with nothing missing', async () => {
    const ends = await wire({ lossRate: 0.3, lossBurst: 1 })
    const read = arrivals(ends.far)
    const bytes = pattern(2000)
    for (let i = 0; i < 20; i++) {
      ends.near.send(bytes.subarray(i * 100, (i + 1) * 100))
      await read.bytes((i + 1) * 100)
    }
    expect(read.all().equals(bytes)).toBe(true)
    const pauses = read.messages.map(({ atMs }, i) => atMs - (read.messages[i - 1]?.atMs ?? atMs))
    expect(pauses.filter(ms => ms > 190).length).toBeGreaterThan(2)
  })

  it('draws the same chances from the same seed, whatever other links do', () => {
    const draw = (alone: boolean) => {
      const { network } = twoHosts({ lossRate: 0.1, lossBurst: 5, jitterMs: 10 }, 7)
      if (!alone) for (let i = 0; i < 50; i++) network.link('a', `c${i}`).travelMs()
      const link = network.link('a', 'b')
      return Array.from({ length: 50 }, () => [link.losesPacket(), link.travelMs()])
    }
    expect(draw(true)).toEqual(draw(false))
  })
})

describe('a link that fails', () => {
  it('holds back what is written while it is clogged, and carries it later', async () => {
    const { network, near, far } = await wire()
    const read = arrivals(far)
    network.change('a', 'b', { state: 'clogged' })
    near.send(pattern(1000))
    await sleep(50)
    expect(read.total()).toBe(0)
    network.change('a', 'b', { state: 'up' })
    await read.bytes(1000)
    expect(read.all().equals(pattern(1000))).toBe(true)
  })

  it('may fail one way only', async () => {
    const { network, near, far } = await wire()
    const [there, here] = [arrivals(far), arrivals(near)]
    network.change('a', 'b', { state: 'blackhole' })
    near.send(pattern(10))
    far.send(pattern(10))
    await here.bytes(10)
    expect(there.total()).toBe(0)
  })

  it('swallows as a black hole and tells nobody, and who writes on is told once it is up', async () => {
    const { network, near, far } = await wire()
    const read = arrivals(far)
    network.change('a', 'b', { state: 'blackhole' })
    near.send(pattern(1000))
    await sleep(50)
    expect([read.total(), near.status, far.status]).toEqual([0, 'open', 'open'])
    network.change('a', 'b', { state: 'up' })
    near.send(pattern(1000))
    expect(await Promise.all([closed(near), closed(far)])).toEqual(['reset', 'reset'])
    expect(read.total()).toBe(0)
  })

  it('stops who writes on into a black hole', async () => {
    const { network, near } = await wire()
    network.change('a', 'b', { state: 'blackhole' })
    let sent = 0
    while (near.send(pattern(64 * KIB))) {
      sent += 64 * KIB
      expect(sent).toBeLessThan(8 * MIB)
    }
    expect(near.status).toBe('open')
  })

  it('resets its connections when it goes down, and refuses dials', async () => {
    const hosts = twoHosts()
    const near = await hosts.connect()
    hosts.network.change('a', 'b', { state: 'down' })
    expect(await Promise.all([closed(near), closed(hosts.accepted[0]!)])).toEqual(['reset', 'reset'])
    await expect(hosts.connect()).rejects.toThrow('no way')
    hosts.network.heal()
    await hosts.connect()
  })

  it('lets who dials into silence wait, as TCP does, and refuses where nobody listens', async () => {
    const hosts = twoHosts()
    hosts.network.change('b', 'a', { state: 'blackhole' })
    await expect(hosts.connect(300)).rejects.toThrow(/timeout|aborted/i)
    hosts.network.heal()
    hosts.ends[1].listener = undefined
    await expect(hosts.connect()).rejects.toThrow('Nobody listens')
  })

  it('flips a byte where it corrupts, and only one', async () => {
    const { near, far } = await wire({ corruptRate: 1 })
    const read = arrivals(far)
    near.send(pattern(1000))
    await read.bytes(1000)
    const wrong = [...read.all()].filter((byte, i) => byte !== pattern(1000)[i])
    expect(wrong).toHaveLength(1)
  })

  it('breaks a connection by a reset at both ends', async () => {
    const { network, near, far } = await wire()
    network.reset('a', 'b')
    expect(await Promise.all([closed(near), closed(far)])).toEqual(['reset', 'reset'])
  })
})

describe('an end of a connection', () => {
  it('that closes is heard after all that it wrote', async () => {
    const { near, far } = await wire({ bytesPerSecond: MIB })
    const read = arrivals(far)
    near.send(pattern(100_000))
    await near.close()
    expect(await closed(far)).toBe('closed')
    expect(read.all().equals(Buffer.from(pattern(100_000)))).toBe(true)
  })

  it('that aborts resets the other', async () => {
    const { near, far } = await wire()
    near.abort(new Error('enough'))
    expect(await closed(far)).toBe('reset')
  })

  it('of a device without power is silent, until the device is back and knows nothing', async () => {
    const hosts = twoHosts()
    const near = await hosts.connect()
    hosts.ends[1].vanish()
    near.send(pattern(10))
    await expect(hosts.connect(300)).rejects.toThrow(/timeout|aborted/i)
    expect(near.status).toBe('open')
    hosts.listen(hosts.network.attach('b'))
    near.send(pattern(10))
    expect(await closed(near)).toBe('reset')
    await hosts.connect()
  })

  it('of a killed process is reset, and its port refuses', async () => {
    const hosts = twoHosts()
    const near = await hosts.connect()
    hosts.ends[1].kill()
    expect(await closed(near)).toBe('reset')
    await expect(hosts.connect()).rejects.toThrow('Nobody listens')
  })

  it('of a stopped process neither reads nor writes, and misses nothing when it goes on', async () => {
    const hosts = twoHosts()
    const near = await hosts.connect()
    const far = hosts.accepted[0]!
    const [there, here] = [arrivals(far), arrivals(near)]
    hosts.ends[1].freeze()
    near.send(pattern(1000))
    far.send(pattern(500))
    await sleep(50)
    expect([there.total(), here.total()]).toEqual([0, 0])
    hosts.ends[1].thaw()
    await Promise.all([there.bytes(1000), here.bytes(500)])
    expect(here.all().equals(pattern(500))).toBe(true)
  })

  it('of a slow device reads late, and its sender waits', async () => {
    const hosts = twoHosts()
    const near = await hosts.connect()
    const read = arrivals(hosts.accepted[0]!)
    hosts.ends[1].cpuFactor = 100
    const beganMs = performance.now()
    for (let i = 0; i < 5; i++) {
      near.send(pattern(10))
      await read.bytes(10 * (i + 1))
    }
    // 0.1 ms for each message, a hundred times as much here; the first finds it idle.
    expect(performance.now() - beganMs).toBeGreaterThan(38)
  })
})

describe('the presets', () => {
  it('go from a cable to what nobody should call a link', () => {
    const ladder = ['lan', 'good-wifi', 'poor-wifi', 'barely-usable', 'absurd'] as const
    const rates = ladder.map(name => PRESETS[name].bytesPerSecond ?? Number.POSITIVE_INFINITY)
    const delays = ladder.map(name => PRESETS[name].delay.ms)
    const losses = ladder.map(name => PRESETS[name].lossRate)
    expect(rates).toEqual([...rates].sort((a, b) => b - a))
    expect(delays).toEqual([...delays].sort((a, b) => a - b))
    expect(losses).toEqual([...losses].sort((a, b) => a - b))
  })
})
