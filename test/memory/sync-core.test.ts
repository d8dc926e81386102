import { describe, expect, it } from 'vitest'
import { RESTATE_MS, stepSync } from '../../node/memory/sync/sync-core.ts'
import { holders, newSync, type SyncEffect, type SyncEvent } from '../../node/memory/sync/sync-state.ts'
import { forkRandom } from '../../sim/random.ts'
import { VirtualSpaces } from './virtual-spaces.ts'

const SPACES = ['house', 'garden', 'attic']

/** Twenty nodes: all have the first space, each third one the others. Each knows the next one, and two more by chance. */
function mesh(seed: number, lossy: number) {
  const random = forkRandom(seed, 'memory')
  const among = Array.from({ length: 20 }, () => SPACES.filter((_, i) => i === 0 || random() < 0.4))
  const world = new VirtualSpaces(
    {
      nodes: 20,
      mayKnow: (space, node) => among[node]!.includes(space),
      latencyMs: () => 1 + 20 * random(),
      lossy
    },
    random
  )
  const join = () => {
    for (const { index } of world.nodes) {
      world.connect(index, (index + 1) % 20)
      for (let i = 0; i < 2; i++) world.connect(index, Math.floor(random() * 20))
    }
    // A space needs a way between those that have it.
    for (const space of SPACES) {
      const all = world.nodes.filter(({ index }) => among[index]!.includes(space))
      for (const [i, { index }] of all.entries()) world.connect(index, all[(i + 1) % all.length]!.index)
    }
  }
  join()
  for (const space of SPACES) world.nodes.find(({ index }) => among[index]!.includes(space))!.create(space)
  world.run(2000)
  const write = () => {
    const node = world.nodes[Math.floor(random() * 20)]!
    node.write(SPACES[Math.floor(random() * SPACES.length)]!)
  }
  return { world, random, join, write }
}

const settled = (world: VirtualSpaces) => SPACES.map(space => world.behind(space).length)

it('a device whose key did not come asks for the newest charter again', () => {
  const wanted = (isReadable: boolean) => {
    const state = newSync(() => true)
    const step = (event: SyncEvent) => stepSync(state, event, 0, () => 0).effects
    const offer = { space: 'house', version: 3, charter: 'c', digest: 'd', content: null, checkpoint: 0 }
    step({ type: 'space', view: { ...offer, heads: [], isReadable }, own: false })
    step({ type: 'met', peer: 'owner' })
    const effects = step({ type: 'offer', peer: 'owner', offer })
    step({ type: 'end', peer: 'owner', space: 'house' })
    const again = step({ type: 'offer', peer: 'owner', offer })
    return [...effects, ...again].flatMap(effect => (effect.type === 'sendWant' ? [effect.version] : []))
  }
  expect(wanted(true)).toEqual([3])
  expect(wanted(false)).toEqual([2, 2])
})

it('a carrier of what does not hold is asked again ever more seldom, and as ever when it had more', () => {
  const state = newSync(() => true)
  let nowMs = 0
  const step = (event: SyncEvent) => stepSync(state, event, nowMs, () => 0).effects
  const of = { space: 'house', version: 1, checkpoint: 0, content: null }
  const show = () => {
    const view = { ...of, charter: 'c', digest: `here ${nowMs}`, heads: [], isReadable: true }
    step({ type: 'space', view, own: false })
  }
  show()
  step({ type: 'met', peer: 'carrier' })
  /** Minutes at which the carrier of a space in which others write is asked, where it offers each minute. */
  const askedIn = (minutes: number, isBad: boolean, { charter = 'c', checkpoint = 0 } = {}) => {
    const at: number[] = []
    for (let minute = 0; minute < minutes; minute++) {
      show()
      const offer = { ...of, charter, checkpoint, digest: `there ${nowMs}` }
      const effects = step({ type: 'offer', peer: 'carrier', offer })
      if (effects.some(({ type }) => type === 'sendWant')) {
        at.push(minute)
        step({ type: 'took', peer: 'carrier', space: 'house', heads: [], isBad })
        step({ type: 'end', peer: 'carrier', space: 'house' })
      }
      // What is written meanwhile comes from it, too, and is no reason to ask.
      step({ type: 'took', peer: 'carrier', space: 'house', heads: [] })
      nowMs += 60_000
    }
    return at
  }
  expect(askedIn(130, true)).toEqual([0, 2, 6, 14, 30, 62, 94, 126])
  expect(askedIn(1, true, { checkpoint: 1 })).toEqual([0])
  expect(askedIn(3, true, { charter: 'd' })).toEqual([0])
  expect(askedIn(32, false, { charter: 'd' })[0]).toBe(29)
  expect(askedIn(3, false, { charter: 'd' })).toEqual([0, 1, 2])
  // Another stream begins anew.
  askedIn(1, true, { charter: 'e' })
  step({ type: 'unfed', peer: 'carrier' })
  expect(askedIn(3, true, { charter: 'e' })).toEqual([0, 2])
})

