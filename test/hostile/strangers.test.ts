import { connect, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDrivenNode, type DrivenNode } from '../../sim/driven-node.ts'
import { ALONE, meets, temporaryHome } from '../node/mesh-nodes.ts'
import { Dialer, isServed } from './dialer.ts'
import { becomes, percentile } from './measures.ts'
import { Victim } from './start-victim.ts'

const DIALS = 1000
/** With a key of their own each; the others share one. */
const FRESH = 300
const WARM_UP = 200
/** Resident memory that a thousand dials may cost. */
const GROWTH_MIB_MAX = 5
/** What waits for a stranger gives up within ten seconds, and idle memory is returned after that. */
const SETTLE_MS = 20_000
const DIALS_AT_ONCE = 8
/** All but these may be opened with any key; a stranger may open none of them. */
const protocols = (mesh: string) => [
  '/lumos/inference/1',
  '/lumos/manifest/1',
  '/lumos/revocation/1',
  '/lumos/join/1',
  '/meshsub/1.2.0',
  '/ipfs/id/1.0.0',
  '/ipfs/id/push/1.0.0',
  '/ipfs/ping/1.0.0',
  `/lumos/${mesh}/kad/1.0.0`
]

let victim: Victim
let member: DrivenNode

beforeAll(async () => {
  victim = await Victim.start()
  member = await createDrivenNode({
    home: await temporaryHome(),
    settings: { ...ALONE, name: 'friend', 'swarm.peers': victim.status.addresses }
  })
  await member.enter(await victim.admit(member.peerId, 'friend'))
  await member.start()
  await meets(member, victim.status as never)
})

afterAll(async () => {
  await member.stop({ drainMs: 0 })
  await victim[Symbol.asyncDispose]()
})

const ask = () =>
  Array.fromAsync(
    member.infer(
      { model: 'echo', input: { messages: [{ role: 'user', content: 'well?' }] } },
      { peer: 'victim' }
    )
  )

/** The member asks on and on; resolves to how many calls were answered and how many were not. */
async function askUntil(signal: AbortSignal): Promise<{ answered: number; failed: unknown[] }> {
  const calls = { answered: 0, failed: [] as unknown[] }
  while (!signal.aborted) {
    await ask().then(
      () => calls.answered++,
      err => calls.failed.push(err)
    )
    await setTimeout(10)
  }
  return calls
}

/** One dial and one stream; true when anything was served. */
async function attempt(dialer: Dialer, protocol: string, seen: Map<string, number>): Promise<boolean> {
  try {
    const connection = await dialer.dial(victim.status)
    const served = await isServed(connection, protocol)
    seen.set('connected', (seen.get('connected') ?? 0) + 1)
    await connection.close().catch(() => {})
    return served
  } catch {
    seen.set('refused', (seen.get('refused') ?? 0) + 1)
    // So that some get past the bound on how many a second one address may make.
    await setTimeout(100)
    return false
  }
}

async function dialMany(
  count: number,
  next: (i: number) => Promise<Dialer>,
  done: (dialer: Dialer) => unknown
) {
  const seen = new Map<string, number>()
  const served: string[] = []
  const names = protocols(victim.status.meshId)
  let i = 0
  const work = async () => {
    while (i < count) {
      const protocol = names[i % names.length]!
      const dialer = await next(i++)
      if (await attempt(dialer, protocol, seen)) served.push(protocol)
      await done(dialer)
    }
  }
  await Promise.all(Array.from({ length: DIALS_AT_ONCE }, work))
  return { served, ...Object.fromEntries(seen) }
}