it('a peer is in step when it states the charter that is here, and not before: who may read is part of what it has', () => {
  const state = newSync(() => true)
  const step = (event: SyncEvent) => stepSync(state, event, 0, () => 0)
  const head = { writer: { device: 'owner', life: 'a' }, seq: 1, hash: new Uint8Array(32) }
  const of = { space: 'house', checkpoint: 0, content: null }
  const show = (version: number) => {
    const charter = `${version}`
    step({
      type: 'space',
      view: { ...of, version, charter, digest: 'd', heads: [head], isReadable: true },
      own: true
    })
  }
  const states = (version: number) =>
    step({
      type: 'offer',
      peer: 'carrier',
      offer: { ...of, version, charter: `${version}`, digest: 'd' }
    })
  const inStep = () => holders(state, 'house').map(peer => peer.inStep)
  show(1)
  step({ type: 'met', peer: 'carrier' })
  step({ type: 'linked', peer: 'carrier' })
  expect(inStep()).toEqual([])
  step({ type: 'want', peer: 'carrier', space: 'house', version: 0, checkpoint: 0, heads: [head] })
  expect(inStep()).toEqual([false])
  states(1)
  expect(inStep()).toEqual([true])
  show(2)
  expect(inStep()).toEqual([false])
  states(2)
  expect(inStep()).toEqual([true])
})

it('a peer is in step when it says that it has what it was sent: what was sent may be lost with its stream', () => {
  const state = newSync(() => true)
  const step = (event: SyncEvent) => stepSync(state, event, 0, () => 0).effects
  const head = (seq: number) => {
    return { writer: { device: 'owner', life: 'a' }, seq, hash: new Uint8Array(32).fill(seq) }
  }
  const of = { space: 'house', version: 1, checkpoint: 0 }
  const offer = { ...of, charter: 'c', content: null }
  const show = (seq: number) =>
    step({
      type: 'space',
      view: { ...offer, digest: `${seq}`, heads: [head(seq)], isReadable: true },
      own: true
    })
  const inStep = () => holders(state, 'house').map(peer => peer.inStep)
  show(1)
  step({ type: 'met', peer: 'other' })
  step({ type: 'linked', peer: 'other' })
  step({ type: 'offer', peer: 'other', offer: { ...offer, digest: '1' } })
  step({ type: 'want', peer: 'other', ...of, heads: [head(1)] })
  expect(inStep()).toEqual([true])
  const batch = show(2).find(effect => effect.type === 'sendBatch')!
  step({ type: 'sent', peer: 'other', space: 'house', known: batch.known, heads: [head(2)] })
  expect(inStep()).toEqual([false])
  step({ type: 'have', peer: 'other', ...of, heads: [head(2)] })
  expect(inStep()).toEqual([true])
})

it('what could not be taken is asked for again, so late that what never fits costs little', () => {
  const state = newSync(() => true)
  const step = (event: SyncEvent, nowMs: number) =>
    stepSync(state, event, nowMs, () => 0).effects.filter(({ type }) => type === 'sendWant').length
  const offer = { space: 'house', version: 3, charter: 'c', digest: 'd', content: null, checkpoint: 0 }
  const own = { ...offer, digest: 'less', heads: [], isReadable: true }
  step({ type: 'space', view: own, own: false }, 0)
  step({ type: 'met', peer: 'carrier' }, 0)
  expect(step({ type: 'offer', peer: 'carrier', offer }, 0)).toBe(1)
  expect(step({ type: 'refused', peer: 'carrier', space: 'house' }, 1000)).toBe(0)
  const wants = Array.from({ length: 11 }, (_, minute) =>
    step({ type: 'offer', peer: 'carrier', offer }, RESTATE_MS * (minute + 1))
  )
  expect(wants).toEqual([...Array(10).fill(0), 1])
})

it('a device that takes a checkpoint is sent the one that replaces it, whose pieces are those that are here', () => {
  const state = newSync(() => true)
  const step = (event: SyncEvent) => stepSync(state, event, 0, () => 0).effects.map(({ type }) => type)
  const show = (checkpoint: number) => {
    const of = {
      space: 'house',
      version: 1,
      charter: 'c',
      digest: `${checkpoint}`,
      content: null,
      checkpoint
    }
    return step({ type: 'space', view: { ...of, heads: [], isReadable: true }, own: true })
  }
  const want = { type: 'want', peer: 'new', space: 'house', version: 1, heads: [] } as const
  show(1)
  step({ type: 'met', peer: 'new' })
  step({ type: 'linked', peer: 'new' })
  expect(step({ ...want, checkpoint: 0 })).toEqual(['sendCheckpoint'])
  expect(show(1)).toEqual([])
  expect(show(2)).toContain('sendCheckpoint')
  expect(step({ ...want, checkpoint: 2 })).toEqual(['sendEnd'])
})