describe('a stranger with a valid key', () => {
  it('dials a thousand times, is served nothing, costs no memory, and members do not notice', async () => {
    const ends: string[] = []
    const stop = new AbortController()
    const calls = askUntil(stop.signal)
    const fresh = (count: number) =>
      dialMany(
        count,
        () => Dialer.create(),
        dialer => {
          ends.push(dialer.peerId)
          return dialer.libp2p.stop()
        }
      )
    const one = await Dialer.create()
    const again = (count: number) =>
      dialMany(
        count,
        async () => one,
        () => {}
      )
    // Code is compiled and pools are filled by the same work before memory is compared.
    await again(WARM_UP)
    await fresh(WARM_UP)
    const before = await victim.figures()

    const same = await again(DIALS - FRESH)
    const others = await fresh(FRESH)
    stop.abort()
    const { answered, failed } = await calls
    await one.libp2p.stop()
    const { codes, loopP99Ms } = await victim.figures()
    // What was under way ends by its deadlines, and only then is its memory free.
    const endMs = performance.now() + SETTLE_MS
    let after = await victim.figures()
    while (after.residentMiB - before.residentMiB >= GROWTH_MIB_MAX && performance.now() < endMs) {
      await setTimeout(1000)
      after = await victim.figures()
    }
    const grownMiB = after.residentMiB - before.residentMiB
    console.log(
      `T1: same key ${JSON.stringify(same)}, fresh keys ${JSON.stringify(others)}; resident ${before.residentMiB.toFixed(1)} → ${after.residentMiB.toFixed(1)} MiB, live ${before.liveMiB.toFixed(1)} → ${after.liveMiB.toFixed(1)} MiB; the member's calls: ${answered} answered, ${failed.length} failed; loop p99 ${loopP99Ms.toFixed(0)} ms`
    )
    expect([...same.served, ...others.served]).toEqual([])
    expect(failed).toEqual([])
    expect(answered).toBeGreaterThan(10)
    expect(grownMiB).toBeLessThan(GROWTH_MIB_MAX)
    // One line a minute for each peer, whatever it does.
    for (const [line, count] of Object.entries(codes)) {
      if (line.startsWith('PEER_')) expect([line, count]).toEqual([line, 1])
    }
    expect(Object.keys(codes).length).toBeGreaterThan(FRESH / 10)
  }, 120_000)
})

describe('two thousand connections that say nothing, garbage, or a byte a second', () => {
  it('do not keep a member out for a second, and leave nothing behind', async () => {
    const baseline = (await victim.figures()).openFiles
    const sockets: Socket[] = []
    const open = (i: number) => {
      // As many addresses as a small botnet has, so that no limit by address ends it at once.
      const socket = connect({
        host: '127.0.0.1',
        port: victim.port,
        localAddress: `127.0.0.${2 + (i % 40)}`
      })
      socket.on('error', () => {})
      if (i % 3 === 1) socket.on('connect', () => socket.write(Buffer.alloc(64, i % 256)))
      sockets.push(socket)
    }
    const drip = setInterval(() => {
      for (let i = 2; i < sockets.length; i += 3) if (sockets[i]!.writable) sockets[i]!.write('\x13')
    }, 1000)

    const dialed: number[] = []
    const failures: unknown[] = []
    const friend = await Dialer.create()
    await victim.admit(friend.peerId, 'other')
    let opening = true
    const flood = (async () => {
      for (let i = 0; i < 2000; i++) {
        open(i)
        if (i % 20 === 19) await setTimeout(25)
      }
      opening = false
    })()
    while (opening || dialed.length < 100) {
      const beganMs = performance.now()
      await friend.dial(victim.status).then(
        connection => connection.close(),
        err => failures.push(err)
      )
      dialed.push(performance.now() - beganMs)
      await setTimeout(25)
    }
    await flood
    const busy = (await victim.figures()).openFiles
    clearInterval(drip)
    await friend.libp2p.stop()
    // They stay open on their side: it is the node that must let go.
    let figures = await victim.figures()
    const beganMs = performance.now()
    while (figures.openFiles > baseline + 2 && performance.now() - beganMs < 15_000) {
      await setTimeout(250)
      figures = await victim.figures()
    }
    const settledMs = performance.now() - beganMs
    for (const socket of sockets) socket.destroy()

    console.log(
      `T2: ${dialed.length} dials of a member while 2,000 connections came: p50 ${percentile(dialed, 0.5).toFixed(0)} ms, p99 ${percentile(dialed, 0.99).toFixed(0)} ms, ${failures.length} failed; open files ${baseline} → ${busy} → ${figures.openFiles} after ${(settledMs / 1000).toFixed(1)} s; loop p99 ${figures.loopP99Ms.toFixed(0)} ms`
    )
    expect(failures).toEqual([])
    expect(percentile(dialed, 0.99)).toBeLessThan(1000)
    expect(figures.openFiles).toBeLessThanOrEqual(baseline + 2)
    await becomes('the other member is still there', 5000, () => member.peers().length > 0)
    expect(await ask()).toHaveLength(2)
  }, 60_000)
})