it('another branch of one writer is sent once, and so is the proof of both', () => {
  const state = newSync(() => true)
  const step = (event: SyncEvent) => stepSync(state, event, 0, () => 0).effects
  const head = (seq: number, branch: number) => {
    return { writer: { device: 'evil', life: 'a' }, seq, hash: new Uint8Array(32).fill(branch) }
  }
  const [a, b, proof] = [head(5, 1), head(5, 2), { ...head(5, 3), frozen: true }]
  const of = { space: 'house', version: 1, checkpoint: 0 }
  const show = (own: typeof a) => {
    const view = { ...of, charter: 'c', digest: `${own.hash}`, content: null, heads: [own], isReadable: true }
    return step({ type: 'space', view, own: true })
  }
  /** Each batch has this as its last envelope. @returns how many go until there is no more. */
  const batches = (last: typeof a, effects: readonly SyncEffect[]) => {
    for (let n = 0; n < 10; n++) {
      const batch = effects.find(effect => effect.type === 'sendBatch')
      if (batch === undefined) return n
      effects = step({ type: 'sent', peer: 'other', space: 'house', known: batch.known, heads: [last] })
    }
    return 10
  }
  show(a)
  step({ type: 'met', peer: 'other' })
  step({ type: 'linked', peer: 'other' })
  expect(batches(a, step({ type: 'want', peer: 'other', ...of, heads: [a] }))).toBe(0)
  expect(batches(a, step({ type: 'want', peer: 'other', ...of, heads: [b] }))).toBe(1)
  // The proof is two envelopes, and its hash is that of none of them.
  expect(batches(b, show(proof))).toBe(1)
  expect(batches(b, step({ type: 'have', peer: 'other', ...of, heads: [proof] }))).toBe(0)
  expect(batches(b, show(proof))).toBe(0)
})

describe('twenty nodes on virtual time', () => {
  it.each([1, 2])('agree within 15 s of the end of a split (seed %i)', seed => {
    const { world, random, join, write } = mesh(seed, 0)
    expect(settled(world)).toEqual([0, 0, 0])
    for (const [a, b] of world.pairs()) if (a % 2 !== b % 2) world.cut(a, b)
    for (let i = 0; i < 300; i++) {
      write()
      world.run(1000 * random())
      if (random() < 0.1) world.nodes[Math.floor(random() * 20)]!.reset(Math.floor(random() * 20))
    }
    join()
    world.run(15_000)
    expect(settled(world)).toEqual([0, 0, 0])
  })

  it.each([1, 2])('agree although messages are lost, late and doubled (seed %i)', seed => {
    const { world, random, write } = mesh(seed, 0.2)
    for (let i = 0; i < 300; i++) {
      write()
      world.run(100 * random())
    }
    world.run(4 * RESTATE_MS)
    expect(settled(world)).toEqual([0, 0, 0])
  })

  it.each([1, 2, 3])(
    'pass an edit on to all of them within a second, with three to four connections each (seed %i)',
    seed => {
      const random = forkRandom(seed, 'sparse')
      const plan = { nodes: 20, mayKnow: () => true, latencyMs: () => 5 + 20 * random(), lossy: 0 }
      const world = new VirtualSpaces(plan, random)
      world.nodes[0]!.create('house')
      for (let node = 1; node < 20; node++) {
        world.connect(node, Math.floor(node * random()))
        world.connect(node, (node + 7) % 20)
      }
      world.run(2000)
      world.nodes[5]!.write('house')
      const sinceMs = world.nowMs
      while (world.behind('house').length > 0 && world.nowMs - sinceMs < 1000) world.run(10)
      expect(world.behind('house')).toEqual([])
    }
  )

  it('what is missing comes once, and what is new little more than once', () => {
    const random = forkRandom(1, 'memory')
    const world = new VirtualSpaces(
      { nodes: 6, mayKnow: () => true, latencyMs: () => 2 + random(), lossy: 0 },
      random
    )
    world.nodes[0]!.create('house')
    for (let i = 0; i < 200; i++) world.nodes[0]!.write('house')
    for (let a = 0; a < 5; a++) for (let b = 0; b < a; b++) world.connect(a, b)
    world.run(5000)
    expect(world.behind('house')).toEqual([5])
    const before = world.came
    for (let other = 0; other < 5; other++) world.connect(5, other)
    world.run(5000)
    expect(world.behind('house')).toEqual([])
    expect(world.came - before).toBe(200)
    world.came = world.cameNew = 0
    for (let i = 0; i < 200; i++) {
      world.nodes[i % 6]!.write('house')
      world.run(200)
    }
    expect(world.cameNew).toBe(1000)
    expect(world.came).toBeLessThan(1100)
  })
})
